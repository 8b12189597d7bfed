//! The entry of the fuzzer: everything that is read of a request before the engine is asked.

use okibi_protocol::{
    guard::Access,
    json,
    jsonrpc::{self, Message},
    method::{EmbedParams, EmbedTextParams},
    model_ref::ModelRef,
};
use serde::de::DeserializeOwned;

use super::{llama_cpp, ollama, openai, tei};

/// Batch elements that are parsed at the most.
const MAX_BATCH: usize = 64;

/// Reads `data` as every kind of request; none of them may panic.
pub fn read(data: &[u8]) {
    for of_dialect in [
        of::<openai::embed::EmbeddingsRequest>,
        of::<ollama::embed::EmbedRequest>,
        of::<ollama::embed::OldEmbedRequest>,
        of::<ollama::models::ShowRequest>,
        of::<tei::embed::EmbedRequest>,
        of::<tei::tokens::TokenizeRequest>,
        of::<tei::tokens::DecodeRequest>,
        of::<tei::similarity::SimilarityRequest>,
        of::<llama_cpp::EmbeddingRequest>,
        of::<ollama::generate::GenerateRequest>,
        of::<ollama::generate::ChatRequest>,
    ] {
        of_dialect(data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    ModelRef::parse(text);
    let access = Access {
        origins: vec!["app://*".into()],
        hosts: vec!["okibi.lan".into()],
        any_address: true,
        tokens: None,
    };
    // The judgement does not matter here, only that there is one.
    let _ = access.admit(Some(text), Some(text));
    match jsonrpc::parse(text, MAX_BATCH) {
        Message::Single(element) => call(element),
        Message::TooLong(_) => {}
        Message::Batch(elements) => elements.into_iter().for_each(call),
    }
}

fn call(element: jsonrpc::Element) {
    if let Ok(call) = element {
        // Whether they fit does not matter here.
        let _ = call.params.parse::<EmbedParams>();
        let _ = call.params.parse::<EmbedTextParams>();
    }
}

fn of<T: DeserializeOwned>(data: &[u8]) {
    // Whether it fits does not matter here.
    let _ = json::read::<T>(data);
}
