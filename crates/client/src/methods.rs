//! The calls that are more than a request and its answer: every other method goes through [`Client::call`] and
//! [`Client::stream`].

use okibi_protocol::{
    method::{
        Activity, Embed, EmbedParams, EmbedResult, EmbedText, EmbedTextParams, GetActivity, Input, NoParams,
        Subscribe,
    },
    vector::{DecodeError, Encoding, Vectors, from_safetensors_base64},
};

use crate::{client::Client, error::ClientError, subscription::Subscription};

impl Client {
    /// Embeds one text as it is, without a prompt: a vector of unit length.
    pub async fn embed_text(&self, text: &str) -> Result<Vec<f32>, ClientError> {
        let params = EmbedTextParams {
            text: text.to_owned(),
        };
        let result = self.call::<EmbedText>(params).await?;
        let vectors = from_safetensors_base64(&result.vector).map_err(unreadable)?;
        match <[Vec<f32>; 1]>::try_from(vectors) {
            Ok([vector]) => Ok(vector),
            Err(vectors) => Err(ClientError::NotOkibi(format!(
                "it gave {} vectors for one text",
                vectors.len()
            ))),
        }
    }

    /// Embeds texts and puts the chunks of the answer together: one vector per text, in order; none for those
    /// that [`failed`](EmbedResult::failed).
    pub async fn embed(&self, params: EmbedParams) -> Result<EmbedResult, ClientError> {
        let expected = match &params.input {
            Input::One(_) => 1,
            Input::Many(texts) => texts.len(),
        };
        let mut chunks = self.stream::<Embed>(params).await?;
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

    /// Who is connected, what waits, and what the last requests were.
    pub async fn activity(&self) -> Result<Activity, ClientError> {
        self.call::<GetActivity>(NoParams {}).await
    }

    /// The server's status, now and whenever it changes.
    pub async fn subscribe(&self) -> Result<Subscription, ClientError> {
        // Before the call, so that no change is missed in between.
        let changes = self.shared.dispatch.status.subscribe();
        let now = self.call::<Subscribe>(NoParams {}).await?;
        Ok(Subscription::new(self.clone(), now, changes))
    }
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
