//! The settings as one JSON document, by which a front tells the daemon that it starts.
//!
//! The document has the keys and values of `config.toml`. The front decides: the daemon reads no configuration file and
//! no variable of a setting. Its working directory, where relative paths would mean something else, does not matter.

use std::ffi::OsString;

use serde_json::{Map, Value as Json};

use super::{
    choices::LangChoice,
    load::{Flags, Loaded},
    table::{Key, Settings},
    value::{Value, Written},
};
use crate::folders::Folders;

/// Name of the hidden command that runs a daemon.
pub const DAEMON_COMMAND: &str = "daemon";

/// A document that no front of this version has written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not a JSON object.
    #[error("the settings document is not a JSON object")]
    NotAnObject {
        /// What the parser said.
        source: serde_json::Error,
    },
    /// It has a key that no setting has: the front is of another version.
    #[error("the settings document has the unknown key {key:?}")]
    UnknownKey {
        /// The key.
        key: String,
    },
}

/// Arguments that start a daemon with these settings; the launcher adds `--launch ID`.
///
/// `lang` is the front's language, already decided.
pub fn daemon_args(settings: &Settings, folders: &Folders, lang: LangChoice) -> Vec<OsString> {
    vec![
        DAEMON_COMMAND.into(),
        joined("--settings", settings.document(lang).into()),
        joined("--cache-dir", folders.cache.clone().into()),
        joined("--data-dir", folders.data.clone().into()),
    ]
}

/// One argument, so that a value that begins with a dash stays a value.
fn joined(flag: &str, value: OsString) -> OsString {
    let mut arg = OsString::from(flag);
    arg.push("=");
    arg.push(value);
    arg
}

impl Settings {
    /// The document: what the daemon reads and differs from the default, and the language.
    pub fn document(&self, lang: LangChoice) -> String {
        let usual = Self::default();
        let mut document = Map::new();
        for key in Key::ALL {
            let value = self.json(*key);
            if key.declaration().scope.needs_restart() && value != usual.json(*key) {
                document.insert(key.name().into(), value);
            }
        }
        document.insert(Key::Lang.name().into(), lang.json());
        Json::Object(document).to_string()
    }

    /// Reads a document. A value that does not fit is a problem like that of a flag.
    ///
    /// Errors: [`DocumentError`].
    pub fn from_document(document: &str) -> Result<Loaded, DocumentError> {
        let document: Map<String, Json> =
            serde_json::from_str(document).map_err(|source| DocumentError::NotAnObject { source })?;
        let mut flags = Flags::default();
        for (name, value) in document {
            match Key::from_name(&name) {
                Some(key) => flags.extend([(key, written(value))]),
                None => return Err(DocumentError::UnknownKey { key: name }),
            }
        }
        Ok(Self::from_flags(&flags))
    }
}

fn written(value: Json) -> Written {
    let other = value.to_string();
    let texts = |items: Vec<Json>| -> Option<Vec<String>> {
        items
            .into_iter()
            .map(|item| Some(item.as_str()?.to_owned()))
            .collect()
    };
    match value {
        Json::String(text) => Written::Text(text.into()),
        Json::Number(number) => Written::Text(number.to_string().into()),
        Json::Bool(switch) => Written::Switch(switch),
        Json::Array(items) => texts(items).map_or(Written::Other(other), Written::List),
        // A path that is not Unicode.
        Json::Object(_) => serde_json::from_value(value).map_or(Written::Other(other), Written::Text),
        Json::Null => Written::Other(other),
    }
}
