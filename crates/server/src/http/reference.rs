//! Every request with vectors or tokens in its answer: the tables of its fields for the documentation, and the tests that
//! hold for all of them.

use std::fmt::Write as _;

use okibi_protocol::json::{self, JsonError, field_names};
use serde::de::DeserializeOwned;
use utoipa::PartialSchema;

use super::{llama_cpp, ollama, openai, tei};

/// A kind of request.
pub(crate) struct RequestKind {
    /// Where it is sent.
    pub(crate) path: &'static str,
    /// The smallest one that is complete.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests begin with it"))]
    smallest: &'static str,
    fields: &'static [&'static str],
    /// Its description, with the fields.
    schema: serde_json::Value,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests read with it"))]
    read: fn(&[u8]) -> Result<(), JsonError>,
}

impl RequestKind {
    fn new<T: DeserializeOwned + PartialSchema>(path: &'static str, smallest: &'static str) -> Self {
        Self {
            path,
            smallest,
            fields: field_names::<T>(),
            schema: serde_json::to_value(T::schema()).unwrap_or_default(),
            read: |json| json::read::<T>(json).map(drop),
        }
    }

    /// Every kind, the fields of which are documented.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::new::<openai::embed::EmbeddingsRequest>("/v1/embeddings", r#"{"input": "a"}"#),
            Self::new::<ollama::embed::EmbedRequest>("/api/embed", r#"{"model": "m", "input": "a"}"#),
            Self::new::<ollama::embed::OldEmbedRequest>(
                "/api/embeddings",
                r#"{"model": "m", "prompt": "a"}"#,
            ),
            Self::new::<tei::embed::EmbedRequest>("/embed", r#"{"inputs": "a"}"#),
            Self::new::<tei::similarity::SimilarityRequest>(
                "/similarity",
                r#"{"inputs": {"source_sentence": "a", "sentences": ["b"]}}"#,
            ),
            Self::new::<tei::tokens::TokenizeRequest>("/tokenize", r#"{"inputs": "a"}"#),
            Self::new::<tei::tokens::DecodeRequest>("/decode", r#"{"ids": [1]}"#),
            Self::new::<llama_cpp::EmbeddingRequest>("/embedding", r#"{"content": "a"}"#),
            Self::new::<llama_cpp::DetokenizeRequest>("/detokenize", r#"{"tokens": [1]}"#),
        ]
    }

    /// Its fields, in their order, as a Markdown table.
    pub(crate) fn fields_table(&self) -> String {
        let mut table = String::from("| field | |\n| --- | --- |\n");
        for field in self.fields {
            let says = description(&self.schema["properties"][field]).replace('\n', " ");
            let says = says.strip_suffix('.').unwrap_or(&says);
            // Writing to a string cannot fail.
            let _ = writeln!(table, "| `{field}` | {says} |");
        }
        table
    }
}

/// What a property is described by: beside its type, or beside one of the types that it may have.
fn description(property: &serde_json::Value) -> &str {
    let own = property["description"].as_str();
    let of_type = || {
        let mut types = property["oneOf"].as_array()?.iter();
        types.find_map(|each| each["description"].as_str())
    };
    own.or_else(of_type).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use okibi_protocol::{
        method::{EmbedParams, EmbedTextParams},
        models::{LoadModelParams, ModelParams, PullModelParams},
    };
    use serde_json::{Value, json};

    use super::*;

    /// What a test needs of a kind of request: path, fields, the smallest one, how it is read.
    type Read = fn(&[u8]) -> Result<(), JsonError>;
    type Kind = (&'static str, &'static [&'static str], Value, Read);

    /// Those of the dialects and those of JSON-RPC.
    fn kinds() -> Vec<Kind> {
        fn of_rpc<T: DeserializeOwned>(name: &'static str, smallest: Value) -> Kind {
            (name, field_names::<T>(), smallest, |json| {
                json::read::<T>(json).map(drop)
            })
        }
        let dialects = RequestKind::all().into_iter().map(|kind| {
            let smallest = serde_json::from_str(kind.smallest).unwrap();
            (kind.path, kind.fields, smallest, kind.read)
        });
        dialects
            .chain([
                of_rpc::<EmbedParams>("embed", json!({"input": "a"})),
                of_rpc::<EmbedTextParams>("embed_text", json!({"text": "a"})),
                of_rpc::<LoadModelParams>("load_model", json!({"model": "m"})),
                of_rpc::<PullModelParams>("pull_model", json!({"model": "m"})),
                of_rpc::<ModelParams>("model_info", json!({"model": "m"})),
            ])
            .collect()
    }

    fn with(smallest: &Value, field: &str, value: Value) -> Vec<u8> {
        let mut body = smallest.clone();
        body[field] = value;
        body.to_string().into_bytes()
    }

    #[test]
    fn null_is_absence_for_every_optional_field_of_every_request() {
        let mut tried = 0;
        for (name, fields, smallest, read) in kinds() {
            assert_eq!(read(smallest.to_string().as_bytes()), Ok(()), "{name}");
            for field in fields {
                let read = read(&with(&smallest, field, Value::Null));
                let is_needed = smallest.get(field).is_some();
                if is_needed && let Err(error) = &read {
                    assert_eq!(error.field, Some(*field), "{name}: {error}");
                } else {
                    assert_eq!(read, Ok(()), "{name}: {field}");
                }
                tried += 1;
            }
        }
        assert!(tried > 60, "{tried}");
    }

    #[test]
    fn a_value_of_the_wrong_type_names_its_field_in_every_request() {
        // No field takes both of them, but those without effect.
        let wrong = [json!({"secret": "合言葉"}), json!([[["合言葉"]]])];
        for (name, fields, smallest, read) in kinds() {
            for field in fields {
                let errors: Vec<JsonError> = wrong
                    .iter()
                    .filter_map(|value| read(&with(&smallest, field, value.clone())).err())
                    .collect();
                // What has no effect is taken whatever it is.
                assert!(
                    [0, wrong.len()].contains(&errors.len()),
                    "{name}: {field}: {errors:?}"
                );
                for error in errors {
                    assert_eq!(error.field, Some(*field), "{name}: {error}");
                    let message = error.to_string();
                    assert!(
                        message.contains("expected") && !message.contains("合言葉"),
                        "{name}: {message}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_field_that_nobody_knows_is_refused_by_its_name() {
        for (name, _, smallest, read) in kinds() {
            // Their answers are no vectors; the original daemon ignored what it did not know.
            if ["/detokenize", "embed_text"].contains(&name) {
                continue;
            }
            let error = read(&with(&smallest, "output_dimensions", json!(3))).unwrap_err();
            assert!(
                error.to_string().starts_with("unknown field `output_dimensions`"),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn what_other_servers_do_and_okibi_does_not_is_refused_by_its_name() {
        for (path, field, refused, taken) in [
            ("/v1/embeddings", "late_chunking", json!(true), json!(false)),
            ("/v1/embeddings", "return_multivector", json!(true), json!(false)),
            ("/v1/embeddings", "output_dtype", json!("int8"), json!("float")),
            (
                "/v1/embeddings",
                "embedding_type",
                json!("binary"),
                json!("base64"),
            ),
            ("/v1/embeddings", "encoding_format", json!("int8"), json!("float")),
            ("/v1/embeddings", "modality", json!("image"), json!("text")),
            ("/v1/embeddings", "add_special_tokens", json!(false), json!(true)),
            (
                "/v1/embeddings",
                "task",
                json!("text-matching"),
                json!("retrieval.query"),
            ),
            (
                "/v1/embeddings",
                "input_type",
                json!("clustering"),
                json!("passage"),
            ),
            ("/v1/embeddings", "truncate", json!("MIDDLE"), json!("START")),
            ("/v1/embeddings", "stream", json!(true), json!(false)),
            ("/embed", "truncation_direction", json!("middle"), json!("Left")),
            ("/embed", "dimensions", json!(-1), json!(0)),
            (
                "/embed",
                "parameters",
                json!({"truncation": "x"}),
                json!({"truncate": true}),
            ),
            ("/tokenize", "parse_special", json!(false), json!(true)),
        ] {
            let kind = RequestKind::all()
                .into_iter()
                .find(|kind| kind.path == path)
                .unwrap();
            let smallest = serde_json::from_str(kind.smallest).unwrap();
            let error = (kind.read)(&with(&smallest, field, refused)).unwrap_err();
            assert_eq!(error.field, Some(field), "{path}: {error}");
            assert_eq!(
                (kind.read)(&with(&smallest, field, taken)),
                Ok(()),
                "{path}: {field}"
            );
        }
    }

    #[test]
    fn every_field_is_described() {
        for kind in RequestKind::all() {
            let table = kind.fields_table();
            assert!(!table.contains("|  |\n"), "{}:\n{table}", kind.path);
        }
    }
}
