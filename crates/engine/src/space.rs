//! Which space a model's vectors are in, so that an app sees whether new vectors belong to its index.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Map, Value, json};

use okibi_models::{ChosenOutput, FileStamp, Holds, ModelError, ModelFiles, Prompts, Step};

use crate::{
    digests::Digests,
    encoder::{self, Precision},
};

/// Hexadecimal digits of an id: 64 bits, so that two spaces of one user never meet.
const DIGITS: usize = 16;

/// The space of a model's vectors: a short hash of weights, tokenizer, modules, prompts, limit and length.
///
/// Vectors that were cut to fewer values, or are not of unit length, are in spaces of their own; their ids end in
/// `-d128` and `-raw`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpaceId(String);

impl SpaceId {
    /// The space of vectors cut to `keep` of `dimension` values, of unit length or not.
    pub(crate) fn of(&self, keep: usize, dimension: usize, normalize: bool) -> Self {
        let mut id = self.0.clone();
        if keep != dimension {
            id.push_str(&format!("-d{keep}"));
        }
        if !normalize {
            id.push_str("-raw");
        }
        Self(id)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpaceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a model's files hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Of each file with weights, the ONNX file first.
    weights: Vec<blake3::Hash>,
    tokenizer: blake3::Hash,
    pub(crate) weight_bytes: u64,
    /// When the ONNX file was last changed.
    pub(crate) modified: Option<SystemTime>,
    /// The files, as they were when they were read.
    stamps: Vec<(PathBuf, Option<FileStamp>)>,
}

impl Contents {
    /// Reads the files of a model, or takes the hashes of the last time where size and time of a file are still the same.
    ///
    /// Errors: [`ModelError::Unreadable`].
    pub(crate) fn read(files: &ModelFiles, cache_folder: &Path) -> Result<Self, ModelError> {
        let mut digests = Digests::open(cache_folder);
        let mut weights = Vec::new();
        let mut weight_bytes = 0;
        let all = files.weights.iter().chain([&files.tokenizer]);
        let stamps = all.map(|path| (path.clone(), stamp(path))).collect();
        for path in &files.weights {
            let (hash, bytes) = digests.of(path)?;
            weights.push(hash);
            weight_bytes += bytes;
        }
        let (tokenizer, _) = digests.of(&files.tokenizer)?;
        digests.keep();
        Ok(Self {
            weights,
            tokenizer,
            weight_bytes,
            modified: fs::metadata(&files.model).and_then(|file| file.modified()).ok(),
            stamps,
        })
    }

    /// Checks that the files are still those that were read: what was loaded meanwhile is then what the hashes are of.
    ///
    /// Errors: [`ModelError::Changed`].
    pub(crate) fn check_unchanged(&self) -> Result<(), ModelError> {
        match self.stamps.iter().find(|(path, read)| stamp(path) != *read) {
            None => Ok(()),
            Some((path, _)) => Err(ModelError::Changed { path: path.clone() }),
        }
    }

    /// Returns a hash of weights and tokenizer, 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for hash in self.weights.iter().chain([&self.tokenizer]) {
            hasher.update(hash.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Returns the space of the model's whole vectors, of unit length; `output` is what a graph gives them by, `precision` how Okibi's
    /// own encoder computes them, `is_adjusted`
    /// whether the tokenizer follows its configuration in something that `tokenizer.json` says otherwise.
    pub(crate) fn space(
        &self,
        files: &ModelFiles,
        output: Option<&ChosenOutput>,
        precision: Option<Precision>,
        is_adjusted: bool,
        dimension: usize,
    ) -> SpaceId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.digest().as_bytes());
        // All that goes into a vector, in an order that stays: users keep ids beside their indexes. Padding is left out, since
        // the model does not attend to it.
        let Prompts { query, document, .. } = &files.prompts;
        let pooling = match files.pipeline.pooling.modes.as_slice() {
            [only] => json!(only),
            several => json!(several),
        };
        let manner = json!([
            pooling,
            query,
            document,
            files.max_tokens,
            files.special_tokens,
            dimension
        ]);
        hasher.update(manner.to_string().as_bytes());
        // What most models do without: an id stays what it was before Okibi knew of such things.
        let rest = further(files, output, precision, is_adjusted);
        if !rest.is_empty() {
            hasher.update(Value::Object(rest).to_string().as_bytes());
        }
        SpaceId(hasher.finalize().to_hex()[..DIGITS].to_owned())
    }
}

/// Returns what else goes into a model's vectors, where it is not the usual.
fn further(
    files: &ModelFiles,
    output: Option<&ChosenOutput>,
    precision: Option<Precision>,
    is_adjusted: bool,
) -> Map<String, Value> {
    let mut rest = Map::new();
    let mut add = |name: &str, is_unusual: bool, value: Value| {
        if is_unusual {
            rest.insert(name.to_owned(), value);
        }
    };
    let pipeline = &files.pipeline;
    add("lower_case", pipeline.lower_case, json!(true));
    add("include_prompt", !pipeline.pooling.include_prompt, json!(false));
    add("keeps_end", files.tokenizer_config.keeps_end, json!(true));
    let tokenizer = &files.tokenizer_config;
    let facts = json!([tokenizer.begin, tokenizer.end, tokenizer.bert]);
    add("tokenizer", is_adjusted, facts);
    // The processor and its kernel are not part of it: they give the same bits.
    let precision = precision.map(encoder::name);
    add("precision", precision.is_some(), json!(precision));
    let whole = output.filter(|output| output.holds == Holds::Texts);
    add("output", whole.is_some(), json!(whole.map(|output| &output.name)));
    let last = pipeline.steps.len().saturating_sub(1);
    let steps = pipeline
        .steps
        .iter()
        .enumerate()
        .filter_map(|(at, step)| match step {
            Step::Dense(dense) => Some(json!([
                "dense",
                dense.input,
                dense.output,
                dense.has_bias,
                dense.has_residual,
                dense.activation.name()
            ])),
            Step::LayerNorm(norm) => Some(json!(["layer_norm", norm.dimension])),
            Step::Normalize if at < last => Some(json!(["normalize"])),
            // Whether the result is of unit length is for the request to say.
            Step::Normalize => None,
        });
    let steps: Vec<Value> = steps.collect();
    add("steps", !steps.is_empty(), json!(steps));
    let Prompts {
        query,
        document,
        named,
        ..
    } = &files.prompts;
    let is_of_role = |prompt: &&String| [query, document].contains(&&Some((*prompt).clone()));
    let others: Vec<_> = named
        .iter()
        .filter(|(_, prompt)| !prompt.is_empty() && !is_of_role(prompt))
        .collect();
    add("prompts", !others.is_empty(), json!(others));
    let default = files.prompts.of_no_role();
    add("default_prompt", default.is_some(), json!(default));
    rest
}

/// Returns the stamp of a file; a pipe has none.
fn stamp(path: &Path) -> Option<FileStamp> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    FileStamp::of(&metadata)
}

/// Returns the bytes of a model's weights on disk.
pub(crate) fn weight_bytes(files: &ModelFiles) -> u64 {
    let each = files.weights.iter();
    each.filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use okibi_models::describe;

    use super::*;

    #[test]
    fn cut_and_raw_vectors_are_in_spaces_of_their_own() {
        let whole = SpaceId("0123456789abcdef".into());
        assert_eq!(whole.of(384, 384, true), whole);
        assert_eq!(whole.of(128, 384, true).as_str(), "0123456789abcdef-d128");
        assert_eq!(whole.of(128, 384, false).as_str(), "0123456789abcdef-d128-raw");
    }

    #[test]
    fn every_file_with_weights_is_part_of_the_space_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.path().join(name), content).unwrap();
        // ModelProto.graph.initializer.external_data { key: "location", value: "weights.bin" }.
        let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
        let entry = [field(1, b"location"), field(2, b"weights.bin")].concat();
        write("model.onnx", &field(7, &field(5, &field(13, &entry))));
        write("tokenizer.json", b"{}");
        write("weights.bin", b"one");
        let look = || {
            let files = describe("m", folder.path(), None, None).unwrap();
            let contents = Contents::read(&files, Path::new("")).unwrap();
            contents.check_unchanged().unwrap();
            assert_eq!(
                contents.weight_bytes,
                weight_bytes(&files),
                "admission counts the same files"
            );
            (
                contents.space(&files, None, None, false, 4),
                contents.weight_bytes,
            )
        };
        let (space, bytes) = look();
        write("model.onnx_data", b"another model's, or a leftover");
        assert_eq!(look(), (space.clone(), bytes), "the graph does not name it");
        write("weights.bin", b"three");
        let (changed, more) = look();
        assert_ne!(changed, space);
        assert_eq!(more, bytes + 2);
        let files = describe("m", folder.path(), None, None).unwrap();
        let contents = Contents::read(&files, Path::new("")).unwrap();
        write("weights.bin", b"while it loads");
        let error = contents.check_unchanged().unwrap_err();
        assert!(matches!(error, ModelError::Changed { path } if path.ends_with("weights.bin")));
    }
}
