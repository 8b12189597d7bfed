//! Model names as clients write them: `NAME`, `NAME:query`, `NAME:document`, and what other servers put around them.

use okibi_engine::Role;

/// A model's name with the role that an app wants of it, where it lets its user type nothing but a model's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelName<'a> {
    name: &'a str,
    pub(crate) role: Option<Role>,
}

impl<'a> ModelName<'a> {
    /// Reads a name; `:latest`, which Ollama's clients add, means nothing here.
    pub(crate) fn read(text: &'a str) -> Self {
        let text = text.strip_suffix(":latest").unwrap_or(text);
        let suffixes = [
            (":query", Role::Query),
            (":document", Role::Document),
            (":passage", Role::Document),
        ];
        for (suffix, role) in suffixes {
            if let Some(name) = text.strip_suffix(suffix) {
                return Self {
                    name,
                    role: Some(role),
                };
            }
        }
        Self {
            name: text,
            role: None,
        }
    }

    /// Whether this name, in any case, is meant.
    pub(crate) fn means_exactly(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether the model `loaded` is meant: by its name in any case, by the part behind the owner, or by one of the
    /// `further` names that the user gave it.
    pub(crate) fn means(&self, loaded: &str, further: &[String]) -> bool {
        let bare = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
        self.means_exactly(loaded)
            || bare(self.name).eq_ignore_ascii_case(loaded.rsplit('/').next().unwrap_or(loaded))
            || further
                .iter()
                .any(|known| known == "*" || known.eq_ignore_ascii_case(self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_may_stand_behind_the_name() {
        let read = |text| {
            let name = ModelName::read(text);
            (name.name.to_owned(), name.role)
        };
        assert_eq!(read("e5:query"), ("e5".into(), Some(Role::Query)));
        assert_eq!(
            read("a/e5:document:latest"),
            ("a/e5".into(), Some(Role::Document))
        );
        assert_eq!(read("e5:v1"), ("e5:v1".into(), None));
    }

    #[test]
    fn only_the_loaded_model_is_meant() {
        let means = |asked, loaded, further: &[&str]| {
            let further: Vec<String> = further.iter().map(|name| (*name).to_owned()).collect();
            ModelName::read(asked).means(loaded, &further)
        };
        assert!(means("Multilingual-E5-small", "multilingual-e5-small", &[]));
        assert!(means(
            "intfloat/multilingual-e5-small:latest",
            "multilingual-e5-small",
            &[]
        ));
        assert!(means(
            "multilingual-e5-small",
            "intfloat/multilingual-e5-small",
            &[]
        ));
        assert!(!means("text-embedding-3-small", "multilingual-e5-small", &[]));
        assert!(means("text-embedding-3-small", "e5", &["text-embedding-3-small"]));
        assert!(means("anything", "e5", &["*"]));
    }
}
