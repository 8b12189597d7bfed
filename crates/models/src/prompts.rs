//! What is put before a text, by name.
//!
//! Source: sentence-transformers 6.2, `config_sentence_transformers.json`, `encode_query` and `encode_document`.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Map, Value};

use crate::{
    error::{Feature, ModelError},
    json::{invalid, read_json},
};

/// The file that says which prompts a model has.
pub(crate) const PROMPTS_FILE: &str = "config_sentence_transformers.json";

/// Names of the prompt of a text that is to be found, the first to be looked for first.
const OF_DOCUMENTS: [&str; 3] = ["document", "passage", "corpus"];

/// What is put before a text, by its role and by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Before a text that is searched for; `None` where nothing is.
    pub query: Option<String>,
    /// Before a text that is to be found; `None` where nothing is.
    pub document: Option<String>,
    /// All prompts by their names, those that are empty too.
    pub named: BTreeMap<String, String>,
    /// The name of the prompt for a text without a role, where there is one.
    pub default_name: Option<String>,
}

impl Prompts {
    /// Makes the prompts of their names.
    pub(crate) fn new(named: BTreeMap<String, String>, default_name: Option<String>) -> Self {
        let filled = |prompt: Option<&String>| prompt.filter(|prompt| !prompt.is_empty()).cloned();
        Self {
            query: filled(named.get("query")),
            // An empty `document` is meant: sentence-transformers does not go on to `passage` then.
            document: filled(OF_DOCUMENTS.iter().find_map(|name| named.get(*name))),
            named,
            default_name,
        }
    }

    /// Returns the prompt of this name, which may be empty; `None` where the model has none.
    pub fn of_name(&self, name: &str) -> Option<&str> {
        self.named.get(name).map(String::as_str)
    }

    /// Returns what is put before a text without a role; `None` where nothing is.
    pub fn of_no_role(&self) -> Option<&str> {
        let prompt = self.of_name(self.default_name.as_deref()?)?;
        (!prompt.is_empty()).then_some(prompt)
    }

    /// Returns whether one of them is not empty.
    pub fn is_any(&self) -> bool {
        self.named.values().any(|prompt| !prompt.is_empty())
    }
}

/// Reads the prompts of the model in `folder`; `None` where no file says which there are.
///
/// Errors: [`ModelError::Configuration`], also for a default that is not among them; [`ModelError::Unsupported`] for a
/// model of another kind.
pub(crate) fn read(folder: &Path) -> Result<Option<Prompts>, ModelError> {
    let path = folder.join(PROMPTS_FILE);
    let Some(config) = read_json::<Map<String, Value>>(&path)? else {
        return Ok(None);
    };
    if let Some(kind) = config.get("model_type").and_then(Value::as_str)
        && kind != "SentenceTransformer"
    {
        return Err(ModelError::Unsupported {
            path,
            feature: Feature::ModelType(kind.to_owned()),
        });
    }
    let named = match config.get("prompts") {
        None => return Ok(None),
        Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(prompts)) => prompts
            .iter()
            .map(|(name, prompt)| match prompt {
                Value::String(prompt) => Ok((name.clone(), prompt.clone())),
                Value::Null => Ok((name.clone(), String::new())),
                other => Err(invalid(
                    &path,
                    format!("the prompt {name:?} is {other}, not a text"),
                )),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(invalid(&path, format!("prompts is {other}, not an object"))),
    };
    let default_name = match config.get("default_prompt_name") {
        None | Some(Value::Null) => None,
        Some(Value::String(name))
            if named.contains_key(name) || ["query", "document"].contains(&name.as_str()) =>
        {
            Some(name.clone())
        }
        Some(other) => {
            return Err(invalid(
                &path,
                format!("default_prompt_name {other} is not one of its prompts"),
            ));
        }
    };
    Ok(Some(Prompts::new(named, default_name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(config: &str) -> Result<Prompts, ModelError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(PROMPTS_FILE), config).unwrap();
        Ok(read(folder.path())?.unwrap_or_default())
    }

    #[test]
    fn every_name_is_kept_and_empty_prompts_are_prompts() {
        let found = prompts(
            r#"{"prompts":{"query":"q: ","document":"","passage":"p: ","clustering":"c: ","":""},
                "default_prompt_name":"clustering","model_type":"SentenceTransformer"}"#,
        )
        .unwrap();
        assert_eq!(found.query.as_deref(), Some("q: "));
        assert_eq!(found.document, None, "an empty `document` goes before `passage`");
        assert_eq!(found.of_name("document"), Some(""));
        assert_eq!(found.of_name("passage"), Some("p: "));
        assert_eq!(found.of_name("summary"), None);
        assert_eq!(found.of_no_role(), Some("c: "));
        assert!(found.is_any());
    }

    #[test]
    fn a_document_is_also_called_passage_or_corpus() {
        for name in OF_DOCUMENTS {
            let found = prompts(&format!(r#"{{"prompts":{{"{name}":"d: "}}}}"#)).unwrap();
            assert_eq!(found.document.as_deref(), Some("d: "), "{name}");
            assert_eq!((found.query.as_ref(), found.of_no_role()), (None, None));
        }
    }

    #[test]
    fn what_is_wrong_is_an_error_and_not_no_prompt() {
        for wrong in [
            r#"{"prompts":{"query":7}}"#,
            r#"{"prompts":["q: "]}"#,
            r#"{"prompts":{"query":"q: "},"default_prompt_name":"topic"}"#,
            r#"{"prompts":{},"default_prompt_name":3}"#,
        ] {
            assert!(
                matches!(prompts(wrong), Err(ModelError::Configuration { .. })),
                "{wrong}"
            );
        }
        for kind in ["SparseEncoder", "CrossEncoder", "MultiVectorEncoder"] {
            let error = prompts(&format!(r#"{{"model_type":"{kind}"}}"#)).unwrap_err();
            assert!(
                matches!(error, ModelError::Unsupported { feature: Feature::ModelType(found), .. } if found == kind)
            );
        }
    }
}
