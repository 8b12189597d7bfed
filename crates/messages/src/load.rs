//! Why a model cannot be loaded, in words.
//!
//! The same kinds as the engine's own error, which this crate does not know: the tray shows these sentences and
//! links no engine. It knows the errors about a model's source, which the tray has too.

use std::path::PathBuf;

use okibi_models::ModelError;

use crate::{chain, lang::Lang, units};

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
    /// There are weights, but not as ONNX.
    OnlySafetensors {
        /// The folder, or the repository.
        place: String,
        /// A known model with an export of the same weights.
        export: Option<String>,
    },
    /// The repository has no weights that can be used.
    NoOnnx {
        /// The hub repository.
        repository: String,
    },
    /// The repository does not have the variant asked for.
    NoVariant {
        /// The hub repository.
        repository: String,
        /// The variant.
        asked: String,
        /// Those it has.
        available: Vec<String>,
    },
    /// The hub has no such repository, or hides it.
    NotOnHub {
        /// The repository.
        repository: String,
        /// Known names like it, the nearest first.
        nearest: Vec<String>,
    },
    /// The repository has no such revision.
    NoRevision {
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
    },
    /// The repository is open only to those who have agreed to its terms.
    Gated {
        /// The repository.
        repository: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The hub may not be asked, and the files are not all here.
    Offline {
        /// The repository.
        repository: String,
    },
    /// Nobody answers at the hub's address.
    Unreachable {
        /// Its address.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// Nobody whom this machine trusts vouches for the hub's certificate.
    Untrusted {
        /// Its address.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// What came is not what the hub says the file is.
    WrongHash {
        /// The repository.
        repository: String,
        /// The file.
        file: String,
    },
    /// The disk has too little room.
    NoSpace {
        /// The cache.
        path: PathBuf,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The repository asks for something that no honest one does.
    Unsafe {
        /// The repository.
        repository: String,
        /// What, as the library said it.
        what: String,
    },
    /// The model is not one that can be deleted.
    NotRemovable {
        /// Its name.
        name: String,
    },
    /// The download was given up.
    Cancelled,
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
    /// There is no memory for the model.
    NoMemory {
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
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

impl From<&ModelError> for LoadProblem {
    fn from(error: &ModelError) -> Self {
        match error {
            ModelError::UnknownModel { name, nearest } => Self::UnknownModel {
                name: name.clone(),
                nearest: nearest.clone(),
            },
            ModelError::MissingFolder { folder } => Self::MissingFolder {
                folder: folder.clone(),
            },
            ModelError::MissingFile { folder, file } => Self::MissingFile {
                folder: folder.clone(),
                file: file.clone(),
            },
            ModelError::OnlySafetensors { place, export } => Self::OnlySafetensors {
                place: place.clone(),
                export: export.clone(),
            },
            ModelError::NoOnnx { repository } => Self::NoOnnx {
                repository: repository.clone(),
            },
            ModelError::NoVariant {
                repository,
                asked,
                available,
            } => Self::NoVariant {
                repository: repository.clone(),
                asked: asked.clone(),
                available: available.clone(),
            },
            ModelError::EmbeddedModelNotFound { searched } => Self::EmbeddedModelNotFound {
                searched: searched.clone(),
            },
            ModelError::Unreadable { path, source } => Self::Unreadable {
                path: path.clone(),
                cause: chain(source),
            },
            ModelError::Configuration { path, reason } => Self::Configuration {
                path: path.clone(),
                cause: reason.clone(),
            },
            ModelError::Pooling { path, mode } => Self::Pooling {
                path: path.clone(),
                mode: mode.clone(),
            },
            ModelError::CacheUnwritable { path, source } => Self::CacheUnwritable {
                path: path.clone(),
                cause: chain(source),
            },
            ModelError::NotOnHub { repository, nearest } => Self::NotOnHub {
                repository: repository.clone(),
                nearest: nearest.clone(),
            },
            ModelError::NoRevision { repository, revision } => Self::NoRevision {
                repository: repository.clone(),
                revision: revision.clone(),
            },
            ModelError::Gated {
                repository,
                has_token,
            } => Self::Gated {
                repository: repository.clone(),
                has_token: *has_token,
            },
            ModelError::Offline { repository } => Self::Offline {
                repository: repository.clone(),
            },
            ModelError::Unreachable { endpoint, source } => Self::Unreachable {
                endpoint: endpoint.clone(),
                cause: chain(source.as_ref()),
            },
            ModelError::Untrusted { endpoint, source } => Self::Untrusted {
                endpoint: endpoint.clone(),
                cause: chain(source.as_ref()),
            },
            ModelError::Download {
                repository,
                file,
                source,
            } => Self::Download {
                repository: repository.clone(),
                file: file.clone(),
                cause: chain(source.as_ref()),
            },
            ModelError::WrongHash { repository, file } => Self::WrongHash {
                repository: repository.clone(),
                file: file.clone(),
            },
            ModelError::NoSpace { path, needed, free } => Self::NoSpace {
                path: path.clone(),
                needed: *needed,
                free: *free,
            },
            ModelError::Unsafe { repository, what } => Self::Unsafe {
                repository: repository.clone(),
                what: what.clone(),
            },
            ModelError::NotRemovable { name } => Self::NotRemovable { name: name.clone() },
            ModelError::Cancelled => Self::Cancelled,
        }
    }
}

impl LoadProblem {
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::UnknownModel { name, nearest } if nearest.is_empty() => phrase!(
                lang,
                "There is no model {name:?}. `okibi models` lists those that are known. For a model in a folder, write \
                 its path, as in `-m ./folder`.",
                "モデル「{name}」はありません。知られているモデルは `okibi models` で一覧できます。\
                 フォルダーにあるモデルは `-m ./folder` のようにパスで指定してください。"
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
            Self::OnlySafetensors {
                place,
                export: Some(export),
            } => phrase!(
                lang,
                "{place} has weights only as safetensors, which Okibi does not read. The same model as ONNX: \
                 `okibi start -m {export}`.",
                "{place} の重みは safetensors 形式のみで、Okibi では読めません。同じモデルの ONNX 版があります: \
                 `okibi start -m {export}`"
            ),
            Self::OnlySafetensors { place, export: None } => phrase!(
                lang,
                "{place} has weights only as safetensors, which Okibi does not read. Look for an ONNX export of it, or \
                 make one: `optimum-cli export onnx --model {place} ./folder`.",
                "{place} の重みは safetensors 形式のみで、Okibi では読めません。ONNX 版を探すか、変換してください: \
                 `optimum-cli export onnx --model {place} ./folder`"
            ),
            Self::NoOnnx { repository } => phrase!(
                lang,
                "{repository} has no ONNX file with a tokenizer.json, so it is no text-embedding model that Okibi can \
                 load. `okibi models` lists some that are.",
                "{repository} には ONNX ファイルと tokenizer.json がないため、Okibi では読み込めません。\
                 使えるモデルは `okibi models` で確認できます。"
            ),
            Self::NoVariant {
                repository,
                asked,
                available,
            } => {
                let available = available.join(", ");
                phrase!(
                    lang,
                    "{repository} has no weights of the variant {asked}. It has: {available}.",
                    "{repository} には {asked} の重みがありません。あるもの: {available}"
                )
            }
            Self::NotOnHub { repository, nearest } if nearest.is_empty() => phrase!(
                lang,
                "The hub has no repository {repository}, or shows it only to some. Check the name; `okibi models` lists \
                 those that are known.",
                "ハブに {repository} というリポジトリーはないか、公開されていません。名前を確認してください。\
                 知られているモデルは `okibi models` で一覧できます。"
            ),
            Self::NotOnHub { repository, nearest } => {
                let nearest = nearest.join(", ");
                phrase!(
                    lang,
                    "The hub has no repository {repository}, or shows it only to some. Near to it: {nearest}.",
                    "ハブに {repository} というリポジトリーはないか、公開されていません。近い名前: {nearest}"
                )
            }
            Self::NoRevision { repository, revision } => phrase!(
                lang,
                "{repository} has no revision {revision}. Leave `@{revision}` out for the newest one.",
                "{repository} に {revision} というリビジョンはありません。`@{revision}` を外すと最新版を使います。"
            ),
            Self::Gated {
                repository,
                has_token: false,
            } => phrase!(
                lang,
                "{repository} is open only to those who have agreed to its terms. Agree on its page of the hub, make a \
                 token there, and put it into the variable `HF_TOKEN`.",
                "{repository} は利用条件への同意が必要です。ハブのページで同意してトークンを作り、\
                 環境変数 `HF_TOKEN` に設定してください。"
            ),
            Self::Gated {
                repository,
                has_token: true,
            } => phrase!(
                lang,
                "The token in `HF_TOKEN` has no access to {repository}. Agree to its terms on its page of the hub, with \
                 the account that the token is of.",
                "`HF_TOKEN` のトークンでは {repository} を利用できません。トークンのアカウントで、\
                 ハブのページの利用条件に同意してください。"
            ),
            Self::Offline { repository } => phrase!(
                lang,
                "{repository} is not on this machine, and `HF_HUB_OFFLINE` says that the hub is not to be asked.",
                "{repository} はこのマシンになく、`HF_HUB_OFFLINE` によりハブへの接続が禁止されています。"
            ),
            Self::Unreachable { endpoint, cause } => phrase!(
                lang,
                "The hub {endpoint} cannot be reached: {cause}. Check the network connection; a proxy comes from \
                 `HTTPS_PROXY`, another hub from `HF_ENDPOINT`.",
                "ハブ {endpoint} に接続できません: {cause}。ネットワーク接続を確認してください。プロキシは `HTTPS_PROXY`、\
                 別のハブは `HF_ENDPOINT` で指定できます。"
            ),
            Self::Untrusted { endpoint, cause } => phrase!(
                lang,
                "The certificate of {endpoint} is not trusted: {cause}. If a proxy of your company stands in between, \
                 add its authority to the certificates of this system; on Linux, `SSL_CERT_FILE` can name a file with them.",
                "{endpoint} の証明書を信頼できません: {cause}。会社のプロキシを経由している場合は、その認証局をシステムの証明書に\
                 追加してください。Linux では `SSL_CERT_FILE` で証明書ファイルを指定することもできます。"
            ),
            Self::WrongHash { repository, file } => phrase!(
                lang,
                "{file} of {repository} was downloaded twice and is not what the hub says it is; it was not kept. A proxy \
                 or the disk may be at fault.",
                "{repository} の {file} を 2 回ダウンロードしましたが、ハブの示す内容と一致しないため破棄しました。\
                 プロキシやディスクに問題がある可能性があります。"
            ),
            Self::NoSpace { path, needed, free } => {
                let path = path.display();
                let (needed, free) = (units::size(*needed), units::size(*free));
                phrase!(
                    lang,
                    "{path} has room for {free}, and {needed} are needed. Make room, or name another place with \
                     `HF_HUB_CACHE`.",
                    "{path} の空きは {free} ですが、{needed} 必要です。空きを増やすか、`HF_HUB_CACHE` で別の場所を指定してください。"
                )
            }
            Self::Unsafe { repository, what } => phrase!(
                lang,
                "{repository} is not safe to use, and nothing of it was kept: {what}.",
                "{repository} は安全に使えないため、何も保存しませんでした: {what}"
            ),
            Self::NotRemovable { name } => phrase!(
                lang,
                "{name} is not among the downloaded models, so there is nothing to delete. The embedded model and your \
                 own folders stay.",
                "{name} はダウンロードしたモデルではないため、削除できません。内蔵モデルと自分で追加したフォルダーは残ります。"
            ),
            Self::Cancelled => phrase!(
                lang,
                "The download was cancelled; what has come is kept for the next time.",
                "ダウンロードを中止しました。取得済みの分は次回に使われます。"
            ),
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
            Self::NoMemory { needed, free } => {
                let (needed, free) = (units::size(*needed), units::size(*free));
                phrase!(
                    lang,
                    "The model needs about {needed} of memory, and {free} are free. Close other programs, or choose a \
                     smaller model or variant (`--variant int8`).",
                    "モデルには約 {needed} のメモリーが必要ですが、空きは {free} です。ほかのプログラムを閉じるか、\
                     より小さいモデルや種類 (`--variant int8`) を選んでください。"
                )
            }
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
