//! Fields that more than one dialect has, and what they may say.
//!
//! A field whose effect Okibi does not have is refused by its name, because ignoring it would give other vectors than
//! were asked for; it is taken with the values that ask for nothing. `serde` names the field, so a type here only says
//! what it takes.

use std::fmt;

use okibi_protocol::method::InputType;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, Unexpected, Visitor},
};

/// A field that changes nothing about the vectors and is taken with any value.
#[derive(Debug)]
pub(super) struct NoEffect;

impl<'de> Deserialize<'de> for NoEffect {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(from).map(|IgnoredAny| Self)
    }
}

/// What `expecting` says of a field that is taken with one value only.
const NOT_AVAILABLE: &str = "which is all that Okibi does";

/// A field that is taken where it is `false`.
#[derive(Debug)]
pub(super) struct OnlyFalse;

/// A field that is taken where it is `true`.
#[derive(Debug)]
pub(super) struct OnlyTrue;

macro_rules! only_bool {
    ($($name:ident: $value:literal,)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                match bool::deserialize(from)? {
                    $value => Ok(Self),
                    other => {
                        let expected = format!("`{}`, {NOT_AVAILABLE}", $value);
                        Err(de::Error::invalid_value(Unexpected::Bool(other), &expected.as_str()))
                    }
                }
            }
        }
    )*};
}

only_bool! {
    OnlyFalse: false,
    OnlyTrue: true,
}

/// The kind of numbers that vectors are made of: 32-bit floats, by the names that other servers have for them.
#[derive(Debug, Deserialize)]
pub(super) enum Floats {
    #[serde(rename = "float", alias = "float32")]
    Float,
}

/// What is embedded: texts, by the names that other servers have for it.
#[derive(Debug)]
pub(super) struct OnlyText;

impl<'de> Deserialize<'de> for OnlyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "invalid value, expected `text`, which is all that Okibi embeds"
        )]
        enum Modality {
            One(Text),
            Each(#[expect(dead_code, reason = "its words are checked as they are read")] Vec<Text>),
        }
        #[derive(Deserialize)]
        enum Text {
            #[serde(rename = "text")]
            Text,
        }
        match Modality::deserialize(from)? {
            Modality::One(Text::Text) | Modality::Each(_) => Ok(Self),
        }
    }
}

/// A number of values that vectors are cut to; 0 means all, as with Ollama and infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dimensions(Option<usize>);

impl Dimensions {
    /// How many; `None` for all.
    pub(super) fn wanted(self) -> Option<usize> {
        self.0
    }

    /// The same, for a model whose vectors have `all` values: more than that, and fewer than none, is all, as Ollama
    /// has it.
    pub(super) fn at_most(self, all: usize) -> Option<usize> {
        self.0.filter(|wanted| *wanted < all)
    }
}

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let wanted = usize::deserialize(from)?;
        Ok(Self((wanted > 0).then_some(wanted)))
    }
}

/// What is done with a text over the model's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is cut where the model's files say, which is its end for nearly every model.
    #[default]
    ByModel,
    /// Its end is cut off.
    End,
    /// Its beginning is cut off.
    Start,
    /// It is refused.
    Never,
}

impl Cut {
    /// Whether texts are cut, and where.
    pub(super) fn new(truncate: bool, side: Option<Side>) -> Self {
        match (truncate, side) {
            (false, _) => Self::Never,
            (true, Some(Side::Left)) => Self::Start,
            (true, Some(Side::Right)) => Self::End,
            (true, None) => Self::ByModel,
        }
    }
}

/// `true` and `false`, or NIM's words in any case.
impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct BoolOrWord;

        impl Visitor<'_> for BoolOrWord {
            type Value = Cut;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("true, false, `NONE`, `END` or `START`")
            }

            fn visit_bool<E>(self, cut: bool) -> Result<Cut, E> {
                Ok(Cut::new(cut, None))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Cut, E> {
                match word.to_ascii_lowercase().as_str() {
                    "none" => Ok(Cut::Never),
                    "end" => Ok(Cut::End),
                    "start" => Ok(Cut::Start),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }
        }

        from.deserialize_any(BoolOrWord)
    }
}

/// The side on which a text is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Side {
    /// The beginning is cut off.
    #[serde(rename = "left", alias = "Left", alias = "LEFT")]
    Left,
    /// The end is cut off.
    #[serde(rename = "right", alias = "Right", alias = "RIGHT")]
    Right,
}

/// Jina's `task`: those that say which prompt a text gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Task {
    /// A search.
    #[serde(rename = "retrieval.query", alias = "nl2code.query", alias = "code.query")]
    Query,
    /// What is searched in.
    #[serde(
        rename = "retrieval.passage",
        alias = "nl2code.passage",
        alias = "code.passage"
    )]
    Passage,
}

impl From<Task> for InputType {
    fn from(task: Task) -> Self {
        match task {
            Task::Query => Self::Query,
            Task::Passage => Self::Document,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
        serde_json::from_str(json).ok()
    }

    #[test]
    fn every_word_for_cutting_is_known() {
        for (json, cut) in [
            ("true", Some(Cut::ByModel)),
            ("false", Some(Cut::Never)),
            (r#""NONE""#, Some(Cut::Never)),
            (r#""END""#, Some(Cut::End)),
            (r#""start""#, Some(Cut::Start)),
            (r#""MIDDLE""#, None),
            ("1", None),
        ] {
            assert_eq!(read::<Cut>(json), cut, "{json}");
        }
        assert_eq!(read::<Side>(r#""Left""#), Some(Side::Left));
        assert_eq!(read::<Side>(r#""middle""#), None);
    }

    #[test]
    fn what_okibi_has_only_one_of_is_taken_with_that_one() {
        assert!(read::<OnlyFalse>("false").is_some() && read::<OnlyFalse>("true").is_none());
        assert!(read::<OnlyTrue>("true").is_some() && read::<OnlyTrue>("false").is_none());
        assert!(read::<Floats>(r#""float""#).is_some() && read::<Floats>(r#""int8""#).is_none());
        for (json, is_taken) in [
            (r#""text""#, true),
            (r#"["text", "text"]"#, true),
            (r#""image""#, false),
            (r#"["text", "image"]"#, false),
        ] {
            assert_eq!(read::<OnlyText>(json).is_some(), is_taken, "{json}");
        }
        assert!(read::<NoEffect>(r#"{"any": ["thing"]}"#).is_some());
    }

    #[test]
    fn no_dimensions_and_too_many_are_all() {
        let wanted = |json| read::<Dimensions>(json).map(|each| (each.wanted(), each.at_most(8)));
        assert_eq!(wanted("0"), Some((None, None)));
        assert_eq!(wanted("4"), Some((Some(4), Some(4))));
        assert_eq!(wanted("9"), Some((Some(9), None)));
        assert_eq!(wanted("-1"), None);
    }
}
