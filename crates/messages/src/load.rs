//! Why a model is unavailable, or cannot be loaded, in words.

use std::path::PathBuf;

use okibi_models::{ErrorKind, LoadError, ModelError};

use crate::{chain, feature, lang::Lang, units};

/// Returns why a model is not there, by the kind that the daemon gives for programs: for who does not read the language that the
/// daemon speaks. `None` for a kind that is not known here.
pub fn kind_of_failure(kind: &str, lang: Lang) -> Option<&'static str> {
    let (en, ja) = match ErrorKind::from_name(kind)? {
        ErrorKind::ModelNotFound => (
            "No model has this name. Check how it is written.",
            "この名前のモデルは見つかりません。名前を確認してください。",
        ),
        ErrorKind::RevisionNotFound => (
            "The model's repository does not have this revision.",
            "モデルのリポジトリに、指定されたリビジョンがありません。",
        ),
        ErrorKind::Gated => (
            "The model's publisher wants its terms accepted on the hub first.",
            "このモデルを使うには、先にハブで利用条件に同意する必要があります。",
        ),
        ErrorKind::Offline => (
            "The model is not on this computer, and downloads are switched off.",
            "このモデルはパソコンになく、ダウンロードも許可されていません。",
        ),
        ErrorKind::DownloadFailed => (
            "The model could not be downloaded. Check the network connection, then try again.",
            "モデルをダウンロードできませんでした。ネットワーク接続を確認してから、もう一度お試しください。",
        ),
        ErrorKind::NoSpace => (
            "There is not enough space on the disk for the model.",
            "ディスクの空きが足りないため、モデルを保存できません。",
        ),
        ErrorKind::NoMemory => (
            "There is not enough memory for the model. Close other programs, or choose a smaller model.",
            "メモリが足りないため、モデルを読み込めません。ほかのプログラムを閉じるか、より小さいモデルを選んでください。",
        ),
        ErrorKind::Unsafe => (
            "The model's repository asks for something unsafe and is not used.",
            "モデルのリポジトリに安全でない内容があるため、使用しません。",
        ),
        ErrorKind::NoOnnx => (
            "The model has no weights that Okibi can use.",
            "このモデルには、Okibi で使える重みがありません。",
        ),
        ErrorKind::NotRemovable => ("The model cannot be deleted.", "このモデルは削除できません。"),
        ErrorKind::InUse => (
            "The model's files are in use by another download.",
            "モデルのファイルは、別のダウンロードで使用中です。",
        ),
        ErrorKind::Cancelled => ("The download was canceled.", "ダウンロードをキャンセルしました。"),
        ErrorKind::LoadFailed => (
            "The model could not be loaded; its files may be broken, or it is not a text-embedding model. The log has \
             details.",
            "モデルを読み込めませんでした。ファイルが壊れているか、テキスト埋め込みモデルではない可能性があります。詳しくはログをご覧ください。",
        ),
    };
    Some(crate::pick(lang, en, ja))
}

/// Returns why a model cannot be loaded.
pub fn load_error(error: &LoadError, lang: Lang) -> String {
    match error {
        LoadError::Source(error) => model_error(error, lang),
        LoadError::RuntimeNotFound { searched } => {
            let searched = paths(searched);
            phrase!(
                lang,
                "ONNX Runtime was not found (looked in {searched}). Reinstall Okibi, or name the library in the \
                 setting `onnxruntime`.",
                "ONNX Runtime が見つかりません (探した場所: {searched})。Okibi を再インストールするか、\
                 設定 `onnxruntime` でライブラリを指定してください。"
            )
        }
        LoadError::Runtime { path, source } => {
            let cause = chain(source.as_ref());
            let path = path.display();
            phrase!(
                lang,
                "The ONNX Runtime library {path} cannot be used: {cause}. Name another one in the \
                 setting `onnxruntime`.",
                "ONNX Runtime のライブラリ {path} を使えません: {cause}。\
                 設定 `onnxruntime` で別のライブラリを指定してください。"
            )
        }
        LoadError::Tokenizer { path, source } => {
            let cause = chain(source.as_ref());
            let path = path.display();
            phrase!(
                lang,
                "The tokenizer {path} is broken: {cause}. Fetch the model again.",
                "トークナイザー {path} が壊れています: {cause}。モデルを取得し直してください。"
            )
        }
        LoadError::Model { path, source } => {
            let cause = chain(source.as_ref());
            let path = path.display();
            phrase!(
                lang,
                "The model {path} is broken or is not a text-embedding model: {cause}. Fetch it again.",
                "モデル {path} が壊れているか、テキスト埋め込みモデルではありません: {cause}。モデルを取得し直してください。"
            )
        }
        LoadError::OutOfMemory { path, .. } => {
            let path = path.display();
            phrase!(
                lang,
                "Memory ran out while the model {path} was opened. Close other programs, or choose a smaller model or \
                 variant, such as int8.",
                "モデル {path} を開く途中でメモリが足りなくなりました。ほかのプログラムを閉じるか、\
                 より小さいモデルや、int8 などの種類を選んでください。"
            )
        }
        LoadError::NoMemory { needed, free } => {
            let (needed, free) = (units::size(*needed), units::size(*free));
            phrase!(
                lang,
                "The model needs about {needed} of memory, and {free} are free. Close other programs, or choose a \
                 smaller model or variant, such as int8.",
                "モデルには約 {needed} のメモリが必要ですが、空きは {free} です。ほかのプログラムを閉じるか、\
                 より小さいモデルや、int8 などの種類を選んでください。"
            )
        }
        LoadError::WarmUp { source } => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "The model was loaded but does not run: {cause}. It may not be a text-embedding model.",
                "モデルを読み込みましたが、実行できません: {cause}。テキスト埋め込みモデルではない可能性があります。"
            )
        }
    }
}

/// Returns why a model is unavailable.
pub fn model_error(error: &ModelError, lang: Lang) -> String {
    match error {
        ModelError::UnknownModel { name, nearest } if nearest.is_empty() => phrase!(
            lang,
            "There is no model {name:?}. The list of models has the known ones. For a model in a \
             folder, give its path, such as ./folder.",
            "モデル「{name}」はありません。使えるモデルはモデル一覧で確認できます。\
             フォルダーにあるモデルは ./folder のようにパスで指定してください。"
        ),
        ModelError::UnknownModel { name, nearest } => {
            let nearest = nearest.join(", ");
            phrase!(
                lang,
                "There is no model {name:?}. Did you mean: {nearest}? For a model in a folder, give its path, \
                 such as ./folder.",
                "モデル「{name}」はありません。近い名前: {nearest}。\
                 フォルダーにあるモデルは ./folder のようにパスで指定してください。"
            )
        }
        ModelError::MissingFolder { folder } => {
            let folder = folder.display();
            phrase!(
                lang,
                "There is no model folder {folder}. Check the path.",
                "モデルフォルダー {folder} がありません。パスを確認してください。"
            )
        }
        ModelError::MissingFile { folder, file } => {
            let folder = folder.display();
            phrase!(
                lang,
                "The model folder {folder} has no {file}. Check the path, or fetch the model again.",
                "モデルフォルダー {folder} に {file} がありません。パスを確認するか、モデルを取得し直してください。"
            )
        }
        ModelError::OnlySafetensors {
            place,
            export: Some(export),
        } => phrase!(
            lang,
            "{place} has weights only as safetensors, and not as Okibi needs them here. {export} is the same \
             model as ONNX.",
            "{place} の重みは safetensors 形式のみで、この使い方には対応していません。同じモデルの ONNX 版があります: \
             {export}"
        ),
        ModelError::OnlySafetensors { place, export: None } => phrase!(
            lang,
            "{place} has weights only as safetensors, of a network that Okibi does not compute or for a variant or \
             backend that needs an export. Look for an ONNX export of it, or make one: \
             `optimum-cli export onnx --model {place} ./folder`.",
            "{place} の重みは safetensors 形式のみです。このネットワークの計算に対応していないか、variant や backend の指定に \
             ONNX 版が必要です。ONNX 版を探すか、変換してください: \
             `optimum-cli export onnx --model {place} ./folder`"
        ),
        ModelError::NoOnnx { repository } => phrase!(
            lang,
            "{repository} has no ONNX file with a tokenizer.json, so Okibi cannot load it. The list of \
             models has those that work.",
            "{repository} には ONNX ファイルと tokenizer.json がないため、Okibi では読み込めません。\
             使えるモデルはモデル一覧で確認できます。"
        ),
        ModelError::NoVariant {
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
        ModelError::NotOnHub { repository, nearest } if nearest.is_empty() => phrase!(
            lang,
            "The hub has no repository {repository}, or shows it only to some accounts. Check the name; the list of models \
             has the known ones.",
            "ハブに {repository} というリポジトリはないか、公開されていません。名前を確認してください。\
             使えるモデルはモデル一覧で確認できます。"
        ),
        ModelError::NotOnHub { repository, nearest } => {
            let nearest = nearest.join(", ");
            phrase!(
                lang,
                "The hub has no repository {repository}, or shows it only to some accounts. Did you mean: {nearest}?",
                "ハブに {repository} というリポジトリはないか、公開されていません。近い名前: {nearest}"
            )
        }
        ModelError::NoRevision { repository, revision } => phrase!(
            lang,
            "{repository} has no revision {revision}. Leave `@{revision}` out for the newest one.",
            "{repository} に {revision} というリビジョンはありません。`@{revision}` を外すと最新版を使います。"
        ),
        ModelError::Gated {
            repository,
            has_token: false,
        } => phrase!(
            lang,
            "{repository} is open only to those who have agreed to its terms. Agree to them on its page on the hub. \
             Okibi then needs a token of your account (`HF_TOKEN`).",
            "{repository} は利用条件への同意が必要です。ハブのページで同意してください。\
             そのアカウントのトークン (`HF_TOKEN`) も必要です。"
        ),
        ModelError::Gated {
            repository,
            has_token: true,
        } => phrase!(
            lang,
            "The token in `HF_TOKEN` has no access to {repository}. Agree to its terms on its page on the hub, with \
             the token's account.",
            "`HF_TOKEN` のトークンでは {repository} を利用できません。トークンのアカウントで、\
             ハブのページの利用条件に同意してください。"
        ),
        ModelError::Offline { repository } => phrase!(
            lang,
            "{repository} is not on this computer, and `HF_HUB_OFFLINE` forbids asking the hub.",
            "{repository} はこのパソコンになく、`HF_HUB_OFFLINE` によりハブへの接続が禁止されています。"
        ),
        ModelError::Unreachable { endpoint, source } => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "The hub {endpoint} cannot be reached: {cause}. Check the network connection and the proxy.",
                "ハブ {endpoint} に接続できません: {cause}。ネットワーク接続とプロキシを確認してください。"
            )
        }
        ModelError::UntrustedCertificate { endpoint, source } => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "The certificate of {endpoint} is not trusted: {cause}. If a proxy of your company stands in between, \
             add its authority to the certificates of this system.",
                "{endpoint} の証明書を信頼できません: {cause}。会社のプロキシを経由している場合は、その認証局をシステムの証明書に\
             追加してください。"
            )
        }
        ModelError::WrongHash { repository, file } => phrase!(
            lang,
            "{file} of {repository} was downloaded twice and is not what the hub says it is; it was not kept. A proxy \
             or the disk may be at fault.",
            "{repository} の {file} を 2 回ダウンロードしましたが、ハブの示す内容と一致しないため破棄しました。\
             プロキシやディスクに問題がある可能性があります。"
        ),
        ModelError::NoSpace { path, needed, free } => {
            let path = path.display();
            let (needed, free) = (units::size(*needed), units::size(*free));
            phrase!(
                lang,
                "{path} has room for {free}, and {needed} are needed. Make room on the disk.",
                "{path} の空きは {free} ですが、{needed} 必要です。ディスクの空きを増やしてください。"
            )
        }
        ModelError::UntrustedRepository { repository, what } => phrase!(
            lang,
            "{repository} is not safe to use, and nothing of it was kept: {what}.",
            "{repository} は安全に使えないため、何も保存しませんでした: {what}"
        ),
        ModelError::NotOurs { repository, folder } => {
            let folder = folder.display();
            phrase!(
                lang,
                "{repository} is in the cache that Okibi shares with other tools, but is not a model that Okibi can use, so \
                 it was not deleted. If no other tool needs it, delete its folder: {folder}.",
                "{repository} はほかのツールと共有しているキャッシュにありますが、Okibi で使えるモデルではないため、削除していません。\
                 ほかのツールで不要なら、フォルダー {folder} を削除してください。"
            )
        }
        ModelError::NotRemovable { name } => phrase!(
            lang,
            "{name} is not among the downloaded models, so there is nothing to delete. The bundled model and your \
             own folders stay.",
            "{name} はダウンロードしたモデルではないため、削除できません。付属モデルと自分で追加したフォルダーは残ります。"
        ),
        ModelError::InUse { name } => phrase!(
            lang,
            "{name} is being downloaded. Cancel the download, or wait until it is done.",
            "{name} はダウンロード中です。キャンセルするか、完了を待ってください。"
        ),
        ModelError::Thread { source } => phrase!(
            lang,
            "The system cannot start another thread: {source}. Close other programs, or raise the limit of threads, \
             then start again.",
            "新しいスレッドを開始できません: {source}。ほかのプログラムを閉じるか、スレッド数の上限を上げてから、\
             もう一度起動してください。"
        ),
        ModelError::Cancelled => phrase!(
            lang,
            "The download was canceled; what has come is kept for the next time.",
            "ダウンロードをキャンセルしました。取得済みの分は次回に使われます。"
        ),
        ModelError::EmbeddedModelNotFound { searched } => {
            let searched = paths(searched);
            phrase!(
                lang,
                "The bundled model is not installed (looked in {searched}). Reinstall Okibi; in the source \
                 tree run `cargo xtask run`.",
                "付属モデルが見つかりません (探した場所: {searched})。Okibi を再インストールしてください。\
                 ソースツリーでは `cargo xtask run` を実行してください。"
            )
        }
        ModelError::Unreadable { path, source } => {
            let cause = chain(source);
            let path = path.display();
            phrase!(
                lang,
                "{path} cannot be read: {cause}. Check the file and its permissions.",
                "{path} を読み込めません: {cause}。ファイルとアクセス権を確認してください。"
            )
        }
        ModelError::Changed { path } => {
            let path = path.display();
            phrase!(
                lang,
                "{path} was changed while the model was loading. Load it again once nothing writes to the file any more.",
                "モデルの読み込み中に {path} が変更されました。書き込みが終わってから、もう一度読み込んでください。"
            )
        }
        ModelError::Configuration { path, reason: cause } => {
            let path = path.display();
            phrase!(
                lang,
                "{path} is not a valid configuration of a model: {cause}. Fetch the model again.",
                "{path} はモデルの設定として正しくありません: {cause}。モデルを取得し直してください。"
            )
        }
        ModelError::Unsupported { path, feature } => feature::unsupported(path, feature, lang),
        ModelError::CacheUnwritable { path, source } => {
            let cause = chain(source);
            let path = path.display();
            phrase!(
                lang,
                "The model folder {path} cannot be written: {cause}. Check its permissions.",
                "モデルの保存先 {path} に書き込めません: {cause}。書き込み権限を確認してください。"
            )
        }
        ModelError::Download {
            repository,
            file,
            source,
        } => {
            let cause = chain(source.as_ref());
            phrase!(
                lang,
                "{file} of {repository} cannot be downloaded: {cause}. Check the network connection and try \
             again; what is there already is kept.",
                "{repository} の {file} をダウンロードできません: {cause}。ネットワーク接続を確認して、もう一度お試しください。\
             ダウンロード済みの分は再利用されます。"
            )
        }
    }
}

fn paths(paths: &[PathBuf]) -> String {
    let texts: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    texts.join(", ")
}
