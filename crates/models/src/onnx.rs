//! What an ONNX file says about files beside it.
//!
//! Reads just enough of the format: the names of external data. Weights are stepped over, not read.
//!
//! Source: onnx.proto of the ONNX project; "Encoding" of Protocol Buffers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use parking_lot::Mutex;

use crate::safe;

/// Protocol Buffers end here; nobody can open a longer file.
const LONGEST: u64 = 2 << 30;

/// Messages within messages that are looked into: as many as the format's own readers.
const DEEPEST: usize = 100;

/// Longest text that is read.
const LONGEST_TEXT: u64 = 4096;

/// A message of the format, with the numbers of the fields that lead to external data.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    SparseTensor,
    Function,
    TrainingInfo,
    /// A key and its value.
    Entry,
}

impl Message {
    /// What the field of this number holds, where it leads on.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::TrainingInfo, 1 | 2) => Some(Self::Graph),
            (Self::Model, 20) => Some(Self::TrainingInfo),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => Some(Self::Tensor),
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            (Self::Node, 5) | (Self::Function, 11) => Some(Self::Attribute),
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// The files beside an ONNX file that hold weights of it, as its graph names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExternalData(BTreeSet<String>);

impl ExternalData {
    /// Reads what the ONNX file at `path` names, or remembers it where the file is unchanged since.
    ///
    /// Every list of models asks for every file, and a file of some hundred megabytes with all its weights inside takes
    /// long to step through. A file that cannot be read to its end gives what it has up to there: opening it says what is
    /// wrong.
    pub(crate) fn of(path: &Path) -> Arc<Self> {
        // A pipe can be read only once, and not by us.
        let Ok(metadata) = fs::metadata(path).and_then(regular) else {
            return Arc::default();
        };
        let stamp = (metadata.len(), metadata.modified().ok());
        if let Some((known, data)) = READ.lock().get(path)
            && *known == stamp
            && stamp.1.is_some()
        {
            return Arc::clone(data);
        }
        // Read without the lock: two threads that ask at the same time both read, and neither waits for a slow disk
        // that the other one reads from.
        let data = Arc::new(Self(locations(path, metadata.len())));
        let mut read = READ.lock();
        if read.len() >= MOST_REMEMBERED {
            read.clear();
        }
        read.insert(path.to_owned(), (stamp, Arc::clone(&data)));
        data
    }

    /// Returns the files, where they belong for the ONNX file `model`.
    pub(crate) fn beside(&self, model: &Path) -> impl Iterator<Item = PathBuf> {
        let folder = model.parent().unwrap_or(model);
        self.0.iter().map(move |location| folder.join(location))
    }

    /// Returns the names, relative to the ONNX file's folder.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns the first file that does not lie beside the ONNX file `model`.
    pub(crate) fn first_missing(&self, model: &Path) -> Option<&str> {
        let mut each = self.names().zip(self.beside(model));
        let missing = each.find(|(location, path)| is_elsewhere(location).is_some() || !path.is_file());
        missing.map(|(location, _)| location)
    }

    /// Returns why a file would lie elsewhere than beside the ONNX file; `None` where all of them lie there.
    pub(crate) fn what_is_wrong(&self) -> Option<String> {
        self.names().find_map(|location| {
            let wrong = is_elsewhere(location)?;
            let shown: String = location.chars().take(200).collect();
            Some(format!("the ONNX file takes weights from {shown:?}: {wrong}"))
        })
    }
}

/// What ONNX files name, by path, with size and time of last change when they were read.
static READ: Mutex<BTreeMap<PathBuf, (Stamp, Arc<ExternalData>)>> = Mutex::new(BTreeMap::new());

/// Returns whether an ONNX file has been read.
#[cfg(test)]
pub(crate) fn is_remembered(path: &Path) -> bool {
    READ.lock().contains_key(path)
}

type Stamp = (u64, Option<SystemTime>);

/// Files that are remembered. More than anybody has models; then all are read once more.
const MOST_REMEMBERED: usize = 1000;

fn regular(metadata: fs::Metadata) -> io::Result<fs::Metadata> {
    metadata.is_file().then_some(metadata).ok_or_else(malformed)
}

fn locations(path: &Path, length: u64) -> BTreeSet<String> {
    let mut locations = BTreeSet::new();
    if length > LONGEST {
        return locations;
    }
    let outcome = File::open(path).and_then(|file| {
        let mut reader = Reader {
            input: BufReader::with_capacity(16 << 10, file),
            at: 0,
            locations: &mut locations,
        };
        reader.message(Message::Model, length, 0)
    });
    if let Err(cause) = outcome {
        tracing::debug!(path = %path.display(), %cause, "the ONNX file is incomplete or broken");
    }
    locations
}

fn is_elsewhere(location: &str) -> Option<&'static str> {
    safe::what_is_wrong(location).or_else(|| location.contains(':').then_some("it has a colon"))
}

struct Reader<'a> {
    input: BufReader<File>,
    at: u64,
    locations: &'a mut BTreeSet<String>,
}

impl Reader<'_> {
    /// Reads a message up to byte `end`.
    fn message(&mut self, message: Message, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(malformed());
        }
        let (mut is_location, mut value) = (false, None);
        while self.at < end {
            let key = self.number(end)?;
            match key & 7 {
                0 => {
                    self.number(end)?;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                3 => self.group(end, depth + 1)?,
                2 => {
                    let length = self.number(end)?;
                    let inner = self
                        .at
                        .checked_add(length)
                        .filter(|inner| *inner <= end)
                        .ok_or_else(malformed)?;
                    match (message, message.field(key >> 3), key >> 3) {
                        (_, Some(field), _) => self.message(field, inner, depth + 1)?,
                        (Message::Entry, None, 1) => {
                            is_location = self.text(length)?.as_deref() == Some("location")
                        }
                        (Message::Entry, None, 2) => value = self.text(length)?,
                        _ => self.skip(length, end)?,
                    }
                }
                _ => return Err(malformed()),
            }
        }
        if is_location && let Some(value) = value {
            // `./weights` and `weights` are one file.
            let value = value.strip_prefix("./").unwrap_or(&value);
            self.locations.insert(value.to_owned());
        }
        Ok(())
    }

    /// Steps over a group: an old kind of message, which ends with a key of its own.
    fn group(&mut self, end: u64, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            return Err(malformed());
        }
        loop {
            match self.number(end)? & 7 {
                0 => {
                    self.number(end)?;
                }
                1 => self.skip(8, end)?,
                5 => self.skip(4, end)?,
                2 => {
                    let length = self.number(end)?;
                    self.skip(length, end)?;
                }
                3 => self.group(end, depth + 1)?,
                4 => return Ok(()),
                _ => return Err(malformed()),
            }
        }
    }

    fn number(&mut self, end: u64) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            if self.at >= end {
                return Err(malformed());
            }
            let mut byte = [0];
            self.input.read_exact(&mut byte)?;
            self.at += 1;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(number);
            }
        }
        Err(malformed())
    }

    fn skip(&mut self, length: u64, end: u64) -> io::Result<()> {
        let to = self
            .at
            .checked_add(length)
            .filter(|to| *to <= end)
            .ok_or_else(malformed)?;
        self.input
            .seek_relative(i64::try_from(length).map_err(|_| malformed())?)?;
        self.at = to;
        Ok(())
    }

    /// A text; one that is too long for a name is cut, which leads nowhere either.
    fn text(&mut self, length: u64) -> io::Result<Option<String>> {
        let mut bytes = vec![0; usize::try_from(length.min(LONGEST_TEXT)).unwrap_or(0)];
        self.input.read_exact(&mut bytes)?;
        self.at += bytes.len() as u64;
        let rest = length - bytes.len() as u64;
        self.skip(rest, self.at.saturating_add(rest))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn malformed() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        // A length of two bytes is one of the format's, whatever it is.
        let length = u16::try_from(content.len()).unwrap();
        let length = [(length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
        [&[number << 3 | 2], &length[..], content].concat()
    }

    /// A tensor with raw bytes, an integer, and its weights elsewhere.
    fn tensor(location: &str) -> Vec<u8> {
        let entry = |key: &str, value: &str| {
            field(
                13,
                &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat(),
            )
        };
        [
            vec![2 << 3, 0xff, 1],
            field(9, b"raw"),
            entry("offset", "0"),
            entry("location", location),
        ]
        .concat()
    }

    fn locations(model: &[u8]) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), model).unwrap();
        ExternalData::of(file.path()).0.iter().cloned().collect()
    }

    #[test]
    fn every_place_with_a_tensor_is_looked_at() {
        let graph = [
            field(5, &tensor("initializer")),
            field(1, &field(5, &field(5, &tensor("constant")))),
            field(1, &field(5, &field(6, &field(5, &tensor("branch"))))),
            field(15, &field(1, &tensor("sparse"))),
        ];
        let model = [vec![1 << 3, 8], field(7, &graph.concat())].concat();
        assert_eq!(locations(&model), ["branch", "constant", "initializer", "sparse"]);
    }

    #[test]
    fn nothing_hides_behind_what_is_unknown() {
        let graph = field(7, &field(5, &tensor("weights")));
        // Eight bytes, four bytes, and a group with a group and a text in it.
        let unknown = [
            [vec![14 << 3 | 1], vec![0; 8]].concat(),
            [vec![14 << 3 | 5], vec![0; 4]].concat(),
            [
                vec![14 << 3 | 3, 1 << 3 | 3],
                field(2, b"text"),
                vec![1 << 3 | 4, 14 << 3 | 4],
            ]
            .concat(),
        ];
        assert_eq!(locations(&[unknown.concat(), graph].concat()), ["weights"]);
    }

    #[test]
    fn a_file_that_is_not_onnx_names_nothing_and_ends() {
        let whole = field(7, &field(5, &tensor("weights")));
        for end in 0..whole.len() {
            assert_eq!(locations(&whole[..end]), [""; 0], "cut at {end}");
        }
        for bytes in [
            &b""[..],
            &[0xff; 64],
            &[7 << 3 | 2, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[7 << 3 | 3; 5000],
        ] {
            assert_eq!(locations(bytes), [""; 0]);
        }
    }

    #[test]
    fn weights_lie_beside_their_model() {
        let wrong = |location: &str| ExternalData(BTreeSet::from([location.to_owned()])).what_is_wrong();
        for location in ["model.onnx_data", "weights/0.bin"] {
            assert_eq!(wrong(location), None);
        }
        for location in [
            "",
            "../x",
            "/x",
            "a/../../x",
            "./x",
            "a\\x",
            "c:x",
            &"x".repeat(5000),
        ] {
            assert!(wrong(location).is_some(), "{location:?}");
        }
        let graph = field(
            7,
            &[tensor("./weights"), tensor("weights")]
                .map(|tensor| field(5, &tensor))
                .concat(),
        );
        assert_eq!(locations(&graph), ["weights"], "two names of one file");
        assert!(wrong(&locations(&field(7, &field(5, &tensor(".//x"))))[0]).is_some());
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        std::fs::write(&model, graph).unwrap();
        assert_eq!(ExternalData::of(&model).first_missing(&model), Some("weights"));
        std::fs::write(folder.path().join("weights"), "").unwrap();
        assert_eq!(ExternalData::of(&model).first_missing(&model), None);
        let beside: Vec<_> = ExternalData::of(&model).beside(&model).collect();
        assert_eq!(beside, [folder.path().join("weights")]);
    }

    #[test]
    fn a_file_is_read_again_only_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        let write = |location: &str, changed: SystemTime| {
            std::fs::write(&model, field(7, &field(5, &tensor(location)))).unwrap();
            File::options()
                .write(true)
                .open(&model)
                .unwrap()
                .set_modified(changed)
                .unwrap();
            ExternalData::of(&model)
                .names()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        assert_eq!(write("one", then), ["one"]);
        // The same size and time: what was read is remembered.
        assert_eq!(write("two", then), ["one"]);
        assert_eq!(write("two", then + std::time::Duration::from_secs(1)), ["two"]);
        assert_eq!(
            write("three", then + std::time::Duration::from_secs(1)),
            ["three"]
        );
    }
}
