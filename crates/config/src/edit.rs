//! Changes values in the configuration file and leaves everything else in it, comments included, as the user wrote it.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use toml_edit::{Array, DocumentMut, Item, value};

use crate::settings::table::Key;

/// What a setting is changed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewValue {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `true` or `false`.
    Switch(bool),
    /// Texts.
    List(Vec<String>),
    /// No value: the setting goes back to its default.
    Unset,
}

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is not TOML. What its writer meant is not guessed.
    #[error("the configuration file {file} is broken")]
    Broken {
        /// The file.
        file: PathBuf,
        /// What the parser said.
        source: Box<toml_edit::TomlError>,
    },
    /// It could not be read or written.
    #[error("the configuration file {file} cannot be changed")]
    Io {
        /// The file.
        file: PathBuf,
        /// What the OS said.
        source: io::Error,
    },
}

/// Changes `values` in `file`, which is created if it does not exist. A reader sees the old file or the new one.
///
/// Nothing is written if nothing changes. Errors: [`EditError`]; the file is then as it was.
pub fn save(file: &Path, values: &[(Key, NewValue)]) -> Result<(), EditError> {
    let failed = |source| EditError::Io {
        file: file.to_owned(),
        source,
    };
    // A link stays a link: people who keep their settings in a repository have one.
    let target = match fs::canonicalize(file) {
        Ok(target) => target,
        Err(error) if error.kind() == ErrorKind::NotFound => file.to_owned(),
        Err(error) => return Err(failed(error)),
    };
    let old = match fs::read_to_string(&target) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let text = old.strip_prefix('\u{feff}').unwrap_or(&old);
    let mut document: DocumentMut = text.parse().map_err(|source| EditError::Broken {
        file: file.to_owned(),
        source: Box::new(source),
    })?;
    for (key, new) in values {
        change(&mut document, key.name(), new);
    }
    let new = document.to_string();
    if new == text {
        return Ok(());
    }
    okibi_files::write_durably(&target, new.as_bytes()).map_err(failed)
}

fn change(document: &mut DocumentMut, name: &str, new: &NewValue) {
    let mut item: Item = match new {
        NewValue::Text(text) => value(text),
        NewValue::Number(number) => value(*number),
        NewValue::Switch(switch) => value(*switch),
        NewValue::List(texts) => value(texts.iter().collect::<Array>()),
        NewValue::Unset => {
            document.remove(name);
            return;
        }
    };
    let Some(old) = document.get_mut(name) else {
        document.insert(name, item);
        return;
    };
    if let (Some(old), Some(item)) = (old.as_value(), item.as_value_mut()) {
        if is_same(old, new) {
            return;
        }
        // The comment behind a value belongs to it.
        *item.decor_mut() = old.decor().clone();
    }
    *old = item;
}

/// Whether the file has this value already, however it is spelled there.
fn is_same(old: &toml_edit::Value, new: &NewValue) -> bool {
    match new {
        NewValue::Text(text) => old.as_str() == Some(text),
        NewValue::Number(number) => old.as_integer() == Some(*number),
        NewValue::Switch(switch) => old.as_bool() == Some(*switch),
        NewValue::List(texts) => old.as_array().is_some_and(|array| {
            let known = array.iter().map(toml_edit::Value::as_str);
            known.eq(texts.iter().map(|text| Some(text.as_str())))
        }),
        NewValue::Unset => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(old: &str, values: &[(Key, NewValue)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, old).unwrap();
        save(&file, values).unwrap();
        fs::read_to_string(&file).unwrap()
    }

    #[test]
    fn a_list_is_written_whole_and_kept_where_it_says_the_same() {
        let folders = |texts: &[&str]| {
            let texts = texts.iter().map(|text| (*text).to_owned()).collect();
            [(Key::ModelFolders, NewValue::List(texts))]
        };
        let old = "model_folders = [ '/a' ] # mine\n";
        assert_eq!(saved(old, &folders(&["/a"])), old);
        let more = saved(old, &folders(&["/a", "/b"]));
        assert_eq!(more, "model_folders = [\"/a\", \"/b\"] # mine\n");
        assert_eq!(saved("", &folders(&[])), "model_folders = []\n");
    }

    #[test]
    fn comments_order_and_other_tables_survive() {
        let old = "# mine\nport = 9000 # not Anki\n\n# the small one\nmodel = 'a'\n\n[other]\nx = 1\n";
        let new = saved(
            old,
            &[
                (Key::Port, NewValue::Number(9001)),
                (Key::Notifications, NewValue::Text("errors".into())),
            ],
        );
        assert_eq!(
            new,
            "# mine\nport = 9001 # not Anki\n\n# the small one\nmodel = 'a'\nnotifications = \"errors\"\n\n[other]\nx = 1\n"
        );
    }

    #[test]
    fn an_unchanged_value_keeps_its_spelling() {
        let old = "model = 'a'\nport = 9_000\n";
        let new = saved(
            old,
            &[
                (Key::Model, NewValue::Text("a".into())),
                (Key::Port, NewValue::Number(9000)),
            ],
        );
        assert_eq!(new, old);
    }

    #[test]
    fn a_setting_goes_back_to_its_default() {
        assert_eq!(
            saved("threads = 2\nport = 1\n", &[(Key::Threads, NewValue::Unset)]),
            "port = 1\n"
        );
    }

    #[test]
    fn a_new_file_is_made_with_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/config.toml");
        save(&file, &[(Key::StartDaemon, NewValue::Switch(false))]).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "start_daemon = false\n");
    }

    #[test]
    fn a_broken_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, "port = = 1").unwrap();
        let error = save(&file, &[(Key::Port, NewValue::Number(1))]).unwrap_err();
        assert!(matches!(error, EditError::Broken { .. }), "{error:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "port = = 1");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real.toml"), folder.path().join("config.toml"));
        fs::write(&real, "").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        save(&link, &[(Key::Port, NewValue::Number(1))]).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "port = 1\n");
    }
}
