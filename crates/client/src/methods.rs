//! Okibi's methods, typed.

use okibi_protocol::{
    method::{
        CHECK_INIT, EMBED, EMBED_TEXT, EmbedParams, EmbedResult, EmbedTextParams, EmbedTextResult,
        GET_STATUS, InitState, Input, STOP_SERVER, SUBSCRIBE, Status, Stopping,
    },
    models::{
        LIST_MODELS, LOAD_MODEL, LoadModelParams, MODEL_INFO, ModelDetails, ModelList, ModelParams,
        ModelStep, PULL_MODEL, PullModelParams, REMOVE_MODEL, RemovedModel, UNLOAD_MODEL, UnloadedModel,
    },
    vector::{DecodeError, Encoding, Vectors, from_safetensors_base64},
};

use serde::Serialize;

use crate::{
    client::{Chunks, Client},
    error::ClientError,
    subscription::Subscription,
};

/// The parameters of a method that has none.
#[derive(Serialize)]
struct Nothing {}

impl Client {
    /// How the server is.
    pub async fn get_status(&self) -> Result<Status, ClientError> {
        self.call(GET_STATUS, Nothing {}).await
    }

    /// Whether its model is loaded.
    pub async fn check_init(&self) -> Result<InitState, ClientError> {
        self.call(CHECK_INIT, Nothing {}).await
    }

    /// Asks the server to end; returns when it has agreed, before anything has ended.
    pub async fn stop_server(&self) -> Result<Stopping, ClientError> {
        self.call(STOP_SERVER, Nothing {}).await
    }

    /// Embeds one text as it is, without a prompt: a vector of unit length.
    pub async fn embed_text(&self, text: &str) -> Result<Vec<f32>, ClientError> {
        let params = EmbedTextParams {
            text: text.to_owned(),
        };
        let result: EmbedTextResult = self.call(EMBED_TEXT, params).await?;
        let vectors = from_safetensors_base64(&result.vector).map_err(unreadable)?;
        match <[Vec<f32>; 1]>::try_from(vectors) {
            Ok([vector]) => Ok(vector),
            Err(vectors) => Err(ClientError::NotOkibi(format!(
                "it gave {} vectors for one text",
                vectors.len()
            ))),
        }
    }

    /// Embeds texts; the chunks of the answer arrive as they are computed.
    pub async fn embed_stream(&self, params: EmbedParams) -> Result<Chunks<EmbedResult>, ClientError> {
        self.call_stream(EMBED, params).await
    }

    /// Embeds texts and puts the chunks of the answer together: one vector per text, in order; none for those
    /// that [`failed`](EmbedResult::failed).
    pub async fn embed(&self, params: EmbedParams) -> Result<EmbedResult, ClientError> {
        let expected = match &params.input {
            Input::One(_) => 1,
            Input::Many(texts) => texts.len(),
        };
        let mut chunks = self.embed_stream(params).await?;
        let mut whole: EmbedResult = chunks.next().await.unwrap_or(Err(ClientError::Closed))?;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if chunk.offset != whole.tokens.len() {
                let (found, expected) = (chunk.offset, whole.tokens.len());
                return Err(ClientError::NotOkibi(format!(
                    "a chunk begins at text {found} where {expected} was to come"
                )));
            }
            whole.vectors = joined(whole.vectors, chunk.vectors)?;
            whole.tokens.extend(chunk.tokens);
            whole.truncated.extend(chunk.truncated);
            whole.windowed.extend(chunk.windowed);
            whole.failed.extend(chunk.failed);
        }
        if whole.tokens.len() == expected {
            Ok(whole)
        } else {
            let found = whole.tokens.len();
            Err(ClientError::NotOkibi(format!(
                "it gave {found} vectors for {expected} texts"
            )))
        }
    }

    /// What models there are.
    pub async fn list_models(&self) -> Result<ModelList, ClientError> {
        self.call(LIST_MODELS, Nothing {}).await
    }

    /// What is known about a model.
    pub async fn model_info(&self, model: impl Into<String>) -> Result<ModelDetails, ClientError> {
        self.call(MODEL_INFO, of(model)).await
    }

    /// Has a model loaded: its steps, the last of which says that it answers. The load goes on when they are dropped.
    pub async fn load_model(&self, params: LoadModelParams) -> Result<Chunks<ModelStep>, ClientError> {
        self.call_stream(LOAD_MODEL, params).await
    }

    /// Has a model taken out of memory.
    pub async fn unload_model(&self, model: impl Into<String>) -> Result<UnloadedModel, ClientError> {
        self.call(UNLOAD_MODEL, of(model)).await
    }

    /// Has a model's files fetched: its steps, the last of which says where they are. Closing the connection ends the
    /// download; what is there is kept.
    pub async fn pull_model(&self, params: PullModelParams) -> Result<Chunks<ModelStep>, ClientError> {
        self.call_stream(PULL_MODEL, params).await
    }

    /// Has a model's files deleted.
    pub async fn remove_model(&self, model: impl Into<String>) -> Result<RemovedModel, ClientError> {
        self.call(REMOVE_MODEL, of(model)).await
    }

    /// The server's status, now and whenever it changes.
    pub async fn subscribe(&self) -> Result<Subscription, ClientError> {
        // Before the call, so that no change is missed in between.
        let changes = self.shared.dispatch.status.subscribe();
        let now = self.call(SUBSCRIBE, Nothing {}).await?;
        Ok(Subscription::new(self.clone(), now, changes))
    }
}

fn of(model: impl Into<String>) -> ModelParams {
    ModelParams { model: model.into() }
}

/// The vectors of two chunks, in the encoding both have.
fn joined(first: Vectors, second: Vectors) -> Result<Vectors, ClientError> {
    match (first, second) {
        (Vectors::Float(mut all), Vectors::Float(more)) => {
            all.extend(more);
            Ok(Vectors::Float(all))
        }
        (Vectors::Base64(mut all), Vectors::Base64(more)) => {
            all.extend(more);
            Ok(Vectors::Base64(all))
        }
        (first @ Vectors::Safetensors(_), second @ Vectors::Safetensors(_)) => {
            let mut all = first.decode().map_err(unreadable)?;
            all.extend(second.decode().map_err(unreadable)?);
            Ok(Vectors::encode(all, Encoding::Safetensors))
        }
        _ => Err(ClientError::NotOkibi(
            "the chunks of its answer differ in encoding".into(),
        )),
    }
}

fn unreadable(error: DecodeError) -> ClientError {
    ClientError::NotOkibi(error.to_string())
}
