//! What an ONNX file says, read once.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use parking_lot::Mutex;

use super::reader::{self, OnnxFile};
use crate::stamp::FileStamp;

/// What ONNX files say, by path, with their stamps when they were read; without one where a further change might not
/// show in it.
static READ: Mutex<BTreeMap<PathBuf, Remembered>> = Mutex::new(BTreeMap::new());

type Remembered = (Option<FileStamp>, Arc<OnnxFile>);

/// Files that are remembered. More than anybody has models; then all are read once more.
const MOST_REMEMBERED: usize = 1000;

/// Reads what the ONNX file at `path` says, or remembers it where the file is unchanged since.
///
/// Every list of models asks for every file, and a file of some hundred megabytes with all its weights inside takes
/// long to step through. A file that cannot be read to its end gives what it has up to there: opening it says what is
/// wrong.
pub(crate) fn read(path: &Path) -> Arc<OnnxFile> {
    // A pipe can be read only once, and not by us.
    let Some(metadata) = fs::metadata(path).ok().filter(Metadata::is_file) else {
        return Arc::default();
    };
    let stamp = FileStamp::of(&metadata).filter(|stamp| stamp.is_settled(SystemTime::now()));
    if let Some((known, file)) = READ.lock().get(path)
        && stamp.is_some()
        && *known == stamp
    {
        return Arc::clone(file);
    }
    // Read without the lock: two threads that ask at the same time both read, and neither waits for a slow disk
    // that the other one reads from.
    let file = Arc::new(reader::read(path, metadata.len()));
    let mut read = READ.lock();
    if read.len() >= MOST_REMEMBERED {
        read.clear();
    }
    read.insert(path.to_owned(), (stamp, Arc::clone(&file)));
    file
}

/// Returns whether an ONNX file has been read.
#[cfg(test)]
pub(crate) fn is_remembered(path: &Path) -> bool {
    READ.lock().contains_key(path)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs::File};

    use super::*;
    use crate::onnx::{ExternalData, Port};

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
        read(file.path()).external.names().map(str::to_owned).collect()
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
        let wrong = |location: &str| ExternalData::new(BTreeSet::from([location.to_owned()])).what_is_wrong();
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
        assert_eq!(read(&model).external.first_missing(&model), Some("weights"));
        std::fs::write(folder.path().join("weights"), "").unwrap();
        assert_eq!(read(&model).external.first_missing(&model), None);
        let beside: Vec<_> = read(&model).external.beside(&model).collect();
        assert_eq!(beside, [folder.path().join("weights")]);
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed_however_little_shows() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.onnx");
        let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        for location in ["one", "two", "one"] {
            // The same size and the same time, as a copying tool leaves them.
            std::fs::write(&model, field(7, &field(5, &tensor(location)))).unwrap();
            File::options()
                .write(true)
                .open(&model)
                .unwrap()
                .set_modified(then)
                .unwrap();
            let file = read(&model);
            assert_eq!(file.external.names().collect::<Vec<_>>(), [location]);
        }
    }

    #[test]
    fn inputs_and_outputs_are_those_of_the_models_own_graph() {
        let dimension = |length: Option<u8>| match length {
            Some(length) => field(1, &[1 << 3, length]),
            None => field(1, &field(2, b"batch")),
        };
        let port = |name: &str, shape: &[Option<u8>]| {
            let shape: Vec<u8> = shape.iter().flat_map(|length| dimension(*length)).collect();
            let tensor = [vec![1 << 3, 1], field(2, &shape)].concat();
            [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
        };
        let inner = field(12, &port("inner", &[]));
        let graph = [
            field(11, &port("input_ids", &[None, None])),
            field(1, &field(5, &field(6, &inner))),
            field(12, &port("last_hidden_state", &[None, None, Some(8)])),
            field(12, &field(1, b"odd")),
        ];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), field(7, &graph.concat())).unwrap();
        let onnx = read(file.path());
        let signature = onnx.signature().unwrap();
        let names = |ports: &[Port]| ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&signature.inputs), ["input_ids"]);
        assert_eq!(names(&signature.outputs), ["last_hidden_state", "odd"]);
        assert_eq!(signature.outputs[0].shape, Some(vec![None, None, Some(8)]));
        assert_eq!(signature.outputs[1].shape, None);
    }
}
