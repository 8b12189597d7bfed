//! A setting's value and where it came from.

/// Where a setting's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The environment.
    Environment,
    /// The configuration file.
    File,
    /// It is the default.
    Default,
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

impl<T> Setting<T> {
    /// Whether someone set it.
    pub fn is_set(&self) -> bool {
        self.source != Source::Default
    }

    /// Whether the user has just asked for it, by a flag or the environment.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.source, Source::Flag | Source::Environment)
    }
}
