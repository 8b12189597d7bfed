//! From texts to token ids, within the model's limit.

use std::{borrow::Cow, path::Path};

use tokenizers::{
    AddedToken, NormalizerWrapper, PostProcessorWrapper,
    normalizers::{BertNormalizer, Lowercase, Sequence as Normalizers},
    processors::{sequence::Sequence as PostProcessors, template::TemplateProcessing},
};

use okibi_models::{ModelFiles, Network, TokenizerConfig};

use crate::{
    error::{EmbedError, LoadError},
    tokenizer_file::{self, Library},
};

/// Texts tokenized at a time: the library's encodings are some hundred bytes a token, ids are four.
const CHUNK: usize = 256;

/// Bytes of a text that are tokenized at once at the least; a longer one is tokenized piece by piece, because the
/// library needs some hundred bytes of memory a token.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes of a piece for each token of the model's limit, so that pieces meet far behind the limit: there a word cut in
/// two changes nothing but the count.
const PIECE_BYTES_PER_TOKEN: usize = 32;

/// A model's tokenizer.
pub struct Tokenizer {
    library: Library,
    max_tokens: usize,
    /// Special tokens before every text.
    before: Vec<u32>,
    /// Special tokens behind every text.
    behind: Vec<u32>,
    vocabulary: usize,
    /// Whether the configuration says something else than `tokenizer.json`.
    is_adjusted: bool,
    /// Whether the beginning of a text that is too long is cut off, and not its end.
    keeps_end: bool,
    /// Whether the prompt takes no part in the pooling.
    leaves_prompt_out: bool,
    /// The model's prompts with their ids: every request would compute the same ones.
    prompts: Vec<(String, Vec<u32>)>,
}

/// Something to embed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Words.
    Plain(String),
    /// Ids of this model's tokenizer; the special tokens around them may be there already.
    Ids(Vec<u32>),
}

impl Text {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Plain(text) => text.is_empty(),
            Self::Ids(ids) => ids.is_empty(),
        }
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Plain(text) => text.len(),
            Self::Ids(ids) => size_of_val(ids.as_slice()),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

/// What is done with a text over the model's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its end is cut off, which is reported; its beginning where the model's files say so.
    #[default]
    Truncate,
    /// Its end is cut off, whatever the model's files say, which is reported.
    TruncateEnd,
    /// Its beginning is cut off, and its prompt kept, which is reported.
    TruncateStart,
    /// The request is refused.
    Refuse,
    /// It is embedded in windows as long as the limit, each with the prompt; the vectors are averaged, weighted by the
    /// windows' tokens.
    Mean,
}

/// A text as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Its ids, special tokens included, in windows of at most the model's limit; one, where it is not over it.
    pub windows: Vec<Vec<u32>>,
    /// How many there were before cutting, special tokens counted once.
    pub found: usize,
    /// Special tokens of each window, which say nothing about the text.
    pub around: usize,
    /// The first tokens of each window that take no part in the pooling.
    pub left_out: usize,
}

impl Tokens {
    /// Tokens that are embedded, those around each window included.
    pub fn embedded(&self) -> usize {
        self.windows.iter().map(Vec::len).sum()
    }

    /// Whether its end is cut off.
    pub fn is_cut(&self) -> bool {
        self.windows.len() == 1 && self.found > self.windows[0].len()
    }
}

/// A token of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its id.
    pub id: u32,
    /// Its piece of the vocabulary.
    pub piece: String,
    /// Whether it is a special one.
    pub is_special: bool,
    /// Where it begins and ends in the text, in bytes; absent for special ones.
    pub span: Option<(usize, usize)>,
}

impl Tokenizer {
    /// Reads the tokenizer of a model, the slow part of it from `cache_folder` where it is kept there.
    ///
    /// Errors: [`ModelError::Unreadable`](okibi_models::ModelError::Unreadable), [`LoadError::Tokenizer`].
    pub fn load(files: &ModelFiles, cache_folder: &Path) -> Result<Self, LoadError> {
        let path: &Path = &files.tokenizer;
        let broken = |source| LoadError::Tokenizer {
            path: path.to_owned(),
            source,
        };
        let mut library = tokenizer_file::open(path, cache_folder)?;
        let mut is_adjusted = configure(&mut library, &files.tokenizer_config).map_err(broken)?;
        if files.pipeline.lower_case {
            lower_case(&mut library).map_err(broken)?;
        }
        let lacking: Vec<AddedToken> = files
            .special_tokens
            .iter()
            .filter(|token| library.token_to_id(token).is_none())
            .map(|token| AddedToken::from(token.as_str(), true))
            .collect();
        if !lacking.is_empty() {
            library.add_special_tokens(lacking).map_err(broken)?;
        }
        if files.pipeline.network != Network::Table {
            is_adjusted |= surround(&mut library, &files.tokenizer_config).map_err(broken)?;
        }
        let (before, behind) = match files.pipeline.network {
            Network::Graph | Network::Encoder => around(&library).map_err(broken)?,
            Network::Table => (Vec::new(), Vec::new()),
        };
        let vocabulary = library.get_vocab_size(true);
        let mut tokenizer = Self {
            library,
            max_tokens: files.max_tokens,
            before,
            behind,
            vocabulary,
            is_adjusted,
            keeps_end: files.tokenizer_config.keeps_end,
            leaves_prompt_out: !files.pipeline.pooling.include_prompt,
            prompts: Vec::new(),
        };
        let prompts = &files.prompts;
        let by_role = [&prompts.query, &prompts.document].into_iter().flatten();
        for prompt in by_role.chain(prompts.named.values().filter(|prompt| !prompt.is_empty())) {
            if tokenizer.prompts.iter().all(|(known, _)| known != prompt) {
                let ids = tokenizer.ids_of(prompt).map_err(broken)?;
                tokenizer.prompts.push((prompt.clone(), ids));
            }
        }
        Ok(tokenizer)
    }

    /// Tokens of a text that the model reads, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Whether the model's configuration says something else than `tokenizer.json`, and was followed.
    pub(crate) fn is_adjusted(&self) -> bool {
        self.is_adjusted
    }

    /// Tokenizes texts, each with `prompt` before it.
    ///
    /// Errors: [`EmbedError::TooLong`] (with [`Overflow::Refuse`]), [`EmbedError::UnknownId`],
    /// [`EmbedError::Tokenize`].
    pub fn encode(
        &self,
        texts: &[Text],
        prompt: Option<&str>,
        overflow: Overflow,
    ) -> Result<Vec<Tokens>, EmbedError> {
        let known = self
            .prompts
            .iter()
            .find(|(known, _)| prompt == Some(known.as_str()));
        let prompt_ids = match (prompt, known) {
            (None, _) => Cow::Owned(Vec::new()),
            (Some(_), Some((_, ids))) => Cow::Borrowed(ids.as_slice()),
            (Some(prompt), None) => Cow::Owned(self.ids_of(prompt).map_err(|error| failed(0, &error))?),
        };
        let mut all = Vec::with_capacity(texts.len());
        for chunk in texts.chunks(CHUNK) {
            for ids in self.content(chunk, prompt, &prompt_ids, all.len())? {
                let tokens = self.finish(ids, &prompt_ids, overflow);
                if overflow == Overflow::Refuse && tokens.is_cut() {
                    return Err(EmbedError::TooLong {
                        index: all.len(),
                        tokens: tokens.found,
                        limit: self.max_tokens,
                    });
                }
                all.push(tokens);
            }
        }
        Ok(all)
    }

    /// Returns the ids of texts with the prompt before them, without special tokens; `offset` is the index of the
    /// first text.
    fn content(
        &self,
        texts: &[Text],
        prompt: Option<&str>,
        prompt_ids: &[u32],
        offset: usize,
    ) -> Result<Vec<Vec<u32>>, EmbedError> {
        let longest = self.piece_bytes();
        let is_plain = |text: &Text| matches!(text, Text::Plain(text) if text.len() <= longest);
        // The parallel path costs a hop to another thread, which a single query need not pay.
        if texts.len() > 1 && texts.iter().all(is_plain) {
            let plain = texts.iter().filter_map(|text| match text {
                Text::Plain(text) => Some(text.as_str()),
                Text::Ids(_) => None,
            });
            let encoded = match prompt {
                None => self.library.encode_batch_fast::<&str>(plain.collect(), false),
                Some(prompt) => {
                    let prompted = plain.map(|text| format!("{prompt}{text}")).collect();
                    self.library.encode_batch_fast::<String>(prompted, false)
                }
            };
            let encodings = encoded.map_err(|error| failed(offset, &error))?;
            return Ok(encodings.iter().map(|one| one.get_ids().to_vec()).collect());
        }
        let each = texts.iter().enumerate().map(|(at, text)| match text {
            Text::Plain(text) => {
                let prompted = match prompt {
                    None => self.ids_of(text),
                    Some(prompt) => self.ids_of(&format!("{prompt}{text}")),
                };
                prompted.map_err(|error| failed(offset + at, &error))
            }
            Text::Ids(ids) => {
                if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocabulary) {
                    return Err(EmbedError::UnknownId {
                        index: offset + at,
                        id: *id,
                        vocabulary: self.vocabulary,
                    });
                }
                let bare = ids.strip_prefix(self.before.as_slice()).unwrap_or(ids);
                let bare = bare.strip_suffix(self.behind.as_slice()).unwrap_or(bare);
                Ok([prompt_ids, bare].concat())
            }
        });
        each.collect()
    }

    /// Returns the ids of a text of any length, without special tokens.
    fn ids_of(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut rest = text;
        while rest.len() > self.piece_bytes() {
            let (piece, next) = rest.split_at(rest.floor_char_boundary(self.piece_bytes()));
            ids.extend_from_slice(self.library.encode_fast(piece, false)?.get_ids());
            rest = next;
        }
        let encoding = self.library.encode_fast(rest, false)?;
        if ids.is_empty() {
            return Ok(encoding.get_ids().to_vec());
        }
        ids.extend_from_slice(encoding.get_ids());
        Ok(ids)
    }

    fn piece_bytes(&self) -> usize {
        PIECE_BYTES.max(self.max_tokens * PIECE_BYTES_PER_TOKEN)
    }

    /// Cuts a text's ids, or makes windows of them, and puts the special tokens around.
    fn finish(&self, ids: Vec<u32>, prompt: &[u32], overflow: Overflow) -> Tokens {
        let around = self.before.len() + self.behind.len();
        let room = self.max_tokens.saturating_sub(around).max(1);
        let found = ids.len() + around;
        let surround = |ids: &[&[u32]]| {
            let parts = [&[self.before.as_slice()], ids, &[self.behind.as_slice()]].concat();
            parts.concat()
        };
        // As sentence-transformers cuts: the prompt is a part of the text.
        let cut_before = if self.keeps_end {
            ids.len().saturating_sub(room)
        } else {
            0
        };
        // The prompt and the text may have been tokenized into one piece where they meet; then the prompt's own ids stand
        // before what is kept, and its trace in the text is the text's.
        let content = ids.strip_prefix(prompt).unwrap_or(&ids);
        let prompt_before = prompt.len().saturating_sub(cut_before);
        // A prompt as long as the limit leaves room for one token of the text.
        let prompt = &prompt[..prompt.len().min(room - 1)];
        let room_beside = room - prompt.len();
        let windows = match overflow {
            _ if ids.len() <= room => vec![surround(&[&ids])],
            Overflow::Truncate | Overflow::Refuse => vec![surround(&[&ids[cut_before..cut_before + room]])],
            Overflow::TruncateEnd => vec![surround(&[&ids[..room]])],
            Overflow::TruncateStart => {
                let kept = content.len().saturating_sub(room_beside);
                vec![surround(&[prompt, &content[kept..]])]
            }
            Overflow::Mean => content
                .chunks(room_beside)
                .map(|window| surround(&[prompt, window]))
                .collect(),
        };
        Tokens {
            windows,
            found,
            around: around + prompt.len(),
            // As sentence-transformers does it: the prompt as it is tokenized alone, with the special tokens before it.
            left_out: match self.leaves_prompt_out && !prompt.is_empty() {
                true if matches!(overflow, Overflow::Truncate | Overflow::Refuse) => {
                    self.before.len() + prompt_before
                }
                true => self.before.len() + prompt.len(),
                false => 0,
            },
        }
    }

    /// Returns the tokens of a text, with the special ones around it where that is asked for.
    ///
    /// Errors: [`EmbedError::Tokenize`].
    pub fn explain(&self, text: &str, with_special: bool) -> Result<Vec<TokenInfo>, EmbedError> {
        let encoding = self
            .library
            .encode(text, with_special)
            .map_err(|error| failed(0, &error))?;
        let each = encoding.get_ids().iter().zip(encoding.get_offsets());
        Ok(each
            .zip(encoding.get_special_tokens_mask())
            .map(|((id, span), special)| TokenInfo {
                id: *id,
                piece: self.library.id_to_token(*id).unwrap_or_default(),
                is_special: *special == 1,
                span: (*special == 0).then_some(*span),
            })
            .collect())
    }

    /// Returns the text that ids stand for, as near as they say it.
    ///
    /// Errors: [`EmbedError::UnknownId`], [`EmbedError::Tokenize`].
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, EmbedError> {
        if let Some(id) = ids.iter().find(|id| **id as usize >= self.vocabulary) {
            return Err(EmbedError::UnknownId {
                index: 0,
                id: *id,
                vocabulary: self.vocabulary,
            });
        }
        self.library
            .decode(ids, skip_special)
            .map_err(|error| failed(0, &error))
    }
}

fn failed(index: usize, error: &tokenizers::Error) -> EmbedError {
    EmbedError::Tokenize {
        index,
        reason: error.to_string(),
    }
}

/// Normalizes as the configuration says, where `tokenizer.json` says otherwise. Returns whether it does.
fn configure(library: &mut Library, config: &TokenizerConfig) -> tokenizers::Result<bool> {
    let before = library.get_normalizer().cloned();
    let (Some(NormalizerWrapper::BertNormalizer(before)), Some(asked)) = (before, config.bert) else {
        return Ok(false);
    };
    let mut bert = before;
    bert.lowercase = asked.lower_case;
    bert.strip_accents = asked.strip_accents;
    bert.handle_chinese_chars = asked.split_chinese;
    // Accents that nothing is said about go with the capitals.
    let strips = |bert: &BertNormalizer| bert.strip_accents.unwrap_or(bert.lowercase);
    let facts = |bert: &BertNormalizer| (bert.lowercase, strips(bert), bert.handle_chinese_chars);
    let is_other = facts(&bert) != facts(&before);
    library.with_normalizer(Some(NormalizerWrapper::BertNormalizer(bert)))?;
    Ok(is_other)
}

/// Puts the tokens around every text that the configuration asks for, where `tokenizer.json` does not put them there.
/// Returns whether it does not.
fn surround(library: &mut Library, config: &TokenizerConfig) -> tokenizers::Result<bool> {
    let (before, behind) = around(library)?;
    let lacking = |token: &Option<String>, there: &[u32]| {
        let token = token.clone()?;
        let id = library.token_to_id(&token)?;
        (!there.contains(&id)).then_some((token, id))
    };
    let (begin, end) = (lacking(&config.begin, &before), lacking(&config.end, &behind));
    if begin.is_none() && end.is_none() {
        return Ok(false);
    }
    let name = |token: &Option<(String, u32)>| token.as_ref().map(|(name, _)| name.clone());
    let single: Vec<String> = name(&begin)
        .into_iter()
        .chain(["$A".into()])
        .chain(name(&end))
        .collect();
    let template = TemplateProcessing::builder()
        .try_single(single)?
        .special_tokens(begin.into_iter().chain(end).collect::<Vec<_>>())
        .build()?;
    let all = library.get_post_processor().cloned().into_iter();
    let all = all.chain([PostProcessorWrapper::Template(template)]).collect();
    library.with_post_processor(Some(PostProcessorWrapper::Sequence(PostProcessors::new(all))));
    Ok(true)
}

/// Brings every text to lower case before anything else is done with it. Source: sentence-transformers 6.2, `Transformer`.
fn lower_case(library: &mut Library) -> tokenizers::Result<()> {
    let others = match library.get_normalizer().cloned() {
        None => Vec::new(),
        Some(NormalizerWrapper::Sequence(sequence)) => sequence.into_iter().collect(),
        Some(other) => vec![other],
    };
    let all = [vec![NormalizerWrapper::Lowercase(Lowercase)], others].concat();
    library.with_normalizer(Some(NormalizerWrapper::Sequence(Normalizers::new(all))))?;
    Ok(())
}

/// Returns the special tokens that the template puts before and behind every text.
fn around(library: &Library) -> tokenizers::Result<(Vec<u32>, Vec<u32>)> {
    let bare = library.encode_fast("a", false)?;
    let whole = library.encode_fast("a", true)?;
    let (bare, whole) = (bare.get_ids(), whole.get_ids());
    let at = whole
        .windows(bare.len().max(1))
        .position(|window| window == bare)
        .ok_or("its template does not leave a text in one piece")?;
    Ok((whole[..at].to_vec(), whole[at + bare.len()..].to_vec()))
}

#[cfg(test)]
mod tests {
    use okibi_models::describe;

    use super::*;

    #[test]
    fn tokens_that_only_the_configuration_puts_around_a_text_stand_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiny-ruri");
        let whole = Tokenizer::load(&describe("tiny", &folder, None, None).unwrap(), Path::new("")).unwrap();
        assert!(!whole.is_adjusted());
        let bare = tempfile::tempdir().unwrap();
        let bytes = std::fs::read(folder.join("tokenizer.json")).unwrap();
        let mut tokenizer: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        tokenizer["post_processor"] = serde_json::Value::Null;
        std::fs::write(bare.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
        std::fs::write(bare.path().join("model.onnx"), "").unwrap();
        let around = |flags: [bool; 2]| {
            let config = serde_json::json!({
                "tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>",
                "add_bos_token": flags[0], "add_eos_token": flags[1],
            });
            std::fs::write(bare.path().join("tokenizer_config.json"), config.to_string()).unwrap();
            let tokenizer =
                Tokenizer::load(&describe("bare", bare.path(), None, None).unwrap(), Path::new("")).unwrap();
            assert_eq!(tokenizer.is_adjusted(), flags.contains(&true));
            (tokenizer.before, tokenizer.behind)
        };
        let (before, behind) = (whole.before.clone(), whole.behind.clone());
        assert_eq!(around([true, true]), (before.clone(), behind.clone()));
        assert_eq!(around([true, false]), (before, Vec::new()));
        assert_eq!(around([false, true]), (Vec::new(), behind));
        assert_eq!(around([false, false]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn the_side_that_is_cut_is_the_one_that_was_asked_for_and_the_prompt_stays() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiny-ruri");
        let files = describe("tiny", &folder, None, None).unwrap();
        let tokenizer = Tokenizer::load(&files, Path::new("")).unwrap();
        let (prompt, prompt_ids) = &tokenizer.prompts[0];
        let content = |range: std::ops::Range<u32>| range.collect::<Vec<u32>>();
        let all = [prompt_ids.as_slice(), &content(100..100 + 20_000)].concat();
        let room = tokenizer.max_tokens - tokenizer.before.len() - tokenizer.behind.len();
        let kept = |prompt: &[u32], overflow| {
            let ids = if prompt.is_empty() {
                content(100..100 + 20_000)
            } else {
                all.clone()
            };
            let tokens = tokenizer.finish(ids, prompt, overflow);
            assert!(
                tokens.is_cut() && tokens.windows[0].len() == tokenizer.max_tokens,
                "{prompt:?}"
            );
            let window = &tokens.windows[0][tokenizer.before.len()..];
            window[..window.len() - tokenizer.behind.len()].to_vec()
        };
        assert_eq!(kept(prompt_ids, Overflow::Truncate), all[..room]);
        assert_eq!(kept(prompt_ids, Overflow::TruncateEnd), all[..room]);
        let of_text = (room - prompt_ids.len()) as u32;
        let end = content(100 + 20_000 - of_text..100 + 20_000);
        assert_eq!(
            kept(prompt_ids, Overflow::TruncateStart),
            [prompt_ids.as_slice(), &end].concat(),
            "{prompt}"
        );
        assert_eq!(
            kept(&[], Overflow::TruncateStart),
            content(20_100 - room as u32..20_100)
        );
    }

    #[test]
    fn the_ids_of_the_models_prompts_are_those_of_their_texts() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiny-ruri");
        let files = describe("tiny", &folder, None, None).unwrap();
        let tokenizer = Tokenizer::load(&files, Path::new("")).unwrap();
        let known: Vec<&str> = tokenizer
            .prompts
            .iter()
            .map(|(prompt, _)| prompt.as_str())
            .collect();
        assert_eq!(known, ["検索クエリ: ", "検索文書: ", "トピック: "]);
        for (prompt, ids) in &tokenizer.prompts {
            assert_eq!(*ids, tokenizer.ids_of(prompt).unwrap());
            let asked = [Text::Ids(vec![5])];
            let encoded = tokenizer
                .encode(&asked, Some(prompt), Overflow::Truncate)
                .unwrap();
            let content = [ids.as_slice(), &[5]].concat();
            let around = [&tokenizer.before[..], &content, &tokenizer.behind[..]].concat();
            assert_eq!(encoded[0].windows, [around]);
        }
    }
}
