//! Every setting there is, one block each. Nothing about a setting is written anywhere else: the names in the file, the
//! environment and on the command line, both helps, the settings window's fields, what a daemon is told and the table
//! in `docs/configuration.md` all come from here.
//!
//! A block says the name and the type; the default, or `None` and the rule that holds then (`unset`); what a value has
//! to be; who reads it; and what it does, in both languages. `short`, `placeholder`, `note` and `window` are as in
//! [`Declaration`]. Settings that depend on each other are checked where they are loaded.

use std::{net::IpAddr, path::PathBuf};

use okibi_protocol::{
    DEFAULT_PORT,
    models::{DEFAULT_MODEL, Variant},
};
use strum::VariantNames;

use super::{
    choices::{BackendChoice, DeviceChoice, KeepAlive, LangChoice, NotificationChoice, ProgressChoice},
    declaration::{
        Declaration,
        Expected::{self, Address, Folders, List, Model, OneOf, Origins, Path, Port, Switch, Text, Time},
        Scope, field, field_with_hint, words,
    },
    declare::settings,
    setting::{Setting, Source},
    value::Value,
};

/// Where [`Settings`] come from.
pub(crate) trait ReadSetting {
    /// The value of `key`, or else the default.
    fn read<T: Value>(&mut self, key: Key, default: impl FnOnce() -> T) -> Setting<T>;
}

/// A whole number, both ends included.
const fn between(min: u64, max: u64) -> Expected {
    Expected::Number { min, max }
}

settings! {
    // The model, and what computes.
    model (Model): String {
        default: DEFAULT_MODEL.into(), expected: Model, scope: Daemon,
        en: "Model: a name, or a folder such as ./folder",
        ja: "モデル名、または ./folder のようなフォルダー",
        short: Some('m'),
        placeholder: Some("NAME|./DIR"),
        note: Some("A folder is written `./dir`, `../dir`, `~/dir`, `dir/` or as an absolute path"),
        window: field_with_hint(
            words("Model", "モデル"),
            words(
                "A name from the catalog, or the path of a folder with an ONNX model.",
                "カタログにある名前か、ONNX モデルの入ったフォルダーのパスを指定します。",
            ),
        ),
    }
    port (Port): u16 {
        default: DEFAULT_PORT, expected: Port, scope: DaemonAndClients,
        en: "Port to serve on",
        ja: "ポート番号",
        window: field_with_hint(
            words("Port", "ポート"),
            words("Apps connect to this port. The default is 8765.", "ほかのアプリはここに接続します。通常は 8765 です。"),
        ),
    }
    threads (Threads): Option<usize> {
        default: None, expected: between(1, 1024), scope: Daemon,
        en: "Threads to compute with",
        ja: "計算に使うスレッド数",
        unset: Some(words("all physical cores", "物理コア数")),
        window: field_with_hint(
            words("Threads", "スレッド数"),
            words("Empty: as many as the CPU has cores.", "空欄にすると、CPU のコア数になります。"),
        ),
    }
    variant (Variant): Variant {
        default: Variant::Auto, expected: OneOf(Variant::VARIANTS), scope: Daemon,
        en: "Which weights of a repository to use",
        ja: "リポジトリのどの重みを使うか",
        note: Some("`auto` decides by CPU and memory"),
        window: field_with_hint(
            words("Weights", "重みの種類"),
            words(
                "Precision of downloaded models. Automatic fits your CPU and memory.",
                "ダウンロードするモデルの精度です。自動では、CPU とメモリに合わせて決まります。",
            ),
        ),
    }
    device (Device): DeviceChoice {
        default: DeviceChoice::Cpu, expected: OneOf(DeviceChoice::VARIANTS), scope: Daemon,
        en: "Compute device",
        ja: "計算に使うデバイス",
        note: Some(
            "If the ONNX Runtime library does not have the device, Okibi falls back to the CPU, and the status says so"
        ),
        window: field_with_hint(
            words("Compute device", "計算デバイス"),
            words(
                "Falls back to the CPU if it isn’t available.",
                "このパソコンで使えないデバイスを選んだときは、CPU で計算します。",
            ),
        ),
    }
    backend (Backend): BackendChoice {
        default: BackendChoice::Auto, expected: OneOf(BackendChoice::VARIANTS), scope: Daemon,
        en: "What computes a model",
        ja: "計算に使うエンジン",
        note: Some(
            "`auto` is Okibi itself where it knows the network and has its makers' weights, else ONNX Runtime; `onnx` needs an \
             ONNX export"
        ),
    }
    batch_tokens (BatchTokens): usize {
        default: 512, expected: between(1, 1 << 20), scope: Daemon,
        en: "Tokens in a batch, padding included",
        ja: "1 バッチの最大トークン数 (パディングを含む)",
        note: Some("A longer text runs alone"),
    }
    assets (Assets): Option<PathBuf> {
        default: None, expected: Path, scope: Daemon,
        en: "Folder with the bundled model and ONNX Runtime",
        ja: "付属モデルと ONNX Runtime のフォルダー",
        unset: Some(words("beside the program", "プログラムと同じ場所")),
        placeholder: Some("DIR"),
    }
    onnxruntime (Onnxruntime): Option<PathBuf> {
        default: None, expected: Path, scope: Daemon,
        en: "ONNX Runtime library",
        ja: "ONNX Runtime のライブラリ",
        unset: Some(words("the one in the assets folder", "assets フォルダーにあるもの")),
        placeholder: Some("FILE"),
    }

    // Models in memory and on this machine.
    keep_alive (KeepAlive): Option<KeepAlive> {
        default: None, expected: Time, scope: Daemon,
        en: "How long a model stays in memory after its last request: always, 30m, 2h",
        ja: "使われないモデルをメモリに残す時間: always、30m、2h",
        unset: Some(words("always for the bundled model, 30m for others", "付属モデルは always、ほかは 30m")),
        note: Some("The next request loads it again"),
        window: field_with_hint(
            words("Keep in memory", "メモリに保持する時間"),
            words(
                "Unload after this long without requests: 45s, 30m, 2h, always.",
                "45s、30m、2h、always のように指定します。この時間使われないと、次のリクエストまで休止します。",
            ),
        ),
    }
    keep_models (KeepModels): usize {
        default: 3, expected: between(1, 64), scope: Daemon,
        en: "Models in memory at once",
        ja: "同時にメモリに置くモデルの数",
        note: Some("The least recently used one goes first"),
    }
    max_model_mb (MaxModelMb): Option<usize> {
        default: None, expected: between(1, 1 << 24), scope: Daemon,
        en: "Megabytes of weights in memory at once",
        ja: "同時にメモリに置く重みのメガバイト数",
        unset: Some(words("what the machine has free", "パソコンの空きメモリまで")),
    }
    load_on_demand (LoadOnDemand): bool {
        default: true, expected: Switch, scope: Daemon,
        en: "Whether a request loads the model it names, if that is on this machine",
        ja: "リクエストが指定したモデルがこのパソコンにあれば読み込むか",
        note: Some("A request never downloads anything"),
    }
    model_folders (ModelFolders): Vec<String> {
        default: Vec::new(), expected: Folders, scope: Daemon,
        en: "More folders of models, separated by commas",
        ja: "追加のモデルフォルダー (カンマ区切り)",
        placeholder: Some("DIR,…"),
        note: Some("Each is the folder of one model"),
    }
    models_dir (ModelsDir): Option<PathBuf> {
        default: None, expected: Path, scope: Daemon,
        en: "Folder that downloaded models are kept in",
        ja: "ダウンロードしたモデルを保存するフォルダー",
        unset: Some(words("the one that other tools of the hub use", "ハブのほかのツールと同じ場所")),
        placeholder: Some("DIR"),
        window: field_with_hint(
            words("Folder for downloads", "ダウンロード先のフォルダー"),
            words(
                "Empty: where other tools keep models of the hub. What is there already is not moved.",
                "空欄にすると、ハブのほかのツールと同じ場所です。すでにあるモデルは移動しません。",
            ),
        ),
    }
    hub_url (HubUrl): Option<String> {
        default: None, expected: Text, scope: Daemon,
        en: "Address of the hub that models are downloaded from",
        ja: "モデルをダウンロードするハブのアドレス",
        unset: Some(words("HF_ENDPOINT, or the public hub", "HF_ENDPOINT、なければ公開ハブ")),
        placeholder: Some("URL"),
        window: field_with_hint(
            words("Hub address", "ハブのアドレス"),
            words("Empty: the public hub. A mirror is written as https://….", "空欄にすると公開ハブです。ミラーは https://… のように指定します。"),
        ),
    }
    proxy (Proxy): Option<String> {
        default: None, expected: Text, scope: Daemon,
        en: "Proxy that downloads go through, such as http://proxy:3128",
        ja: "ダウンロードに使うプロキシ (例: http://proxy:3128)",
        unset: Some(words("HTTPS_PROXY, or none", "HTTPS_PROXY、なければなし")),
        placeholder: Some("URL"),
        note: Some("Other programs of this machine can read it: leave a password out"),
        window: field_with_hint(
            words("Proxy", "プロキシ"),
            words("For downloads only, such as http://proxy:3128.", "ダウンロードにだけ使います。例: http://proxy:3128"),
        ),
    }
    model_names (ModelNames): Vec<String> {
        default: Vec::new(), expected: List, scope: Daemon,
        en: "More names under which apps may ask for the current model; * for every name",
        ja: "現在のモデルの別名。* はすべての名前",
        placeholder: Some("NAME,…"),
    }

    // The daemon itself.
    log (Log): String {
        default: "info".into(), expected: Text, scope: Daemon,
        en: "Filter of the log, such as info or okibi_engine=debug",
        ja: "ログのフィルター (例: info、okibi_engine=debug)",
        placeholder: Some("FILTER"),
    }
    drain_seconds (DrainSeconds): u64 {
        default: 10, expected: between(0, 3600), scope: Daemon,
        en: "Seconds that requests in progress have to finish when the daemon stops",
        ja: "停止時に処理中のリクエストを待つ秒数",
    }

    // Who may ask.
    host (Host): Option<IpAddr> {
        default: None, expected: Address, scope: Daemon,
        en: "Another address to listen on; needs --require-token true",
        ja: "追加で待ち受けるアドレス。--require-token true が必要です",
        unset: Some(words("this machine only", "このパソコンのみ")),
    }
    allowed_hosts (AllowedHosts): Vec<String> {
        default: Vec::new(), expected: List, scope: Daemon,
        en: "Names of this machine that requests may be sent to, separated by commas",
        ja: "リクエストの宛先として認めるこのパソコンの名前 (カンマ区切り)",
        placeholder: Some("NAME,…"),
        window: field_with_hint(
            words("Other names of this computer", "このパソコンの別名"),
            words(
                "Names that requests may be sent to besides localhost, separated by commas.",
                "localhost のほかにリクエストの宛先として認める名前を、カンマで区切って指定します。",
            ),
        ),
    }
    allowed_origins (AllowedOrigins): Vec<String> {
        default: Vec::new(), expected: Origins, scope: Daemon,
        en: "Origins of web pages and extensions to let in, such as app://obsidian.md",
        ja: "受け付ける Web ページや拡張機能のオリジン (例: app://obsidian.md)",
        placeholder: Some("ORIGIN,…"),
        note: Some("`scheme://*` for all of a scheme"),
        window: field_with_hint(
            words("Allowed web pages and extensions", "許可する Web ページと拡張機能"),
            words(
                "Origins, separated by commas, such as app://obsidian.md.",
                "オリジンをカンマで区切って指定します。例: app://obsidian.md",
            ),
        ),
    }
    require_token (RequireToken): bool {
        default: false, expected: Switch, scope: Daemon,
        en: "Whether requests must bring a token",
        ja: "リクエストにトークンを必須にするか",
        window: field_with_hint(
            words("Require a token", "トークンを必須にする"),
            words(
                "Apps then need the token below as their API key.",
                "アプリには、下のトークンを API キーとして設定します。",
            ),
        ),
    }

    // How much they may ask.
    max_connections (MaxConnections): usize {
        default: 1024, expected: between(1, 65_535), scope: Daemon,
        en: "Connections at once",
        ja: "同時接続数の上限",
    }
    max_request_mb (MaxRequestMb): usize {
        default: 32, expected: between(1, 1024), scope: Daemon,
        en: "Megabytes in a request",
        ja: "1 リクエストの最大メガバイト数",
    }
    max_inputs (MaxInputs): usize {
        default: 10_000, expected: between(1, 1 << 20), scope: Daemon,
        en: "Texts in a request whose answer is not streamed",
        ja: "1 リクエストの最大テキスト数 (分割応答を除く)",
    }
    max_request_tokens (MaxRequestTokens): usize {
        default: 4_000_000, expected: between(1, 1 << 40), scope: Daemon,
        en: "Tokens in a request, over all its texts",
        ja: "1 リクエストの最大トークン数",
    }
    max_batch (MaxBatch): usize {
        default: 1024, expected: between(1, 1 << 16), scope: Daemon,
        en: "Requests in a JSON-RPC batch",
        ja: "JSON-RPC バッチの最大リクエスト数",
    }
    max_buffered_mb (MaxBufferedMb): Option<usize> {
        default: None, expected: between(1, 1 << 20), scope: Daemon,
        en: "Megabytes that all requests may hold together, and all unread answers",
        ja: "すべてのリクエスト、すべての未読の応答がそれぞれ保持できる最大メガバイト数",
        unset: Some(words(
            "256, or four times max_request_mb where that is more",
            "256。max_request_mb の 4 倍のほうが大きければその値",
        )),
        note: Some("At least twice `max_request_mb`"),
    }
    max_queued_texts (MaxQueuedTexts): usize {
        default: 50_000, expected: between(1, 1 << 30), scope: Daemon,
        en: "Texts that may wait in the queue",
        ja: "待ち行列に入るテキストの最大数",
        note: Some("Requests over it get error −32002"),
    }
    header_seconds (HeaderSeconds): u64 {
        default: 10, expected: between(1, 3600), scope: Daemon,
        en: "Seconds to wait for the headers of an HTTP request",
        ja: "HTTP ヘッダーの受信を待つ秒数",
    }
    body_seconds (BodySeconds): u64 {
        default: 30, expected: between(1, 3600), scope: Daemon,
        en: "Seconds to wait for the body of an HTTP request",
        ja: "HTTP 本文の受信を待つ秒数",
    }
    write_seconds (WriteSeconds): u64 {
        default: 30, expected: between(1, 3600), scope: Daemon,
        en: "Seconds after which a client that reads nothing of its answer is disconnected",
        ja: "応答を読まないクライアントを切断するまでの秒数",
    }
    ping_seconds (PingSeconds): u64 {
        default: 20, expected: between(1, 3600), scope: Daemon,
        en: "Seconds between two pings of a WebSocket",
        ja: "WebSocket に ping を送る間隔の秒数",
    }

    // The command line and the tray app.
    lang (Lang): LangChoice {
        default: LangChoice::Auto, expected: OneOf(LangChoice::VARIANTS), scope: Front,
        en: "Language of messages",
        ja: "メッセージの言語",
        note: Some("`auto` is the system's"),
        window: field(words("Language", "言語")),
    }
    notifications (Notifications): NotificationChoice {
        default: NotificationChoice::All, expected: OneOf(NotificationChoice::VARIANTS), scope: Tray,
        en: "Which notifications the tray app shows",
        ja: "トレイアプリが表示する通知",
        window: field(words("Notifications", "通知")),
    }
    progress_window (ProgressWindow): ProgressChoice {
        default: ProgressChoice::Slow, expected: OneOf(ProgressChoice::VARIANTS), scope: Tray,
        en: "When the tray app's progress window opens by itself",
        ja: "トレイアプリの起動ウィンドウを自動で開くとき",
        note: Some("`slow` is after a second"),
        window: field(words("Progress window", "起動ウィンドウ")),
    }
    start_daemon (StartDaemon): bool {
        default: true, expected: Switch, scope: Tray,
        en: "Whether the tray app starts the daemon when it starts",
        ja: "トレイアプリの起動時にデーモンも起動するか",
        window: field(words("Start the daemon when the app starts", "アプリの起動時にデーモンも起動する")),
    }
    update_url (UpdateUrl): Option<String> {
        default: None, expected: Text, scope: Tray,
        en: "Address that the tray app asks for the newest version when the user wants to know",
        ja: "ユーザーが確認したときに、トレイアプリが最新バージョンを尋ねるアドレス",
        unset: Some(words("no update is looked for", "アップデートを確認しない")),
        placeholder: Some("URL"),
        note: Some("A document `{\"version\": …, \"notes\": …}`, and its minisign signature under the same address with `.minisig` at its end"),
        window: field_with_hint(
            words("Update address", "アップデートの確認先"),
            words(
                "Empty: updates are never looked for. It is asked only when you press “Check for updates”.",
                "空欄にすると、アップデートを確認しません。「アップデートを確認」を押したときだけ問い合わせます。",
            ),
        ),
    }
    update_key (UpdateKey): Option<String> {
        default: None, expected: Text, scope: Tray,
        en: "Public key (minisign) that signs what the update address says",
        ja: "アップデートの確認先の内容に署名する公開鍵 (minisign)",
        unset: Some(words("no update is looked for", "アップデートを確認しない")),
        placeholder: Some("KEY"),
        window: field_with_hint(
            words("Update key", "アップデート用の鍵"),
            words("The minisign public key of who publishes the updates.", "アップデートを公開する人の minisign 公開鍵です。"),
        ),
    }
    restart_daemon (RestartDaemon): bool {
        default: true, expected: Switch, scope: Tray,
        en: "Whether the tray app restarts a daemon that crashes",
        ja: "デーモンが異常終了したときトレイアプリが再起動するか",
        note: Some("At most three times in ten minutes"),
        window: field_with_hint(
            words("Restart the daemon if it crashes", "デーモンが異常終了したら再起動する"),
            words("At most three times in ten minutes.", "10 分間に 3 回までです。"),
        ),
    }
}
