//! What the methods that embed take and give.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor, value::SeqAccessDeserializer},
};

use crate::vector::{Encoding, Vectors};

/// Parameters of [`EmbedText`](super::EmbedText). Unknown ones are ignored, as the original did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedTextParams {
    /// The text, embedded without any prompt.
    pub text: String,
}

/// Result of [`EmbedText`](super::EmbedText).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedTextResult {
    /// Base64 of a safetensors file with one F32 tensor `vector` of shape [1, dimension], L2-normalized.
    pub vector: String,
}

/// What a text is for: decides which of the model's prompts is put before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// Something searched for.
    #[serde(alias = "search_query")]
    Query,
    /// Something to be found.
    #[serde(alias = "passage", alias = "search_document")]
    Document,
    /// Neither: the text as it is.
    #[default]
    None,
}

/// What is done with a text over the model's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowChoice {
    /// Its end is cut off, which is reported.
    Truncate,
    /// The request is refused.
    Refuse,
    /// It is embedded in windows, whose vectors are averaged, weighted by their tokens.
    Mean,
}

/// One text or several.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Input {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// By hand, because serde buffers an untagged enum as a tree of values first, and this holds the texts.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = Input;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Input, E> {
                Ok(Input::One(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Input, E> {
                Ok(Input::One(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Input, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(texts)).map(Input::Many)
            }
        }

        from.deserialize_any(Texts)
    }
}

impl Input {
    /// The texts, one or several.
    pub fn into_texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// Parameters of [`Embed`](super::Embed). Unknown names are an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedParams {
    /// The texts.
    pub input: Input,
    /// Which prompt is put before each.
    #[serde(default)]
    pub input_type: InputType,
    /// Whether vectors are brought to unit length.
    #[serde(default = "yes")]
    pub normalize: bool,
    /// Keeps this many values of each vector, before normalizing; all where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimensions: Option<usize>,
    /// Whether a text over the model's limit is cut (and reported) or refused.
    #[serde(default = "yes")]
    pub truncate: bool,
    /// How the vectors are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether the result comes in chunks: by default it does for lists longer than a chunk, never in a batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stream: Option<bool>,
    /// What is done with a text over the limit; takes precedence over `truncate`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub overflow: Option<OverflowChoice>,
    /// Which model embeds, optionally with `:query` or `:document` after its name; the current one where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model: Option<String>,
}

fn yes() -> bool {
    true
}

impl EmbedParams {
    /// Everything by default for `input`.
    pub fn new(input: Input) -> Self {
        Self {
            input,
            input_type: InputType::None,
            normalize: true,
            dimensions: None,
            truncate: true,
            encoding: Encoding::Float,
            stream: None,
            overflow: None,
            model: None,
        }
    }
}

/// A text that was longer than the model's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncated {
    /// Which text, counted from 0 over the whole input.
    pub index: usize,
    /// Its length in tokens, prompt and special tokens included.
    pub tokens: usize,
}

/// A text that was embedded in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windowed {
    /// Which text, counted from 0 over the whole input.
    pub index: usize,
    /// How many windows.
    pub windows: usize,
}

/// A text that has no vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedText {
    /// Index in the whole input.
    pub index: usize,
    /// Why, for people.
    pub message: String,
}

/// Result of [`Embed`](super::Embed), or a chunk of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmbedResult {
    /// The model's name.
    pub model: String,
    /// Length of each vector.
    pub dimension: usize,
    /// Index of the chunk's first text; 0 where there is one chunk.
    pub offset: usize,
    /// One vector per text, in the order of the input; none for those in `failed`.
    pub vectors: Vectors,
    /// Tokens of each text that were embedded, prompt and special tokens included.
    pub tokens: Vec<usize>,
    /// The texts of this chunk that were cut.
    pub truncated: Vec<Truncated>,
    /// The texts of this chunk that were embedded in windows.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub windowed: Vec<Windowed>,
    /// The texts of this chunk for which the model gave no vector of finite numbers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub failed: Vec<FailedText>,
    /// The prompt that was put before each text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prompt: Option<String>,
    /// The space that the vectors are in: vectors of different spaces cannot be compared.
    #[serde(default)]
    pub space: String,
}
