//! The command line's help.

use crate::{lang::Lang, pick};

macro_rules! help {
    ($($(#[$doc:meta])* $name:ident: $en:literal, $ja:literal;)*) => {
        /// A text of the help.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Help {
            $($(#[$doc])* $name,)*
        }

        impl Help {
            /// Every text.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its words.
            pub const fn text(self, lang: Lang) -> &'static str {
                match self {
                    $(Self::$name => pick(lang, $en, $ja),)*
                }
            }
        }
    };
}

help! {
    /// The program.
    About: "Keeps a text-embedding model warm and serves it to the apps on this machine",
        "テキスト埋め込みモデルを常駐させ、このマシンのアプリに提供します";
    /// Heading of the usage line.
    UsageHeading: "Usage", "使い方";
    /// Heading of the commands.
    CommandsHeading: "Commands", "コマンド";
    /// Heading of the options.
    OptionsHeading: "Options", "オプション";
    /// Heading of the positional arguments.
    ArgumentsHeading: "Arguments", "引数";
    /// What the exit codes mean.
    ExitCodes: "Exit codes: 0 done or running, 1 error, 2 wrong usage, 3 not running.\n\
                Without a command: status.",
        "終了コード: 0 成功または起動中、1 エラー、2 使い方の誤り、3 起動していない。\n\
         コマンドを省略すると status を実行します。";
    /// `start`.
    Start: "Start the daemon and wait until its model is loaded", "デーモンを起動し、モデルの読み込みを待ちます";
    /// `status`.
    Status: "Show whether the daemon runs, and how it is", "デーモンの状態を表示します";
    /// `stop`.
    Stop: "Stop the daemon and wait until its port is free", "デーモンを停止し、ポートが空くのを待ちます";
    /// `restart`.
    Restart: "Stop the daemon and start it again; the model stays unless another one is named",
        "デーモンを再起動します。指定がなければ同じモデルを使います";
    /// `embed`.
    Embed: "Turn texts into vectors: the arguments, or the lines of standard input",
        "テキストをベクトルに変換します。引数がなければ標準入力の各行を使います";
    /// `serve`.
    Serve: "Run in the foreground, for containers and service managers",
        "フォアグラウンドで実行します (コンテナーやサービス管理用)";
    /// `logs`.
    Logs: "Show the end of the daemon's log", "デーモンのログの末尾を表示します";
    /// `completions`.
    Completions: "Print a completion script for a shell", "シェルの補完スクリプトを出力します";
    /// `models`.
    Models: "List, fetch and delete models", "モデルの一覧、取得、削除";
    /// `models list`.
    ModelsList: "List what is on this machine and what is known; the same as without a command",
        "このマシンにあるモデルと取得できるモデルを表示します (省略時と同じ)";
    /// `models pull`.
    ModelsPull: "Fetch a model from the hub", "モデルをハブから取得します";
    /// `models rm`.
    ModelsRm: "Delete a model's files", "モデルのファイルを削除します";
    /// `models info`.
    ModelsInfo: "Show what is known about a model, and from where", "モデルについて分かっていることと、その出どころを表示します";
    /// `use`.
    Use: "Change the running daemon over to another model, without a gap",
        "起動中のデーモンのモデルを、止めずに切り替えます";
    /// `NAME` of `models` and `use`.
    ModelName: "Model: a name, or NAME@REVISION", "モデル名、または 名前@リビジョン";
    /// `use --replace`.
    Replace: "Unload the present model first, where memory is too short for both; requests wait meanwhile",
        "両方を置くメモリーがないとき、先に現在のモデルを解放します。その間のリクエストは待たされます";
    /// `use --keep`.
    Keep: "Keep the present model in memory too, for requests that name it",
        "現在のモデルもメモリーに残し、名前を指定したリクエストに使います";
    /// `--model`.
    Model: "Model: a name, or a folder such as ./folder", "モデル名、または ./folder のようなフォルダー";
    /// `--port`.
    Port: "Port [default: 8765]", "ポート番号 [既定値: 8765]";
    /// `--threads`.
    Threads: "Threads to compute with [default: all physical cores]",
        "計算に使うスレッド数 [既定値: 物理コア数]";
    /// `--lang`.
    Lang: "Language of messages: auto, en or ja", "メッセージの言語: auto、en、ja";
    /// `--config`.
    Config: "Configuration file", "設定ファイル";
    /// `--json`.
    Json: "Print JSON: one object a line", "JSON を 1 行に 1 オブジェクトずつ出力します";
    /// `embed TEXT`.
    Text: "Texts to embed", "変換するテキスト";
    /// `--input-type`.
    InputType: "What the texts are for; decides which of the model's prompts is put before them [default: none]",
        "テキストの用途。モデルのプロンプトの選択に使います [既定値: none]";
    /// `--format`.
    Format: "Output: one object a line (jsonl), one JSON array, or a NumPy file [default: jsonl]",
        "出力形式: 1 行 1 オブジェクト (jsonl)、1 つの JSON 配列、NumPy ファイル [既定値: jsonl]";
    /// `--dimensions`.
    Dimensions: "Keep only the first N values of each vector", "各ベクトルの先頭 N 個の値だけを使います";
    /// `--no-truncate`.
    NoTruncate: "Refuse texts over the model's limit instead of cutting them",
        "モデルの上限を超えるテキストを切り詰めず、エラーにします";
    /// `logs -f`.
    Follow: "Go on showing new lines until Ctrl-C", "Ctrl-C まで新しい行を表示し続けます";
    /// `logs -n`.
    Lines: "Lines to show [default: 50]", "表示する行数 [既定値: 50]";
    /// `completions SHELL`.
    Shell: "Shell", "シェル";
    /// `--help`.
    HelpFlag: "Show this help", "このヘルプを表示します";
    /// `--version`.
    Version: "Show the version", "バージョンを表示します";
    /// `--log`.
    LogFilter: "Filter of the log, such as info or okibi_engine=debug",
        "ログのフィルター (例: info、okibi_engine=debug)";
    /// `--drain-seconds`.
    DrainSeconds: "Seconds that requests in flight have to finish when the daemon stops [default: 10]",
        "停止時に処理中のリクエストを待つ秒数 [既定値: 10]";
    /// `--assets`.
    Assets: "Folder with the embedded model and ONNX Runtime", "内蔵モデルと ONNX Runtime のフォルダー";
    /// `--onnxruntime`.
    Onnxruntime: "ONNX Runtime library", "ONNX Runtime のライブラリー";
    /// `--batch-tokens`.
    BatchTokens: "Tokens of one batch at most, padding included", "1 バッチの最大トークン数 (パディングを含む)";
    /// `--host`.
    Host: "Further address to listen on; needs --require-token true [default: this machine only]",
        "追加で待ち受けるアドレス。--require-token true が必要です [既定値: このマシンのみ]";
    /// `--allowed-hosts`.
    AllowedHosts: "Names of this machine that requests may be sent to, with commas between",
        "要求の宛先として認めるこのマシンの名前 (カンマ区切り)";
    /// `--allowed-origins`.
    AllowedOrigins: "Origins of web pages and extensions to let in, such as app://obsidian.md",
        "受け付ける Web ページや拡張機能のオリジン (例: app://obsidian.md)";
    /// `--require-token`.
    RequireToken: "Whether requests have to bring a token [default: false]",
        "要求にトークンを必須にするか [既定値: false]";
    /// `--model-names`.
    ModelNames: "Further names under which apps may ask for the loaded model; * for every name",
        "読み込んだモデルの別名。* はすべての名前";
    /// `--max-connections`.
    MaxConnections: "Connections at once [default: 1024]", "同時接続数の上限 [既定値: 1024]";
    /// `--max-request-mb`.
    MaxRequestMb: "Megabytes of a request at most [default: 32]", "1 要求の最大メガバイト数 [既定値: 32]";
    /// `--max-inputs`.
    MaxInputs: "Texts of a request at most, where its answer is not streamed [default: 10000]",
        "1 要求の最大テキスト数 (分割応答を除く) [既定値: 10000]";
    /// `--max-request-tokens`.
    MaxRequestTokens: "Tokens of a request at most [default: 4000000]", "1 要求の最大トークン数 [既定値: 4000000]";
    /// `--variant`.
    Variant: "Which weights of a repository to take [default: auto, by processor and memory]",
        "リポジトリーのどの重みを使うか [既定値: auto、プロセッサーとメモリーで選択]";
    /// `--device`.
    Device: "What computes: auto, cpu, cuda, coreml or directml [default: cpu]",
        "計算に使う装置: auto、cpu、cuda、coreml、directml [既定値: cpu]";
    /// `--keep-alive`.
    KeepAlive: "How long a model that nobody asks for stays in memory: always, 30m, 2h [default: always for the embedded model, 30m for others]",
        "使われないモデルをメモリーに残す時間: always、30m、2h [既定値: 内蔵モデルは always、ほかは 30m]";
    /// `--keep-models`.
    KeepModels: "Models in memory at once [default: 3]", "同時にメモリーに置くモデルの数 [既定値: 3]";
    /// `--max-model-mb`.
    MaxModelMb: "Megabytes of weights in memory at once [default: no limit but the machine's]",
        "同時にメモリーに置く重みのメガバイト数 [既定値: マシンの空きメモリーまで]";
    /// `--load-on-demand`.
    LoadOnDemand: "Whether a request loads the model it names, where that is on this machine [default: true]",
        "要求が指定したモデルがこのマシンにあれば読み込むか [既定値: true]";
    /// `--model-folders`.
    ModelFolders: "Further folders of models, with commas between", "追加のモデルフォルダー (カンマ区切り)";
    /// `--header-seconds`.
    HeaderSeconds: "Seconds for the headers of an HTTP request [default: 10]",
        "HTTP ヘッダーの受信を待つ秒数 [既定値: 10]";
    /// `--body-seconds`.
    BodySeconds: "Seconds for the body of an HTTP request [default: 30]",
        "HTTP 本文の受信を待つ秒数 [既定値: 30]";
    /// `--write-seconds`.
    WriteSeconds: "Seconds after which a client that takes no byte of its answer is cut [default: 30]",
        "応答を読まないクライアントを切断するまでの秒数 [既定値: 30]";
    /// `--ping-seconds`.
    PingSeconds: "Seconds between two pings of a WebSocket [default: 20]",
        "WebSocket に ping を送る間隔の秒数 [既定値: 20]";
    /// `--max-batch`.
    MaxBatch: "Requests of a JSON-RPC batch at most [default: 1024]",
        "JSON-RPC バッチの最大要求数 [既定値: 1024]";
    /// `--max-buffered-mb`.
    MaxBufferedMb: "Megabytes that all requests hold together at most, and all answers [default: 256]",
        "すべての要求、すべての応答がそれぞれ保持できる最大メガバイト数 [既定値: 256]";
    /// `--max-queued-texts`.
    MaxQueuedTexts: "Texts that wait in the queue at most", "待ち行列に入るテキストの最大数";
}
