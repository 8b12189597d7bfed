//! Why a model cannot be loaded, in words.
//!
//! The same kinds as the engine's own error, which this crate does not know: the tray shows these sentences and
//! links no engine.

use std::path::PathBuf;

use crate::lang::Lang;

/// Why a model cannot be loaded. A `cause` is one line, as a library or the OS said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadProblem {
    /// No source knows the name.
    UnknownModel {
        /// The name.
        name: String,
        /// Known names like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The model's folder is not there.
    MissingFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The model's folder lacks a file.
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file, relative to it.
        file: String,
    },
    /// The folder has weights, but not as ONNX.
    OnlySafetensors {
        /// The folder.
        folder: PathBuf,
    },
    /// The embedded model is not installed.
    EmbeddedModelNotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// A file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A configuration file of the model is not what it should be.
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// The model pools in a way that is not supported.
    Pooling {
        /// The file that says so.
        path: PathBuf,
        /// The pooling.
        mode: String,
    },
    /// No ONNX Runtime library was found.
    RuntimeNotFound {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The ONNX Runtime library cannot be used.
    RuntimeUnusable {
        /// The library.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The tokenizer is broken.
    Tokenizer {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The model is broken.
    Model {
        /// Its file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The folder of downloaded models cannot be written.
    CacheUnwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A file cannot be downloaded.
    Download {
        /// The hub repository.
        repository: String,
        /// The file in it.
        file: String,
        /// Why.
        cause: String,
    },
    /// The model failed at its first run.
    WarmUp {
        /// Why.
        cause: String,
    },
    /// The front did not give the port up, or another program took it.
    PortNotFreed {
        /// The port.
        port: u16,
        /// Why.
        cause: String,
    },
}

impl LoadProblem {
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::UnknownModel { name, nearest } if nearest.is_empty() => phrase!(
                lang,
                "There is no model {name:?}. For a model in a folder, write its path, as in `-m ./folder`.",
                "モデル「{name}」はありません。フォルダーにあるモデルは `-m ./folder` のようにパスで指定してください。"
            ),
            Self::UnknownModel { name, nearest } => {
                let nearest = nearest.join(", ");
                phrase!(
                    lang,
                    "There is no model {name:?}. Near to it: {nearest}. For a model in a folder, write its path, \
                     as in `-m ./folder`.",
                    "モデル「{name}」はありません。近い名前: {nearest}。\
                     フォルダーにあるモデルは `-m ./folder` のようにパスで指定してください。"
                )
            }
            Self::MissingFolder { folder } => {
                let folder = folder.display();
                phrase!(
                    lang,
                    "There is no model folder {folder}. Check the path.",
                    "モデルフォルダー {folder} がありません。パスを確認してください。"
                )
            }
            Self::MissingFile { folder, file } => {
                let folder = folder.display();
                phrase!(
                    lang,
                    "The model folder {folder} has no {file}. Check the path, or fetch the model again.",
                    "モデルフォルダー {folder} に {file} がありません。パスを確認するか、モデルを取得し直してください。"
                )
            }
            Self::OnlySafetensors { folder } => {
                let folder = folder.display();
                phrase!(
                    lang,
                    "The model folder {folder} has safetensors weights but no ONNX export. Fetch the model's \
                     `onnx` folder, or export it, for example with `optimum-cli export onnx`.",
                    "モデルフォルダー {folder} には safetensors の重みだけがあり、ONNX 形式のモデルがありません。\
                     モデルの `onnx` フォルダーを取得するか、`optimum-cli export onnx` などで変換してください。"
                )
            }
            Self::EmbeddedModelNotFound { searched } => {
                let searched = paths(searched);
                phrase!(
                    lang,
                    "The embedded model is not installed (looked in {searched}). Reinstall Okibi; in the source \
                     tree run `cargo xtask run`.",
                    "内蔵モデルが見つかりません (探した場所: {searched})。Okibi を再インストールしてください。\
                     ソースツリーでは `cargo xtask run` を実行してください。"
                )
            }
            Self::Unreadable { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "{path} cannot be read: {cause}. Check the file and its permissions.",
                    "{path} を読み込めません: {cause}。ファイルとアクセス権を確認してください。"
                )
            }
            Self::Configuration { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "{path} is not a valid configuration of a model: {cause}. Fetch the model again.",
                    "{path} はモデルの設定として正しくありません: {cause}。モデルを取得し直してください。"
                )
            }
            Self::Pooling { path, mode } => {
                let path = path.display();
                phrase!(
                    lang,
                    "The model pools by {mode:?} ({path}), which Okibi does not support. Choose a model with mean, \
                     CLS or last-token pooling.",
                    "このモデルのプーリング方式「{mode}」({path}) には対応していません。\
                     平均、CLS、最終トークンのいずれかの方式のモデルを選んでください。"
                )
            }
            Self::RuntimeNotFound { searched } => {
                let searched = paths(searched);
                phrase!(
                    lang,
                    "ONNX Runtime was not found (looked in {searched}). Reinstall Okibi, or name the library with \
                     `OKIBI_ONNXRUNTIME`.",
                    "ONNX Runtime が見つかりません (探した場所: {searched})。Okibi を再インストールするか、\
                     `OKIBI_ONNXRUNTIME` でライブラリーを指定してください。"
                )
            }
            Self::RuntimeUnusable { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "The ONNX Runtime library {path} cannot be used: {cause}. Name another one with \
                     `OKIBI_ONNXRUNTIME`.",
                    "ONNX Runtime のライブラリー {path} を使えません: {cause}。\
                     `OKIBI_ONNXRUNTIME` で別のライブラリーを指定してください。"
                )
            }
            Self::Tokenizer { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "The tokenizer {path} is broken: {cause}. Fetch the model again.",
                    "トークナイザー {path} が壊れています: {cause}。モデルを取得し直してください。"
                )
            }
            Self::Model { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "The model {path} is broken or is no text-embedding model: {cause}. Fetch it again.",
                    "モデル {path} が壊れているか、テキスト埋め込みモデルではありません: {cause}。モデルを取得し直してください。"
                )
            }
            Self::CacheUnwritable { path, cause } => {
                let path = path.display();
                phrase!(
                    lang,
                    "The model folder {path} cannot be written: {cause}. Give yourself the right to write there, \
                     or name another folder with `OKIBI_CACHE_DIR`.",
                    "モデルの保存先 {path} に書き込めません: {cause}。書き込み権限を確認するか、\
                     `OKIBI_CACHE_DIR` で別のフォルダーを指定してください。"
                )
            }
            Self::Download {
                repository,
                file,
                cause,
            } => phrase!(
                lang,
                "{file} of {repository} cannot be downloaded: {cause}. Check the network connection and start \
                 again; what is there already is kept.",
                "{repository} の {file} をダウンロードできません: {cause}。ネットワーク接続を確認して、もう一度起動してください。\
                 ダウンロード済みの分は再利用されます。"
            ),
            Self::WarmUp { cause } => phrase!(
                lang,
                "The model was loaded but does not run: {cause}. It may not be a text-embedding model.",
                "モデルを読み込みましたが、実行できません: {cause}。テキスト埋め込みモデルではない可能性があります。"
            ),
            Self::PortNotFreed { port, cause } => phrase!(
                lang,
                "The model is loaded, but port {port} did not become free: {cause}. Start again, or choose another \
                 port with `--port`.",
                "モデルは読み込めましたが、ポート {port} が空きませんでした: {cause}。もう一度起動するか、\
                 `--port` で別のポートを指定してください。"
            ),
        }
    }
}

fn paths(paths: &[PathBuf]) -> String {
    let texts: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    texts.join(", ")
}
