//! The loaded model: takes texts, gives vectors.

use crate::{
    error::EmbedError,
    pooling::normalise,
    queue::{Answer, Queue},
    source::Prompts,
    tokenizer::{Tokenizer, Tokens},
};

/// What a text is for; decides which of the model's prompts is put before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Something searched for.
    Query,
    /// Something to be found.
    Document,
    /// Neither: the text as it is.
    #[default]
    None,
}

/// Texts to embed, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedRequest {
    /// The texts.
    pub texts: Vec<String>,
    /// What they are for.
    pub role: Role,
    /// Whether vectors are brought to unit length.
    pub normalize: bool,
    /// Keeps the first so many values of each vector, before normalising.
    pub dimensions: Option<usize>,
    /// Whether a text over the limit is cut or refused.
    pub truncate: bool,
    /// Who asks: clients that ask for much share the model evenly.
    pub client: u64,
}

impl EmbedRequest {
    /// Normalised vectors of `texts` as they are, cut at the limit.
    pub fn new(texts: Vec<String>) -> Self {
        Self {
            texts,
            role: Role::None,
            normalize: true,
            dimensions: None,
            truncate: true,
            client: 0,
        }
    }
}

/// The vectors of a request and what is to be known about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// One vector per text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of each text that were embedded, prompt and special tokens included.
    pub tokens: Vec<usize>,
    /// The texts that were cut: their index and the tokens they had.
    pub truncated: Vec<(usize, usize)>,
    /// The prompt that was put before each.
    pub prompt: Option<String>,
}

/// What is to be known about a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Its name for people.
    pub name: String,
    /// Length of a vector.
    pub dimension: usize,
    /// Tokens of a text that it reads, special tokens included.
    pub max_tokens: usize,
    /// Its prompts.
    pub prompts: Prompts,
    /// Threads that compute a batch.
    pub threads: usize,
}

/// A loaded model. Dropping it ends its thread and frees its memory.
pub struct Engine {
    pub(crate) info: ModelInfo,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) queue: Queue,
}

/// A request that is tokenised and checked, ready to be submitted.
pub struct Prepared {
    tokens: Vec<Tokens>,
    normalize: bool,
    keep: usize,
    prompt: Option<String>,
    client: u64,
}

/// A request under way. Dropping it takes the request back.
pub struct Pending {
    answer: tokio::sync::oneshot::Receiver<Answer>,
    embedded: Embedded,
    normalize: bool,
    keep: usize,
}

impl Engine {
    /// What is to be known about the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Checks and tokenises a request, on the caller's thread: some 10 µs for a query, a second for 20,000 texts.
    ///
    /// Errors: [`EmbedError::NoInput`], [`EmbedError::EmptyText`], [`EmbedError::TooLong`],
    /// [`EmbedError::Dimensions`], [`EmbedError::Tokenize`].
    pub fn prepare(&self, request: EmbedRequest) -> Result<Prepared, EmbedError> {
        let EmbedRequest {
            texts,
            role,
            normalize,
            dimensions,
            truncate,
            client,
        } = request;
        if texts.is_empty() {
            return Err(EmbedError::NoInput);
        }
        if let Some(index) = texts.iter().position(String::is_empty) {
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
        let prompt = match role {
            Role::Query => self.info.prompts.query.clone(),
            Role::Document => self.info.prompts.document.clone(),
            Role::None => None,
        };
        let tokens = self.tokenizer.encode(&texts, prompt.as_deref(), truncate)?;
        Ok(Prepared {
            tokens,
            normalize,
            keep,
            prompt,
            client,
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
            client,
        } = prepared;
        let embedded = Embedded {
            vectors: Vec::new(),
            tokens: tokens.iter().map(|text| text.ids.len()).collect(),
            truncated: tokens
                .iter()
                .enumerate()
                .filter(|(_, text)| text.found > text.ids.len())
                .map(|(index, text)| (index, text.found))
                .collect(),
            prompt,
        };
        let answer = self
            .queue
            .submit(client, tokens.into_iter().map(|text| text.ids).collect())?;
        Ok(Pending {
            answer,
            embedded,
            normalize,
            keep,
        })
    }
}

impl Pending {
    /// Waits for the vectors.
    ///
    /// Errors: [`EmbedError::Compute`], [`EmbedError::NotFinite`], [`EmbedError::Stopped`].
    pub async fn wait(self) -> Result<Embedded, EmbedError> {
        let Self {
            answer,
            mut embedded,
            normalize,
            keep,
        } = self;
        embedded.vectors = answer.await.map_err(|_| EmbedError::Stopped)??;
        for vector in &mut embedded.vectors {
            vector.truncate(keep);
            if normalize {
                normalise(vector);
            }
        }
        Ok(embedded)
    }
}
