//! What the text that names a model says: the one place where such a text is read.

use std::fmt;

use crate::{method::InputType, models::is_path};

/// Bytes of a text that names a model, at the most: that of a path on Linux (`PATH_MAX`). A name of the hub has less than
/// a tenth of it.
pub const MAX_MODEL_NAME: usize = 4096;

/// Why a text cannot name a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAModelName {
    /// It is longer than [`MAX_MODEL_NAME`].
    #[error("a model's name has at most {MAX_MODEL_NAME} bytes, and this one has {0}")]
    TooLong(usize),
    /// It has a line break or another control character in it.
    #[error("a model's name has no line breaks and no control characters")]
    Control,
}

/// A model as a request, a setting or a command names it: `NAME`, `NAME@REVISION` or the path of a folder, each perhaps
/// with a role behind it (`NAME:query`) for apps that let their user type nothing but a model's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    /// The name without revision and role, or the path.
    pub name: String,
    /// The revision, where one is pinned.
    pub revision: Option<String>,
    /// The role, where one is named.
    pub role: Option<InputType>,
    /// Whether `name` is a path.
    pub is_path: bool,
}

impl ModelRef {
    /// As [`parse`](Self::parse), for a text that comes from elsewhere.
    ///
    /// Errors: the text cannot be a name, whatever models there are.
    pub fn read(text: &str) -> Result<Self, NotAModelName> {
        if text.len() > MAX_MODEL_NAME {
            return Err(NotAModelName::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(NotAModelName::Control);
        }
        Ok(Self::parse(text))
    }

    /// Reads a text. `:latest`, which clients of Ollama add, means nothing here. What stands behind a name may be written in
    /// any case.
    pub fn parse(text: &str) -> Self {
        let text = without_suffix(text, ":latest").unwrap_or(text);
        let roles = [
            (":query", InputType::Query),
            (":document", InputType::Document),
            (":passage", InputType::Document),
        ];
        let with_role = roles
            .iter()
            .find_map(|(suffix, role)| Some((without_suffix(text, suffix)?, Some(*role))));
        let (text, role) = with_role.unwrap_or((text, None));
        let is_path = is_path(text);
        let (name, revision) = match text.rsplit_once('@') {
            Some((name, revision)) if !is_path && !name.is_empty() && !revision.is_empty() => {
                (name, Some(revision.to_owned()))
            }
            _ => (text, None),
        };
        Self {
            name: name.to_owned(),
            revision,
            role,
            is_path,
        }
    }

    /// Whether the model called `name` is meant: in any case, and by the part behind the owner where one of the two
    /// has no owner.
    pub fn means(&self, name: &str) -> bool {
        let bare = |name: &str| name.rsplit('/').next().unwrap_or_default().to_lowercase();
        let is_owned = |name: &str| name.contains('/');
        self.name.eq_ignore_ascii_case(name)
            || !(self.is_path || is_owned(&self.name) && is_owned(name)) && bare(&self.name) == bare(name)
    }

    /// Whether this reference can mean a model that was loaded at `revision`: without one of its own it means any.
    pub fn allows_revision(&self, revision: Option<&str>) -> bool {
        self.revision.is_none() || self.revision.as_deref() == revision
    }
}

/// `text` without `suffix`, where it ends with that in any case.
fn without_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (rest, end) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    end.eq_ignore_ascii_case(suffix).then_some(rest)
}

/// Without the role.
impl fmt::Display for ModelRef {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.revision {
            Some(revision) => write!(out, "{}@{revision}", self.name),
            None => out.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_and_a_revision_may_stand_behind_the_name() {
        let parse = |text| {
            let read = ModelRef::parse(text);
            (read.name, read.revision, read.role)
        };
        assert_eq!(parse("e5:query"), ("e5".into(), None, Some(InputType::Query)));
        assert_eq!(
            parse("a/e5@v1:document:latest"),
            ("a/e5".into(), Some("v1".into()), Some(InputType::Document))
        );
        assert_eq!(parse("e5:Query"), ("e5".into(), None, Some(InputType::Query)));
        assert_eq!(
            parse("e5:DOCUMENT:Latest"),
            ("e5".into(), None, Some(InputType::Document))
        );
        assert_eq!(parse("熾火:火query"), ("熾火:火query".into(), None, None));
        assert_eq!(parse("e5:v1"), ("e5:v1".into(), None, None));
        assert_eq!(parse("@v1"), ("@v1".into(), None, None));
        assert_eq!(parse("/home/me@work/e5"), ("/home/me@work/e5".into(), None, None));
    }

    #[test]
    fn what_cannot_be_a_name_is_refused_before_it_is_looked_for() {
        assert_eq!(ModelRef::read("a/e5:query"), Ok(ModelRef::parse("a/e5:query")));
        assert!(ModelRef::read(&"x".repeat(MAX_MODEL_NAME)).is_ok());
        assert_eq!(
            ModelRef::read(&"x".repeat(5000)),
            Err(NotAModelName::TooLong(5000))
        );
        for text in ["a\nb", "\u{1b}]0;x", "a\0", "\u{85}"] {
            assert_eq!(ModelRef::read(text), Err(NotAModelName::Control), "{text:?}");
        }
    }

    #[test]
    fn the_owner_may_be_left_out_and_not_exchanged() {
        let means = |asked, loaded| ModelRef::parse(asked).means(loaded);
        assert!(means("Multilingual-E5-small", "multilingual-e5-small"));
        assert!(means(
            "intfloat/multilingual-e5-small:latest",
            "multilingual-e5-small"
        ));
        assert!(means("multilingual-e5-small", "intfloat/multilingual-e5-small"));
        assert!(!means(
            "someone/multilingual-e5-small",
            "intfloat/multilingual-e5-small"
        ));
        assert!(!means("text-embedding-3-small", "multilingual-e5-small"));
        assert!(!means("/models/e5", "e5"));
    }

    #[test]
    fn a_pinned_revision_is_no_other_one() {
        let asked = ModelRef::parse("a/e5@v1");
        assert!(asked.allows_revision(Some("v1")));
        assert!(!asked.allows_revision(None) && !asked.allows_revision(Some("v2")));
        assert!(ModelRef::parse("a/e5").allows_revision(Some("v1")));
    }
}
