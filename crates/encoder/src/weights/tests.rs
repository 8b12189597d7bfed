use std::fs;

use proptest::prelude::*;

use super::*;

/// A file of safetensors with this header, and this many bytes after it.
fn file(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + bytes, 0);
    file
}

fn reason(bytes: Vec<u8>) -> String {
    Weights::from_bytes(bytes).unwrap_err().to_string()
}

const TWO: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}"#;

#[test]
fn a_tensor_is_a_view_of_its_file() {
    let mut bytes = file(TWO, 32);
    let begin = bytes.len() - 32;
    bytes[begin..begin + 4].copy_from_slice(&1.5f32.to_le_bytes());
    let weights = Weights::from_bytes(bytes).unwrap();
    let matrix = weights.matrix("a", &[2, 3]).unwrap();
    let mut row = [0.0; 3];
    matrix.read_row(0, &mut row);
    assert_eq!(row, [1.5, 0.0, 0.0]);
    assert_eq!(weights.matrix("b", &[4]).unwrap().kind(), Kind::Bf16);
}

#[test]
fn a_tensor_that_is_missing_or_another_is_named() {
    let weights = Weights::from_bytes(file(TWO, 32)).unwrap();
    let error = weights.matrix("c", &[1]).unwrap_err().to_string();
    assert!(error.contains("lack the tensor c"), "{error}");
    for shape in [&[3usize, 2][..], &[6], &[2, 3, 1], &[]] {
        let error = weights.matrix("a", shape).unwrap_err().to_string();
        assert!(error.contains("shape [2, 3]"), "{error}");
    }
    let integers = r#"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]}}"#;
    let weights = Weights::from_bytes(file(integers, 4)).unwrap();
    let error = weights.matrix("a", &[4]).unwrap_err().to_string();
    assert!(error.contains("type I8"), "{error}");
}

#[test]
fn matrices_of_bytes_are_blocks_where_the_metadata_says_so() {
    let header = |metadata: &str, bytes: usize| {
        format!(
            r#"{{"__metadata__":{{{metadata}}},"a":{{"dtype":"U8","shape":[2,{bytes}],"data_offsets":[0,{}]}}}}"#,
            2 * bytes
        )
    };
    let mut bytes = file(&header(r#""matrices":"q4_0""#, 18), 36);
    let second = bytes.len() - 18;
    // The scale 2, then the bits 0x9, 0x1, and zeros.
    bytes[second..second + 3].copy_from_slice(&[0x00, 0x40, 0x19]);
    let weights = Weights::from_bytes(bytes).unwrap();
    let mut row = [0.0; 32];
    weights.matrix("a", &[2, 32]).unwrap().read_row(1, &mut row);
    assert_eq!((row[0], row[16]), (2.0, -14.0));
    assert!(
        row.iter()
            .enumerate()
            .all(|(at, value)| at % 16 == 0 || *value == -16.0)
    );
    let error = reason(file(&header(r#""matrices":"q4_0""#, 20), 40));
    assert!(error.contains("no whole blocks"), "{error}");
    // No rows, each of nearly 2⁶⁴ bytes.
    let header_of_none = r#"{"__metadata__":{"matrices":"q4_0"},"a":{"dtype":"U8","shape":[0,18446744073709551600],"data_offsets":[0,0]}}"#;
    let error = reason(file(header_of_none, 0));
    assert!(error.contains("no whole blocks"), "{error}");
    let bytes = Weights::from_bytes(file(&header(r#""format":"pt""#, 18), 36)).unwrap();
    let error = bytes.matrix("a", &[2, 18]).unwrap_err().to_string();
    assert!(error.contains("type U8"), "{error}");
}

#[test]
fn a_header_that_lies_is_an_error() {
    let one = |shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let cases = [
        (Vec::new(), "no header"),
        (vec![0xff; 7], "no header"),
        (100_000_000_000u64.to_le_bytes().to_vec(), "100000000000 bytes"),
        (u64::MAX.to_le_bytes().to_vec(), "18446744073709551615 bytes"),
        (50u64.to_le_bytes().to_vec(), "ends before"),
        (
            b"PK\x03\x04 a file of PyTorch".to_vec(),
            "not a file of safetensors",
        ),
        (file("{", 0), "its header"),
        (file("[]", 0), "its header"),
        // Offsets out of the file, before it, and in another order.
        (file(&one("[2]", "[0,8]"), 4), "8 bytes"),
        (file(&one("[2]", "[0,8]"), 12), "8 bytes"),
        (file(&one("[2]", "[4,12]"), 12), "begins at 4"),
        (file(&one("[2]", "[8,0]"), 8), "begins at 8"),
        (
            file(&one("[2]", "[0,18446744073709551615]"), 8),
            "18446744073709551615",
        ),
        (file(&one("[2]", "[-1,8]"), 8), "its header"),
        // 100 GB, and more than there can be.
        (file(&one("[25000000000]", "[0,100000000000]"), 8), "100000000000"),
        (file(&one("[25000000000]", "[0,8]"), 8), "shape [25000000000]"),
        (
            file(&one("[4294967296,4294967296,2]", "[0,8]"), 8),
            "shape [4294967296, 4294967296, 2]",
        ),
        (
            file(&one("[2305843009213693952]", "[0,8]"), 8),
            "shape [2305843009213693952]",
        ),
        // One name twice.
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                4,
            ),
            "two tensors are called a",
        ),
        // Two tensors in one place.
        (
            file(
                r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                4,
            ),
            "begins at 0",
        ),
    ];
    for (bytes, expected) in cases {
        let reason = reason(bytes);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

#[test]
fn a_file_of_pytorch_is_refused_with_the_reason() {
    for name in [
        "pytorch_model.bin",
        "model.PT",
        "a.ckpt",
        "pytorch_model.bin.index.json",
    ] {
        let error = Weights::open(Path::new(name)).unwrap_err().to_string();
        assert!(error.contains("runs the code in it"), "{error}");
    }
}

#[test]
fn shards_are_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let one = |name: &str| format!(r#"{{"{name}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    fs::write(folder.path().join("1.safetensors"), file(&one("a"), 4)).unwrap();
    fs::write(folder.path().join("2.safetensors"), file(&one("b"), 4)).unwrap();
    let index = folder.path().join("model.safetensors.index.json");
    let open = |map: &str| {
        fs::write(&index, format!(r#"{{"weight_map":{map}}}"#)).unwrap();
        Weights::open(&index)
    };
    let weights = open(r#"{"a":"1.safetensors","b":"2.safetensors"}"#).unwrap();
    assert!(weights.has("a") && weights.has("b"));
    for (map, expected) in [
        (r#"{"a":"../1.safetensors"}"#, "not a file in its folder"),
        (r#"{"a":"/etc/passwd"}"#, "not a file in its folder"),
        (r#"{"a":"deep/1.safetensors"}"#, "not a file in its folder"),
        (r#"{"a":"..\\1.safetensors"}"#, "not a file in its folder"),
        (r#"{"a":"C:1.safetensors"}"#, "not a file in its folder"),
        (r#"{"a":".."}"#, "not a file in its folder"),
        (r#"{"a":""}"#, "not a file in its folder"),
        (r#"{"a":"pytorch_model.bin"}"#, "not a file of safetensors"),
        (r#"{"a":"3.safetensors"}"#, "cannot read"),
        (
            r#"{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}"#,
            "has the tensor b",
        ),
        (r#"{"c":"1.safetensors"}"#, "has the tensor c"),
        (r#"{}"#, "no tensors"),
        (r#"[]"#, "broken"),
    ] {
        let error = open(map).unwrap_err().to_string();
        assert!(error.contains(expected), "{map}: {error}");
    }
}

#[test]
fn small_weights_are_copied_and_large_ones_watched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, file(TWO, 32)).unwrap();
    let weights = Weights::open(&path).unwrap();
    fs::write(&path, "another").unwrap();
    assert_eq!(weights.changed_file(), None);
    weights.matrix("a", &[2, 3]).unwrap();

    let bytes = COPIED_BYTES;
    let header = format!(r#"{{"a":{{"dtype":"U8","shape":[{bytes}],"data_offsets":[0,{bytes}]}}}}"#);
    fs::write(&path, file(&header, 0)).unwrap();
    let size = fs::metadata(&path).unwrap().len() + bytes;
    let set_size = |bytes| {
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(bytes)
            .unwrap()
    };
    set_size(size);
    let weights = Weights::open(&path).unwrap();
    assert_eq!(weights.copied_bytes(), 0);
    assert_eq!(weights.changed_file(), None);
    set_size(size - 1);
    assert_eq!(weights.changed_file(), Some(path.as_path()));
    assert!(
        Weights::open(&path)
            .unwrap_err()
            .to_string()
            .contains("the file has")
    );
}

#[test]
fn a_folder_is_not_a_file() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Weights::open(folder.path()).is_err());
}

proptest! {
    #[test]
    fn whatever_a_file_has_nothing_panics(
        length in 0u64..200,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in 0usize..200,
        byte in any::<u8>(),
    ) {
        let mut any = length.to_le_bytes().to_vec();
        any.extend(&bytes);
        drop(Weights::from_bytes(any));
        // A good file with one wrong byte, or cut.
        let mut good = file(TWO, 32);
        let at = at % good.len();
        good[at] = byte;
        if let Ok(weights) = Weights::from_bytes(good.clone()) {
            for name in weights.names() {
                drop(weights.matrix(name, &[2, 3]));
            }
        }
        good.truncate(at);
        prop_assert!(Weights::from_bytes(good).is_err());
    }
}
