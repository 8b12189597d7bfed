//! The command line's help. A setting's flag has its words from the table of settings.

use okibi_config::{Expected, Key, Settings, Words, settings::docs::default_text};
use strum::{EnumString, VariantArray};

use crate::{lang::Lang, pick};

macro_rules! help {
    ($($name:ident: $en:literal, $ja:literal;)*) => {
        /// A text of the help. Commands and arguments are found by their own names: `"no_truncate".parse()`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum Help {
            $(#[doc = $en] $name,)*
        }

        impl Help {
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
    About: "Keeps a text-embedding model warm and serves it to the apps on this machine",
        "テキスト埋め込みモデルを常駐させ、このパソコンのアプリに提供します";
    UsageHeading: "Usage", "使い方";
    CommandsHeading: "Commands", "コマンド";
    OptionsHeading: "Options", "オプション";
    ArgumentsHeading: "Arguments", "引数";
    ExitCodes: "Exit codes: 0 done or running, 1 error, 2 wrong usage, 3 not running.\n\
                Without a command: status.",
        "終了コード: 0 成功または起動中、1 エラー、2 使い方の誤り、3 起動していない。\n\
         コマンドを省略すると status を実行します。";

    // Commands.
    Start: "Start the daemon and wait until its model is loaded", "デーモンを起動し、モデルの読み込みを待ちます";
    Status: "Show whether the daemon is running, and its state", "デーモンの状態を表示します";
    Activity: "Show who is connected, what waits, and the last requests, without their texts",
        "接続中のクライアント、待ち行列、最近のリクエストを表示します (テキストは表示しません)";
    Stop: "Stop the daemon and wait until its port is free", "デーモンを停止し、ポートが空くのを待ちます";
    Restart: "Stop the daemon and start it again, with the same model unless another one is named",
        "デーモンを再起動します。指定がなければ同じモデルを使います";
    Embed: "Turn texts into vectors: the arguments, or the lines of standard input",
        "テキストをベクトルに変換します。引数がなければ標準入力の各行を使います";
    Serve: "Run in the foreground, for containers and service managers",
        "フォアグラウンドで実行します (コンテナーやサービス管理用)";
    Logs: "Show the end of the daemon's log", "デーモンのログの末尾を表示します";
    Completions: "Print a completion script for a shell", "シェルの補完スクリプトを出力します";
    Models: "List, download and delete models", "モデルの一覧、取得、削除";
    List: "List the models on this machine and those that can be downloaded; the same as without a command",
        "このパソコンにあるモデルと取得できるモデルを表示します (省略時と同じ)";
    Pull: "Download a model from the hub", "モデルをハブから取得します";
    Rm: "Delete a model's files", "モデルのファイルを削除します";
    Info: "Show information about a model, and its source", "モデルについて分かっていることと、その出どころを表示します";
    Use: "Switch the running daemon to another model without interruption",
        "起動中のデーモンのモデルを、止めずに切り替えます";

    // Arguments that are not settings.
    ModelName: "Model: a name, or NAME@REVISION", "モデル名、または 名前@リビジョン";
    Replace: "Unload the current model first, if there is not enough memory for both; requests wait meanwhile",
        "両方を置くメモリがないとき、先に現在のモデルを解放します。その間のリクエストは待たされます";
    Keep: "Keep the current model in memory too, for requests that name it",
        "現在のモデルもメモリに残し、名前を指定したリクエストに使います";
    Config: "Configuration file", "設定ファイル";
    Json: "Print JSON: one object per line", "JSON を 1 行に 1 オブジェクトずつ出力します";
    Texts: "Texts to embed", "変換するテキスト";
    InputType: "What the texts are for; decides which of the model's prompts is put before them",
        "テキストの用途。モデルのプロンプトの選択に使います";
    Format: "Output: one object per line (jsonl), one JSON array, or a NumPy file",
        "出力形式: 1 行 1 オブジェクト (jsonl)、1 つの JSON 配列、NumPy ファイル";
    Dimensions: "Keep only the first N values of each vector", "各ベクトルの先頭 N 個の値だけを使います";
    NoTruncate: "Refuse texts over the model's limit instead of truncating them",
        "モデルの上限を超えるテキストを切り詰めず、エラーにします";
    Follow: "Keep showing new lines until Ctrl-C", "Ctrl-C まで新しい行を表示し続けます";
    Lines: "Lines to show", "表示する行数";
    Limit: "Requests to show", "表示するリクエスト数";
    Shell: "Shell", "シェル";
    Help: "Show this help", "このヘルプを表示します";
    Version: "Show the version", "バージョンを表示します";
}

/// The help of a setting's flag, with the numbers that are allowed and the default.
pub fn setting(key: Key, lang: Lang) -> String {
    let declaration = key.declaration();
    let words = |words: Words| pick(lang, words.en, words.ja);
    let text = words(declaration.help);
    let range = match declaration.expected {
        Expected::Number { min, max } => phrase!(lang, " ({min} to {max})", " ({min}〜{max})"),
        _ => String::new(),
    };
    let usual = default_text(&Settings::default().json(key));
    let usual = usual.or_else(|| Some(words(declaration.unset?).to_owned()));
    with_default(&format!("{text}{range}"), usual.as_deref(), lang)
}

/// An argument's help with its default, where it has one.
pub fn with_default(help: &str, usual: Option<&str>, lang: Lang) -> String {
    match usual {
        Some(usual) => phrase!(lang, "{help} [default: {usual}]", "{help} [既定値: {usual}]"),
        None => help.to_owned(),
    }
}
