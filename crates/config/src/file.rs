//! The configuration file: `config.toml`, with the place of every value.
//!
//! A file with a mistake is kept as it is and reported.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use crate::{
    problem::{Place, Problem},
    settings::{declaration::Expected, table::Key, value::Written},
};

/// The settings of a file.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// The values that are set.
    pub values: Vec<(Key, Written, Place)>,
    /// What is wrong with the file.
    pub problems: Vec<Problem>,
}

impl ConfigFile {
    /// Reads the file; an absent one sets nothing.
    pub fn read(path: &Path) -> Self {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(path, &bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::default(),
            Err(source) => Self::broken(Problem::UnreadableFile {
                file: path.to_owned(),
                source,
            }),
        }
    }

    fn broken(problem: Problem) -> Self {
        Self {
            values: Vec::new(),
            problems: vec![problem],
        }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                return Self::broken(Problem::BrokenFile {
                    place: place(path, &before, before.len()),
                    reason: "the file is not UTF-8".into(),
                });
            }
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let at = error.span().map_or(text.len(), |span| span.start);
                return Self::broken(Problem::BrokenFile {
                    place: place(path, text, at),
                    reason: error.message().to_owned(),
                });
            }
        };
        let mut read = Self::default();
        for (name, value) in table {
            let written = text.get(value.span()).unwrap_or_default();
            let at = |offset| place(path, text, offset);
            match Key::from_name(name.get_ref()) {
                Some(key) => {
                    let place = at(value.span().start);
                    let value = self::written(key, value.into_inner(), written);
                    read.values.push((key, value, place));
                }
                None => read.problems.push(Problem::UnknownKey {
                    place: at(name.span().start),
                    nearest: Key::nearest(name.get_ref()),
                    key: name.into_inner().into_owned(),
                }),
            }
        }
        read
    }
}

/// The value of `key`, which stands in the file as `text`.
fn written(key: Key, value: DeValue<'_>, text: &str) -> Written {
    let other = || Written::Other(text.to_owned());
    match value {
        // A flag and a variable can only be texts; the file has real switches.
        DeValue::String(_) if key.declaration().expected == Expected::Switch => other(),
        DeValue::String(text) => Written::Text(text.into_owned().into()),
        DeValue::Integer(number) if number.radix() == 10 => Written::Text(number.as_str().into()),
        DeValue::Boolean(switch) => Written::Switch(switch),
        DeValue::Array(items) => {
            let texts = items.into_iter().map(|item| match item.into_inner() {
                DeValue::String(text) => Some(text.into_owned()),
                _ => None,
            });
            texts.collect::<Option<_>>().map_or_else(other, Written::List)
        }
        _ => other(),
    }
}

/// The place of the byte `offset` in `text`.
fn place(file: &Path, text: &str, offset: usize) -> Place {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place {
        file: PathBuf::from(file),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ConfigFile {
        ConfigFile::parse(Path::new("config.toml"), text.as_bytes())
    }

    fn line_column(place: &Place) -> (usize, usize) {
        (place.line, place.column)
    }

    #[test]
    fn values_come_with_their_place() {
        let read = parse("\u{feff}# comment\nport = 9000\nmodel = 'モデル'\nstart_daemon = true\n");
        assert!(read.problems.is_empty(), "{:?}", read.problems);
        let port = read.values.iter().find(|(key, ..)| *key == Key::Port).unwrap();
        assert_eq!(port.1, Written::Text("9000".into()));
        assert_eq!(line_column(&port.2), (2, 8));
    }

    #[test]
    fn a_broken_file_is_reported_with_line_and_column() {
        let read = parse("model = 'a'\n日本 = 'b'\n");
        assert!(read.values.is_empty());
        let Problem::BrokenFile { place, reason } = &read.problems[0] else {
            panic!("{:?}", read.problems)
        };
        assert_eq!(line_column(place), (2, 1), "{reason}");
        let read = ConfigFile::parse(Path::new("config.toml"), b"log = 'x'\nmodel = '\xff'");
        let Problem::BrokenFile { place, .. } = &read.problems[0] else {
            panic!("{:?}", read.problems)
        };
        assert_eq!(line_column(place), (2, 10));
    }

    #[test]
    fn an_unknown_key_names_its_neighbor() {
        let read = parse("prot = 1\nport = 2\n");
        let Problem::UnknownKey { place, key, nearest } = &read.problems[0] else {
            panic!("{:?}", read.problems)
        };
        assert_eq!(
            (line_column(place), key.as_str(), *nearest),
            ((1, 1), "prot", Some(Key::Port))
        );
        assert_eq!(read.values.len(), 1, "the other keys still count");
    }

    #[test]
    fn an_absent_file_is_no_problem_and_an_unreadable_one_is() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            ConfigFile::read(&folder.path().join("config.toml"))
                .problems
                .is_empty()
        );
        assert!(matches!(
            ConfigFile::read(folder.path()).problems[..],
            [Problem::UnreadableFile { .. }]
        ));
    }
}
