//! What is to be embedded, as the dialects write it: a text, token ids, or a list of either.

use std::fmt;

use okibi_engine::Text;
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Unexpected, Visitor, value::SeqAccessDeserializer},
};

/// One text, the token ids of one, or several texts, each as it is or as its token ids.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// One text.
    Text(String),
    /// The token ids of one text.
    Ids(Vec<u32>),
    /// Several.
    Many(Vec<Text>),
}

impl Input {
    /// The texts, one or several.
    pub(super) fn into_texts(self) -> Vec<Text> {
        match self {
            Self::Text(text) => vec![text.into()],
            Self::Ids(ids) => vec![Text::Ids(ids)],
            Self::Many(texts) => texts,
        }
    }
}

/// What is accepted as an [`Input`], for messages.
const INPUT: &str = "a text, a list of texts, a list of token ids or a list of such lists";

/// By hand, because serde buffers an untagged enum as a tree of values first, and this holds the texts.
impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;

        impl<'de> Visitor<'de> for Whole {
            type Value = Input;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(INPUT)
            }

            fn visit_str<E>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Input, E> {
                Ok(Input::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Input, A::Error> {
                match list.next_element::<First>()? {
                    None => Ok(Input::Many(Vec::new())),
                    Some(First::Id(first)) => {
                        let mut ids = vec![first];
                        while let Some(id) = list.next_element()? {
                            ids.push(id);
                        }
                        Ok(Input::Ids(ids))
                    }
                    Some(First::Text(first)) => {
                        let mut texts = vec![first];
                        while let Some(Each(text)) = list.next_element()? {
                            texts.push(text);
                        }
                        Ok(Input::Many(texts))
                    }
                }
            }
        }

        from.deserialize_any(Whole)
    }
}

/// The first element of a list, which decides what the list is.
enum First {
    Id(u32),
    Text(Text),
}

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = First;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text, a token id or a list of token ids")
            }

            fn visit_str<E>(self, text: &str) -> Result<First, E> {
                Ok(First::Text(text.into()))
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<First, E> {
                let id = u32::try_from(id).map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))?;
                Ok(First::Id(id))
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<First, E> {
                Err(E::invalid_value(Unexpected::Signed(id), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, ids: A) -> Result<First, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(ids)).map(|ids| First::Text(Text::Ids(ids)))
            }
        }

        from.deserialize_any(Any)
    }
}

/// A text of a list.
struct Each(Text);

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Each;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text or a list of token ids")
            }

            fn visit_str<E>(self, text: &str) -> Result<Each, E> {
                Ok(Each(text.into()))
            }

            fn visit_string<E>(self, text: String) -> Result<Each, E> {
                Ok(Each(text.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, ids: A) -> Result<Each, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(ids)).map(|ids| Each(Text::Ids(ids)))
            }
        }

        from.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_input_is_recognized() {
        let read = |json: &str| serde_json::from_str::<Input>(json).unwrap();
        let (text, ids) = (
            |text: &str| Text::from(text),
            |ids: &[u32]| Text::Ids(ids.to_vec()),
        );
        assert_eq!(read(r#""a""#), Input::Text("a".into()));
        assert_eq!(read(r#"["a", "b"]"#), Input::Many(vec![text("a"), text("b")]));
        assert_eq!(read("[1, 2]"), Input::Ids(vec![1, 2]));
        assert_eq!(read("[[1], [2, 3]]"), Input::Many(vec![ids(&[1]), ids(&[2, 3])]));
        assert_eq!(read(r#"["a", [1]]"#), Input::Many(vec![text("a"), ids(&[1])]));
        assert_eq!(read("[]"), Input::Many(Vec::new()));
        assert_eq!(read("[[]]"), Input::Many(vec![ids(&[])]));
    }

    #[test]
    fn what_is_no_input_says_what_was_expected() {
        for (json, expected) in [
            ("{}", INPUT),
            ("7", INPUT),
            ("[-1]", "a text, a token id"),
            ("[4294967296]", "a text, a token id"),
            ("[1.5]", "a text, a token id"),
            ("[null]", "a text"),
            (r#"["a", 7]"#, "a text or a list of token ids"),
            ("[[1], null]", "a text or a list of token ids"),
            (r#"[1, "a"]"#, "u32"),
            (r#"[["a"]]"#, "u32"),
        ] {
            let error = serde_json::from_str::<Input>(json).unwrap_err().to_string();
            assert!(error.contains(&format!("expected {expected}")), "{json}: {error}");
        }
    }
}
