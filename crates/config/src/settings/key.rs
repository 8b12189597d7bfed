//! The settings' names. Each has one, in three spellings: `name` in `config.toml`, `OKIBI_NAME` in the environment,
//! `--name` on the command line.

use std::fmt;

use super::table::Key;

impl Key {
    /// Its name in `config.toml`.
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }

    /// Its environment variable.
    pub fn variable(self) -> String {
        format!("OKIBI_{}", self.name().to_ascii_uppercase())
    }

    /// Its flag, with the two dashes.
    pub fn flag(self) -> String {
        format!("--{}", self.name().replace('_', "-"))
    }

    /// The setting of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// The setting whose name is most like `name`, where one is like it at all.
    pub fn nearest(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('-', "_");
        Self::ALL
            .iter()
            .map(|key| (strsim::jaro_winkler(key.name(), &name), *key))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|one, other| one.0.total_cmp(&other.0))
            .map(|(_, key)| key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_three_spellings() {
        assert_eq!(Key::DrainSeconds.variable(), "OKIBI_DRAIN_SECONDS");
        assert_eq!(Key::DrainSeconds.flag(), "--drain-seconds");
        for key in Key::ALL {
            assert_eq!(Key::from_name(key.name()), Some(*key));
        }
    }

    #[test]
    fn a_misspelled_name_finds_its_neighbor() {
        assert_eq!(Key::nearest("modle"), Some(Key::Model));
        assert_eq!(Key::nearest("Batch-Token"), Some(Key::BatchTokens));
        assert_eq!(Key::nearest("color"), None);
    }
}
