//! Which models are offered to a user who has only the embedded one, by language.
//!
//! The embedded model is small and supports a hundred languages; those offered are better at one of them. The list has
//! the last part of their names; a model that is not known is not offered.

use okibi_messages::Lang;
use okibi_protocol::models::{ModelEntry, Presence};

/// Returns the names of a language, from the smallest model to the largest.
const fn names(lang: Lang) -> [&'static str; 3] {
    match lang {
        Lang::Ja => ["ruri-v3-30m", "ruri-v3-130m", "ruri-v3-310m"],
        Lang::En => ["bge-small-en-v1.5", "gte-base-en-v1.5", "embeddinggemma-300m"],
    }
}

/// Returns the models to offer; none once one of them is here.
pub(crate) fn offers(entries: &[ModelEntry], lang: Lang) -> Vec<&ModelEntry> {
    let offered: Vec<&ModelEntry> = names(lang)
        .into_iter()
        .filter_map(|name| entries.iter().find(|entry| last_part(&entry.name) == name))
        .collect();
    if offered.iter().any(|entry| entry.presence == Presence::Here) {
        return Vec::new();
    }
    offered
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, presence: Presence) -> ModelEntry {
        let text = format!(r#"{{"name":"{name}","origin":"hub","presence":"absent"}}"#);
        ModelEntry {
            presence,
            ..serde_json::from_str(&text).unwrap()
        }
    }

    fn names(entries: &[ModelEntry], lang: Lang) -> Vec<&str> {
        offers(entries, lang)
            .iter()
            .map(|entry| entry.name.as_str())
            .collect()
    }

    #[test]
    fn those_known_for_the_language_are_offered() {
        let known = [
            entry("cl-nagoya/ruri-v3-310m", Presence::Absent),
            entry("cl-nagoya/ruri-v3-30m", Presence::Partial),
            entry("BAAI/bge-small-en-v1.5", Presence::Absent),
        ];
        assert_eq!(
            names(&known, Lang::Ja),
            ["cl-nagoya/ruri-v3-30m", "cl-nagoya/ruri-v3-310m"]
        );
        assert_eq!(names(&known, Lang::En), ["BAAI/bge-small-en-v1.5"]);
    }

    #[test]
    fn a_user_who_has_one_is_not_offered_more() {
        let known = [
            entry("cl-nagoya/ruri-v3-310m", Presence::Absent),
            entry("cl-nagoya/ruri-v3-30m", Presence::Here),
        ];
        assert_eq!(names(&known, Lang::Ja), [""; 0]);
    }
}
