// Generated from crates/config/src/settings/table.rs. Do not edit.

export const en = {
  fields: {
    model: "Model",
    port: "Port",
    threads: "Threads",
    variant: "Weights",
    device: "Device",
    keep_alive: "Keep in memory",
    lang: "Language",
    notifications: "Notifications",
    progress_window: "Progress window",
    start_daemon: "Start the daemon when the app starts",
    restart_daemon: "Restart a daemon that crashes",
  },
  hints: {
    model: "A name from the catalog, or the path of a folder with an ONNX model.",
    port: "Apps find Okibi here; 8765 is the usual one.",
    threads: "Empty: as many as the CPU has cores.",
    variant: "Of downloaded models. Automatic decides by CPU and memory.",
    device: "Falls back to the CPU if unavailable.",
    keep_alive: "45s, 30m, 2h or always. Then the model is unloaded until the next request.",
    restart_daemon: "At most three times in ten minutes.",
  },
};

export const ja = {
  fields: {
    model: "モデル",
    port: "ポート",
    threads: "スレッド数",
    variant: "重みの種類",
    device: "計算に使うデバイス",
    keep_alive: "メモリに置く時間",
    lang: "言語",
    notifications: "通知",
    progress_window: "起動ウィンドウ",
    start_daemon: "アプリの起動時にデーモンも起動する",
    restart_daemon: "デーモンが落ちたら再起動する",
  },
  hints: {
    model: "カタログにある名前か、ONNX モデルの入ったフォルダーのパスを指定します。",
    port: "ほかのアプリはここに接続します。通常は 8765 です。",
    threads: "空欄にすると、CPU のコア数になります。",
    variant: "ダウンロードするモデルの精度です。自動では、CPU とメモリから決まります。",
    device: "このパソコンで使えないデバイスを選んだときは、CPU で計算します。",
    keep_alive: "45s、30m、2h、always のように指定します。過ぎると、次のリクエストまで休止します。",
    restart_daemon: "10 分間に 3 回までです。",
  },
};
