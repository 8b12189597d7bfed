//! The loaded model: takes texts, returns vectors.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use okibi_models::Prompts;

use crate::{
    device::Device,
    error::EmbedError,
    pooling::{self, Pooling},
    progress::{Progress, Told},
    queue::{Answer, Meter, Queue},
    sequence::Sequence,
    session::Output,
    space::SpaceId,
    tokenizer::{Overflow, Text, TokenInfo, Tokenizer, Tokens},
};

/// What a text is for; decides which of the model's prompts is put before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Something searched for.
    Query,
    /// Something to be found.
    Document,
    /// Neither: the text as it is, behind the model's default prompt where it has one.
    #[default]
    None,
}

/// Texts to embed, and how.
#[derive(Clone, Debug)]
pub struct EmbedRequest {
    /// The texts.
    pub texts: Vec<Text>,
    /// What they are for.
    pub role: Role,
    /// What is put before each text, in place of the role's prompt; nothing where it is empty.
    pub prompt: Option<String>,
    /// Whether vectors are brought to unit length.
    pub normalize: bool,
    /// Keeps the first so many values of each vector, before normalizing.
    pub dimensions: Option<usize>,
    /// What is done with a text over the limit.
    pub overflow: Overflow,
    /// Whether an empty text is embedded, as the tokens that stand around every text; else it is refused.
    pub allow_empty: bool,
    /// One vector a text, or one a token.
    pub output: Output,
    /// Who asks: clients that ask for much share the model evenly.
    pub client: u64,
    /// Counts its texts as they are computed.
    pub progress: Option<Progress>,
}

impl EmbedRequest {
    /// Normalized vectors of `texts` as they are, cut at the limit.
    pub fn new(texts: impl IntoIterator<Item = impl Into<Text>>) -> Self {
        Self {
            texts: texts.into_iter().map(Into::into).collect(),
            role: Role::None,
            prompt: None,
            normalize: true,
            dimensions: None,
            overflow: Overflow::Truncate,
            allow_empty: false,
            output: Output::Text,
            client: 0,
            progress: None,
        }
    }
}

/// The vectors of a request, and how they came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// One vector per text, in their order; with [`Output::Tokens`] those of its tokens, one after the other.
    pub vectors: Vec<Vec<f32>>,
    /// Which texts have no finite vector, or made the model fail; what `vectors` holds for them means nothing.
    pub failed: Vec<usize>,
    /// Tokens of each text that were embedded, prompt and special tokens included.
    pub tokens: Vec<usize>,
    /// Which texts were cut, and how many tokens they have.
    pub truncated: Vec<(usize, usize)>,
    /// Which texts were embedded in windows, and in how many.
    pub windowed: Vec<(usize, usize)>,
    /// The prompt that was put before each text.
    pub prompt: Option<String>,
    /// The space that the vectors are in.
    pub space: SpaceId,
    /// Where the time went.
    pub timing: Timing,
}

impl Embedded {
    /// Returns itself where every text has a vector, for APIs that cannot answer with some and not others.
    ///
    /// Errors: [`EmbedError::NotFinite`] for the first text that has none.
    pub fn whole(self) -> Result<Self, EmbedError> {
        match self.failed.first() {
            Some(&index) => Err(EmbedError::NotFinite { index }),
            None => Ok(self),
        }
    }
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Tokenizing.
    pub tokenizing: Duration,
    /// Waiting for the first batch.
    pub queued: Duration,
    /// Batches, what they hold of other requests included.
    pub computing: Duration,
}

/// Metadata of a loaded model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Its name for people.
    pub name: String,
    /// Length of a vector.
    pub dimension: usize,
    /// Length of a token's vector, where the model gives vectors of tokens.
    pub token_dimension: Option<usize>,
    /// Tokens of a text that it reads, special tokens included.
    pub max_tokens: usize,
    /// What is put before a text, by its role.
    pub prompts: Prompts,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// The kind of network, as the model's configuration names it.
    pub architecture: Option<String>,
    /// Threads it computes with.
    pub threads: usize,
    /// What computes it.
    pub device: Device,
    /// The device that was asked for and is unavailable.
    pub missed_device: Option<Device>,
    /// The space of its whole, normalized vectors.
    pub space: SpaceId,
    /// Bytes of its weights.
    pub weight_bytes: u64,
    /// A hash of weights and tokenizer, 64 hexadecimal digits.
    pub digest: String,
    /// When its weights were last changed.
    pub modified: Option<SystemTime>,
}

/// A loaded model with its tokenizer and its queue.
pub struct Engine {
    pub(crate) info: ModelInfo,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) queue: Queue,
}

/// A request whose texts are tokenized.
pub struct Prepared {
    tokens: Vec<Tokens>,
    normalize: bool,
    keep: usize,
    prompt: Option<String>,
    output: Output,
    client: u64,
    progress: Option<Progress>,
    tokenizing: Duration,
}

impl Prepared {
    /// Tokens of all texts together, as they will be computed.
    pub fn tokens(&self) -> usize {
        self.tokens.iter().map(Tokens::embedded).sum()
    }
}

/// A request in the queue. Dropping it takes the request back.
pub struct Pending {
    answer: tokio::sync::oneshot::Receiver<Answer>,
    embedded: Embedded,
    /// For each text its windows: the tokens of each that are its own.
    windows: Vec<Vec<usize>>,
    normalize: bool,
    keep: usize,
    output: Output,
}

impl Engine {
    /// Ends the model's thread, and waits until its memory is given back.
    pub fn close(self) {
        self.queue.close();
    }

    /// Returns the model's metadata.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns the tokens of a text.
    ///
    /// Errors: [`EmbedError::Tokenize`].
    pub fn tokenize(&self, text: &str, with_special: bool) -> Result<Vec<TokenInfo>, EmbedError> {
        self.tokenizer.explain(text, with_special)
    }

    /// Returns the text that ids stand for.
    ///
    /// Errors: [`EmbedError::UnknownId`], [`EmbedError::Tokenize`].
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, EmbedError> {
        self.tokenizer.decode(ids, skip_special)
    }

    /// Texts (or windows of texts) that wait or are being computed.
    pub fn queued_texts(&self) -> usize {
        self.queue.texts()
    }

    /// When the batch that is being computed was begun; `None` while there is none. A run cannot be interrupted.
    pub fn computing_since(&self) -> Option<Instant> {
        self.queue.computing_since()
    }

    /// Whether a file of the model was changed on disk: every request fails, and the model has to be loaded again.
    pub fn is_outdated(&self) -> bool {
        self.queue.is_outdated()
    }

    /// Reports to `meter` what is computed from now on; only the first one counts.
    pub fn set_meter(&self, meter: Arc<dyn Meter>) {
        self.queue.set_meter(meter);
    }

    /// Returns the prompt for a role, where the model has one.
    pub fn prompt(&self, role: Role) -> Option<&str> {
        match role {
            Role::Query => self.info.prompts.query.as_deref(),
            Role::Document => self.info.prompts.document.as_deref(),
            Role::None => self.info.prompts.of_no_role(),
        }
    }

    /// Checks and tokenizes a request; takes as long as that takes.
    ///
    /// Errors: [`EmbedError::NoInput`], [`EmbedError::EmptyText`], [`EmbedError::Dimensions`],
    /// [`EmbedError::TooLong`], [`EmbedError::UnknownId`], [`EmbedError::Tokenize`].
    pub fn prepare(&self, request: EmbedRequest) -> Result<Prepared, EmbedError> {
        let EmbedRequest {
            texts,
            role,
            prompt,
            normalize,
            dimensions,
            overflow,
            allow_empty,
            output,
            client,
            progress,
        } = request;
        if texts.is_empty() {
            return Err(EmbedError::NoInput);
        }
        if !allow_empty && let Some(index) = texts.iter().position(Text::is_empty) {
            return Err(EmbedError::EmptyText { index });
        }
        let dimension = self.info.dimension;
        let keep = dimensions.unwrap_or(dimension);
        if keep == 0 || keep > dimension {
            return Err(EmbedError::Dimensions {
                asked: keep,
                dimension,
            });
        }
        let prompt = match &prompt {
            Some(prompt) => Some(prompt.as_str()).filter(|prompt| !prompt.is_empty()),
            None => self.prompt(role),
        };
        let began = Instant::now();
        let tokens = self.tokenizer.encode(&texts, prompt, overflow)?;
        // A model that puts nothing around a text has nothing to compute for an empty one.
        if let Some(index) = tokens.iter().position(|text| text.embedded() == 0) {
            return Err(EmbedError::EmptyText { index });
        }
        Ok(Prepared {
            tokens,
            normalize,
            keep,
            prompt: prompt.map(str::to_owned),
            output,
            client,
            progress,
            tokenizing: began.elapsed(),
        })
    }

    /// Puts a request into the queue.
    ///
    /// Errors: [`EmbedError::Busy`] when the queue is full.
    pub fn submit(&self, prepared: Prepared) -> Result<Pending, EmbedError> {
        let Prepared {
            tokens,
            normalize,
            keep,
            prompt,
            output,
            client,
            progress,
            tokenizing,
        } = prepared;
        let found = |pick: fn(&Tokens) -> Option<usize>| {
            let each = tokens.iter().enumerate();
            each.filter_map(|(index, text)| Some((index, pick(text)?)))
                .collect()
        };
        let embedded = Embedded {
            vectors: Vec::new(),
            failed: Vec::new(),
            tokens: tokens.iter().map(Tokens::embedded).collect(),
            truncated: found(|text| text.is_cut().then_some(text.found)),
            windowed: found(|text| (text.windows.len() > 1).then_some(text.windows.len())),
            prompt,
            space: self.info.space.of(keep, self.info.dimension, normalize),
            timing: Timing {
                tokenizing,
                ..Timing::default()
            },
        };
        let own = |text: &Tokens| {
            let each = text.windows.iter();
            each.map(|window| window.len().saturating_sub(text.around))
                .collect()
        };
        let windows: Vec<Vec<usize>> = tokens.iter().map(own).collect();
        let progress = progress.map(|progress| Told::new(progress, windows.len()));
        let sequences = tokens.into_iter().flat_map(|text| {
            let left_out = text.left_out;
            text.windows
                .into_iter()
                .map(move |ids| Sequence { ids, left_out })
        });
        let answer = self.queue.submit(client, sequences.collect(), output, progress)?;
        Ok(Pending {
            answer,
            embedded,
            windows,
            normalize,
            keep,
            output,
        })
    }
}

impl Pending {
    /// Waits for the vectors. A text for which the model gives none that is finite is named in
    /// [`failed`](Embedded::failed), and spoils no other.
    ///
    /// Errors: [`EmbedError::Compute`], [`EmbedError::NoTokenVectors`], [`EmbedError::Stopped`].
    pub async fn wait(self) -> Result<Embedded, EmbedError> {
        let Self {
            answer,
            mut embedded,
            windows,
            normalize,
            keep,
            output,
        } = self;
        let computed = answer.await.map_err(|_| EmbedError::Stopped)??;
        embedded.timing.queued = computed.queued;
        embedded.timing.computing = computed.computing;
        let mut is_whole = computed.vectors.iter().map(|vector| is_finite(vector));
        let of_text = |windows: &Vec<usize>| {
            is_whole
                .by_ref()
                .take(windows.len())
                .fold(true, |all, one| all & one)
        };
        let whole: Vec<bool> = windows.iter().map(of_text).collect();
        if output == Output::Tokens {
            embedded.failed = failed(&whole, &computed.vectors);
            embedded.vectors = computed.vectors;
            return Ok(embedded);
        }
        let mut vectors = computed.vectors.into_iter().map(|mut vector| {
            // One that the model failed for is as long as the others, which tells a client the length.
            vector.resize(keep, 0.0);
            if normalize {
                pooling::normalize(&mut vector);
            }
            vector
        });
        let of_text = |weights: &Vec<usize>| match weights.len() {
            1 => vectors.next().unwrap_or_default(),
            _ => mean(weights, vectors.by_ref(), keep, normalize),
        };
        embedded.vectors = windows.iter().map(of_text).collect();
        embedded.failed = failed(&whole, &embedded.vectors);
        Ok(embedded)
    }
}

/// Returns the texts whose vectors were not all finite, or are not finite any more.
fn failed(whole: &[bool], vectors: &[Vec<f32>]) -> Vec<usize> {
    let each = whole.iter().zip(vectors).enumerate();
    each.filter(|(_, (whole, vector))| !**whole || !is_finite(vector))
        .map(|(index, _)| index)
        .collect()
}

/// Whether a vector is there and all of it is finite.
fn is_finite(vector: &[f32]) -> bool {
    !vector.is_empty() && vector.iter().all(|value| value.is_finite())
}

/// Returns the mean of the next vectors by their weights, `keep` values, of unit length where `normalize` says so.
fn mean(
    weights: &[usize],
    vectors: impl Iterator<Item = Vec<f32>>,
    keep: usize,
    normalize: bool,
) -> Vec<f32> {
    let all: usize = weights.iter().sum();
    let mut sum = vec![0.0; keep];
    for (weight, vector) in weights.iter().zip(vectors) {
        let share = *weight as f32 / all.max(1) as f32;
        for (total, value) in sum.iter_mut().zip(vector) {
            *total += share * value;
        }
    }
    if normalize {
        pooling::normalize(&mut sum);
    }
    sum
}
