//! The file of packed weights: it is used where it is right, and made again where it is not.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails its test")]

use std::{
    fs::{self, File},
    path::Path,
};

use okibi_encoder::{Encoder, Kernel, Options, PackedState, Precision, RunError};

const TEXT: [u32; 6] = [5, 6, 7, 40, 41, 90];

fn open(model: &str, precision: Precision, kernel: Kernel, cache: &Path) -> Encoder {
    let model = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/encoders")
        .join(model);
    Encoder::open(&Options {
        config: &model.join("config.json"),
        weights: &model.join("model.safetensors"),
        precision,
        threads: 1,
        cache: Some(cache),
        kernel: Some(kernel),
    })
    .unwrap()
}

fn bits(encoder: &mut Encoder) -> Vec<u32> {
    let rows = encoder.run(&[&TEXT], &|| false).unwrap();
    rows[0].iter().map(|value| value.to_bits()).collect()
}

#[test]
fn the_next_start_uses_what_the_first_has_written_and_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["bert", "modernbert", "qwen3", "mpnet"] {
        for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
            for kernel in Kernel::available() {
                let cache = folder.path().join(format!("{model}-{precision:?}-{kernel}"));
                let mut first = open(model, precision, kernel, &cache);
                let mut next = open(model, precision, kernel, &cache);
                assert_eq!(
                    (first.packed_state(), next.packed_state()),
                    (&PackedState::Written, &PackedState::Used)
                );
                assert_eq!(
                    bits(&mut first),
                    bits(&mut next),
                    "{model} {precision:?} {kernel}"
                );
                assert_eq!(first.memory().weights, next.memory().weights);
            }
        }
    }
    let names = fs::read_dir(folder.path()).unwrap();
    let hidden = names.filter(|name| {
        name.as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with('.')
    });
    assert_eq!(hidden.count(), 0, "what is written beside is renamed");
}

#[test]
fn a_file_about_something_else_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("packed");
    let kernel = Kernel::best();
    let mut expected = None;
    for (model, precision) in [
        ("bert", Precision::Int8),
        ("bert", Precision::F32),
        ("roberta", Precision::Int8),
        ("bert", Precision::Int8),
    ] {
        let mut encoder = open(model, precision, kernel, &cache);
        assert_eq!(
            encoder.packed_state(),
            &PackedState::Written,
            "{model} {precision:?}"
        );
        if (model, precision) == ("bert", Precision::Int8) {
            let found = bits(&mut encoder);
            assert_eq!(expected.get_or_insert(found.clone()), &found);
        }
    }
}

#[test]
fn a_damaged_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("packed");
    let kernel = Kernel::best();
    let expected = bits(&mut open("bert", Precision::Int8, kernel, &cache));
    let good = fs::read(&cache).unwrap();
    let mut damaged = vec![Vec::new(), b"something".to_vec(), vec![0; good.len()]];
    for at in [0, 13, 20, 30, 64, good.len() / 2, good.len() - 1] {
        let mut bytes = good.clone();
        bytes[at] ^= 4;
        damaged.push(bytes);
        damaged.push(good[..at].to_vec());
    }
    damaged.push([&good[..], &[0; 64]].concat());
    damaged.push([&good[..], b"more"].concat());
    for bytes in damaged {
        fs::write(&cache, &bytes).unwrap();
        let mut encoder = open("bert", Precision::Int8, kernel, &cache);
        assert_eq!(encoder.packed_state(), &PackedState::Written);
        assert_eq!(bits(&mut encoder), expected);
        assert_eq!(
            fs::read(&cache).unwrap(),
            good,
            "the same weights are packed as the same bytes"
        );
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_the_encoder_runs() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("missing/packed");
    let mut encoder = open("bert", Precision::F32, Kernel::best(), &cache);
    assert!(matches!(encoder.packed_state(), PackedState::NotWritten(_)));
    bits(&mut encoder);
}

#[test]
fn a_file_that_is_cut_ends_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("packed");
    open("bert", Precision::F32, Kernel::best(), &cache);
    let mut encoder = open("bert", Precision::F32, Kernel::best(), &cache);
    assert_eq!(encoder.packed_state(), &PackedState::Used);
    File::options()
        .write(true)
        .open(&cache)
        .unwrap()
        .set_len(0)
        .unwrap();
    let error = encoder.run(&[&TEXT], &|| false).unwrap_err();
    assert_eq!(error, RunError::FileChanged { path: cache });
}
