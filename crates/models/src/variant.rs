//! Which weights of a repository are taken.
//!
//! All of this goes by file names, because it happens before anything is here: what the weights really are, the ONNX file
//! says once it has come.

use okibi_protocol::models::Variant;

/// Endings of the file names of each variant, behind `model`, the best first. Source: the names that
/// transformers.js's and optimum's exports have.
const ENDINGS: [(Variant, &[&str]); 5] = [
    (Variant::Fp32, &["", "_optimized"]),
    (Variant::Fp16, &["_fp16"]),
    (Variant::Bf16, &["_bf16"]),
    (Variant::Int8, &["_quantized", "_int8", "_uint8"]),
    (Variant::Q4, &["_q4", "_bnb4", "_q4f16"]),
];

/// Order in which variants are tried where memory does not matter.
const LARGEST_FIRST: [Variant; 4] = [Variant::Fp32, Variant::Int8, Variant::Q4, Variant::Fp16];

/// Returns the ONNX file of a variant, if there is one.
pub(crate) fn of(files: &[&str], asked: Variant) -> Option<String> {
    let endings = ENDINGS.iter().find(|(variant, _)| *variant == asked)?.1;
    let candidates = endings
        .iter()
        .flat_map(|ending| ["onnx/", ""].map(|folder| format!("{folder}model{ending}.onnx")));
    let mut candidates = candidates;
    candidates.find(|candidate| files.contains(&candidate.as_str()))
}

/// Returns any ONNX file that holds a model: the variants in their order, else the first `model*.onnx`.
pub(crate) fn any(files: &[&str]) -> Option<String> {
    let by_variant = LARGEST_FIRST.into_iter().find_map(|variant| of(files, variant));
    by_variant.or_else(|| {
        let is_model = |file: &&&str| {
            let name = file.strip_prefix("onnx/").unwrap_or(file);
            name.starts_with("model") && name.ends_with(".onnx") && !name.contains('/')
        };
        files.iter().find(is_model).map(|file| (*file).to_owned())
    })
}

/// Returns the variants that a repository has.
pub(crate) fn available(files: &[&str]) -> Vec<Variant> {
    let each = Variant::ALL.into_iter();
    each.filter(|variant| of(files, *variant).is_some()).collect()
}

/// Returns the file of the variant that suits a machine: 32-bit floats where their weights fit into its memory one and a third times, else
/// 8-bit integers, else 4-bit ones. `bytes` gives the size of a file where it is known, `free` the free memory.
pub(crate) fn auto(files: &[&str], bytes: impl Fn(&str) -> Option<u64>, free: Option<u64>) -> Option<String> {
    let fits = |file: &String| match (bytes(file), free) {
        (Some(bytes), Some(free)) => bytes.saturating_add(bytes / 3) <= free,
        _ => true,
    };
    let fitting = LARGEST_FIRST
        .into_iter()
        .filter_map(|variant| of(files, variant))
        .find(fits);
    // Where none fits, the smallest is the best guess; loading it says what is missing.
    fitting.or_else(|| {
        let each = LARGEST_FIRST.into_iter().filter_map(|variant| of(files, variant));
        each.min_by_key(|file| bytes(file).unwrap_or(u64::MAX))
            .or_else(|| any(files))
    })
}

/// Returns the files that look like the external data of an ONNX file: they lie beside it and are named after it.
pub(crate) fn external_data<'a>(files: &[&'a str], model_file: &str) -> Vec<&'a str> {
    let stem = model_file.strip_suffix(".onnx").unwrap_or(model_file);
    let is_data = |file: &&&str| {
        let rest = file.strip_prefix(stem);
        rest.is_some_and(|rest| {
            rest.starts_with(".onnx_data") || rest.starts_with(".onnx.data") || rest == ".data"
        })
    };
    files.iter().filter(is_data).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 6] = [
        "onnx/model.onnx",
        "onnx/model.onnx_data",
        "onnx/model_q4.onnx",
        "onnx/model_q4.onnx_data",
        "onnx/model_quantized.onnx",
        "tokenizer.json",
    ];

    #[test]
    fn each_variant_has_its_file() {
        assert_eq!(
            of(&FILES, Variant::Int8).as_deref(),
            Some("onnx/model_quantized.onnx")
        );
        assert_eq!(of(&FILES, Variant::Fp16), None);
        assert_eq!(available(&FILES), [Variant::Fp32, Variant::Int8, Variant::Q4]);
        assert_eq!(of(&["model.onnx"], Variant::Fp32).as_deref(), Some("model.onnx"));
        assert_eq!(
            any(&["onnx/model_O2.onnx"]).as_deref(),
            Some("onnx/model_O2.onnx")
        );
        assert_eq!(any(&["onnx/decoder.onnx"]), None);
    }

    #[test]
    fn memory_decides_which_one_suits() {
        let bytes = |file: &str| match file {
            "onnx/model.onnx" => Some(1200),
            "onnx/model_quantized.onnx" => Some(300),
            _ => Some(200),
        };
        let auto = |free| auto(&FILES, bytes, free).unwrap();
        assert_eq!(auto(Some(1600)), "onnx/model.onnx");
        assert_eq!(auto(Some(1599)), "onnx/model_quantized.onnx");
        assert_eq!(auto(Some(300)), "onnx/model_q4.onnx");
        assert_eq!(auto(Some(1)), "onnx/model_q4.onnx");
        assert_eq!(auto(None), "onnx/model.onnx");
    }

    #[test]
    fn external_data_is_that_of_its_own_file() {
        assert_eq!(external_data(&FILES, "onnx/model.onnx"), ["onnx/model.onnx_data"]);
        assert_eq!(
            external_data(&FILES, "onnx/model_q4.onnx"),
            ["onnx/model_q4.onnx_data"]
        );
        assert!(external_data(&FILES, "onnx/model_quantized.onnx").is_empty());
    }
}
