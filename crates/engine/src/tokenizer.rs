//! Texts to token ids, within the model's limit.

use std::path::Path;

use tokenizers::{
    AddedToken, DecoderWrapper, Encoding, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    TokenizerImpl, TruncationDirection,
};

use crate::{
    error::{EmbedError, LoadError},
    source::ModelFiles,
    unigram::AnyModel,
};

/// The library's tokenizer, with a model of ours where that is the better one.
type Library =
    TokenizerImpl<AnyModel, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Texts tokenised at a time: the library's encodings are some hundred bytes a token, ids are four.
const CHUNK: usize = 256;

/// A model's tokenizer.
pub struct Tokenizer {
    library: Library,
    max_tokens: usize,
    /// Special tokens that the template puts around every text.
    around: usize,
}

/// A text as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Its ids, special tokens included, at most the model's limit.
    pub ids: Vec<u32>,
    /// How many there were before cutting.
    pub found: usize,
}

impl Tokenizer {
    /// Reads the tokenizer of a model.
    ///
    /// Errors: [`LoadError::Unreadable`], [`LoadError::Tokenizer`].
    pub fn load(files: &ModelFiles) -> Result<Self, LoadError> {
        let path: &Path = &files.tokenizer;
        let broken = |source| LoadError::Tokenizer {
            path: path.to_owned(),
            source,
        };
        let bytes = std::fs::read(path).map_err(|source| LoadError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut library: Library = serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))?;
        drop(bytes);
        // Cutting and padding are done here, where the counts are kept and batches are made.
        library.with_truncation(None).map_err(broken)?.with_padding(None);
        let lacking: Vec<AddedToken> = files
            .special_tokens
            .iter()
            .filter(|token| library.token_to_id(token).is_none())
            .map(|token| AddedToken::from(token.as_str(), true))
            .collect();
        if !lacking.is_empty() {
            library.add_special_tokens(lacking).map_err(broken)?;
        }
        let around = library.encode_fast("", true).map_err(broken)?.len();
        Ok(Self {
            library,
            max_tokens: files.max_tokens,
            around,
        })
    }

    /// Tokens of a text that the model reads, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tokenises `texts`, each with `prompt` before it; in parallel where there are many.
    ///
    /// Errors: [`EmbedError::TooLong`] for the first text over the limit when `truncate` is false,
    /// [`EmbedError::Tokenize`].
    pub fn encode(
        &self,
        texts: &[String],
        prompt: Option<&str>,
        truncate: bool,
    ) -> Result<Vec<Tokens>, EmbedError> {
        let mut all = Vec::with_capacity(texts.len());
        for chunk in texts.chunks(CHUNK) {
            let encoded = match (chunk, prompt) {
                // The parallel path costs a hop to another thread, which a single query need not pay.
                ([text], None) => self
                    .library
                    .encode_fast(text.as_str(), false)
                    .map(|one| vec![one]),
                ([text], Some(prompt)) => self
                    .library
                    .encode_fast(format!("{prompt}{text}"), false)
                    .map(|one| vec![one]),
                (_, None) => self
                    .library
                    .encode_batch_fast(chunk.iter().map(String::as_str).collect(), false),
                (_, Some(prompt)) => {
                    let prompted = chunk.iter().map(|text| format!("{prompt}{text}")).collect();
                    self.library.encode_batch_fast::<String>(prompted, false)
                }
            };
            let failed = |index: usize, error: tokenizers::Error| EmbedError::Tokenize {
                index,
                reason: error.to_string(),
            };
            for encoding in encoded.map_err(|error| failed(all.len(), error))? {
                let index = all.len();
                let tokens = self.finish(encoding).map_err(|error| failed(index, error))?;
                if !truncate && tokens.found > tokens.ids.len() {
                    return Err(EmbedError::TooLong {
                        index,
                        tokens: tokens.found,
                        limit: self.max_tokens,
                    });
                }
                all.push(tokens);
            }
        }
        Ok(all)
    }

    /// Cuts an encoding without special tokens to the limit, then puts the template's special tokens around it.
    fn finish(&self, mut encoding: Encoding) -> tokenizers::Result<Tokens> {
        let found = encoding.len() + self.around;
        encoding.truncate(
            self.max_tokens.saturating_sub(self.around).max(1),
            0,
            TruncationDirection::Right,
        );
        // Windows cut off are kept by the library, which may be many times the text: they are not wanted.
        encoding.take_overflowing();
        let whole = self.library.post_process(encoding, None, true)?;
        Ok(Tokens {
            ids: whole.get_ids().to_vec(),
            found,
        })
    }
}
