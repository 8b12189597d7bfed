//! The texts of the user's files, for the search on the page to try it: a line each, with its place.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Texts that are searched at the most: their vectors are in memory.
pub(crate) const MAX_TEXTS: usize = 100_000;

/// Files larger than this are left out.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Folders below the chosen one that are looked into.
const MAX_DEPTH: usize = 8;

/// Endings of the files that are read in a folder.
const ENDINGS: [&str; 6] = ["txt", "md", "markdown", "csv", "jsonl", "ndjson"];

/// A text that can be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// File and line, such as `notes.md:12`; none where it was pasted.
    pub(crate) place: Option<String>,
}

/// Texts, and what was left out.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) texts: Vec<Text>,
    /// Whether there were more than [`MAX_TEXTS`].
    pub(crate) is_cut: bool,
    /// Files that could not be read.
    pub(crate) unreadable: Vec<PathBuf>,
}

impl Texts {
    /// The lines of a text that was pasted; empty ones are left out.
    pub(crate) fn of_lines(text: &str) -> Self {
        let mut texts = Self::default();
        for line in text.lines() {
            texts.add(line, None);
        }
        texts
    }

    /// The texts of files, and of those in folders. `is_over` says whether nobody wants them any more.
    pub(crate) fn of_files(paths: &[PathBuf], is_over: &dyn Fn() -> bool) -> Self {
        let mut texts = Self::default();
        for path in paths {
            if path.is_dir() {
                let mut files = Vec::new();
                list(path, MAX_DEPTH, &mut files);
                files.sort();
                for file in files {
                    let name = file.strip_prefix(path).unwrap_or(&file);
                    texts.read(&file, &name.to_string_lossy(), is_over);
                }
            } else {
                let name = path.file_name().unwrap_or(path.as_os_str());
                texts.read(path, &name.to_string_lossy(), is_over);
            }
        }
        texts
    }

    fn read(&mut self, file: &Path, name: &str, is_over: &dyn Fn() -> bool) {
        if self.is_cut || is_over() {
            return;
        }
        let is_small = fs::metadata(file).is_ok_and(|file| file.len() <= MAX_FILE_BYTES);
        let Some(bytes) = is_small.then(|| fs::read(file).ok()).flatten() else {
            self.unreadable.push(file.to_owned());
            return;
        };
        let text = decode(&bytes);
        let ending = file
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => {
                let mut rows = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .from_reader(text.as_bytes());
                for row in rows.records() {
                    let Ok(row) = row else { continue };
                    let line = row.position().map_or(0, csv::Position::line);
                    let fields: Vec<&str> = row
                        .iter()
                        .map(str::trim)
                        .filter(|field| !field.is_empty())
                        .collect();
                    self.add(&fields.join(" "), Some((name, line)));
                }
            }
            "jsonl" | "ndjson" => {
                for (line, number) in text.lines().zip(1..) {
                    let Ok(value) = serde_json::from_str::<Value>(line) else {
                        continue;
                    };
                    self.add(&words_of(&value), Some((name, number)));
                }
            }
            _ => {
                for (line, number) in text.lines().zip(1..) {
                    self.add(line, Some((name, number)));
                }
            }
        }
    }

    fn add(&mut self, text: &str, place: Option<(&str, u64)>) {
        let text = text.trim();
        if text.is_empty() || self.is_cut {
            return;
        }
        if self.texts.len() == MAX_TEXTS {
            self.is_cut = true;
            return;
        }
        self.texts.push(Text {
            text: text.to_owned(),
            place: place.map(|(name, line)| format!("{name}:{line}")),
        });
    }
}

/// The files of a folder that have texts, and of those below; links to folders are not followed, and neither is what is hidden.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        match entry.file_type() {
            _ if is_hidden => {}
            Ok(kind) if kind.is_dir() && depth > 0 => list(&path, depth - 1, files),
            Ok(kind) if kind.is_file() || kind.is_symlink() => {
                let ending = path
                    .extension()
                    .and_then(|ending| ending.to_str())
                    .unwrap_or_default();
                if ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
                    files.push(path);
                }
            }
            _ => {}
        }
    }
}

/// The text of a file: Unicode by its mark or as UTF-8, else Shift_JIS, in which Japanese notes of old are.
fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, _)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    std::str::from_utf8(bytes).map_or_else(
        |_| encoding_rs::SHIFT_JIS.decode(bytes).0.into_owned(),
        str::to_owned,
    )
}

/// The words of a line of JSON: those under a name that texts have, else all of them.
fn words_of(value: &Value) -> String {
    const NAMES: [&str; 6] = ["text", "full_text", "content", "body", "title", "message"];
    if let Value::Object(fields) = value {
        let named: Vec<&str> = NAMES
            .iter()
            .filter_map(|name| fields.get(*name).and_then(Value::as_str))
            .collect();
        if !named.is_empty() {
            return named.join(" ");
        }
    }
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(words_of).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => fields.values().map(words_of).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &Texts) -> Vec<(&str, &str)> {
        let found = texts.texts.iter();
        found
            .map(|text| (text.text.as_str(), text.place.as_deref().unwrap_or_default()))
            .collect()
    }

    #[test]
    fn each_line_of_each_kind_of_file_is_a_text_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        write("a.txt", "\u{feff}熾火\n\n 炭 \n".as_bytes());
        write("b.csv", b"id,note\n1,\"two\nlines\"\n2,three\n");
        write(
            "c.jsonl",
            "{\"text\":\"灰\",\"id\":1}\nbroken\n{\"a\":{\"b\":\"deep\"}}\n".as_bytes(),
        );
        write("deep/d.md", &encoding_rs::SHIFT_JIS.encode("囲炉裏\n").0);
        write("e.png", b"not a text");
        write(".hidden.txt", b"hidden");
        let texts = Texts::of_files(&[folder.path().to_owned()], &|| false);
        let deep = Path::new("deep").join("d.md:1");
        assert_eq!(
            found(&texts),
            [
                ("熾火", "a.txt:1"),
                ("炭", "a.txt:3"),
                ("id note", "b.csv:1"),
                ("1 two\nlines", "b.csv:2"),
                ("2 three", "b.csv:4"),
                ("灰", "c.jsonl:1"),
                ("deep", "c.jsonl:3"),
                ("囲炉裏", deep.to_str().unwrap()),
            ]
        );
        assert!(texts.unreadable.is_empty() && !texts.is_cut);
    }

    #[test]
    fn more_lines_than_there_is_room_for_are_left_out_and_said_so() {
        let many = "x\n".repeat(MAX_TEXTS + 1);
        let texts = Texts::of_lines(&many);
        assert_eq!((texts.texts.len(), texts.is_cut), (MAX_TEXTS, true));
        let gone = Texts::of_files(&["/no/such/file.txt".into()], &|| false);
        assert_eq!(gone.unreadable.len(), 1);
        assert_eq!(found(&Texts::of_lines("\n \n one \n")), [("one", "")]);
    }
}
