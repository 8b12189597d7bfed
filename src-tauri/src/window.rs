//! Which windows there are.

/// A window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Window {
    /// The one with all pages.
    Main,
    /// The one of a start.
    Progress,
}

impl Window {
    /// Returns its label, by which its capability knows it.
    pub(crate) fn label(self) -> &'static str {
        self.into()
    }

    /// Returns the file of its page.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Main => "index.html",
            Self::Progress => "progress.html",
        }
    }

    /// Returns its first width and height, in logical pixels.
    pub(crate) const fn size(self) -> (f64, f64) {
        match self {
            Self::Main => (900.0, 720.0),
            Self::Progress => (460.0, 600.0),
        }
    }
}
