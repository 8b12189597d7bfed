//! A notification, as its server receives it.

/// A notification that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The one it takes the place of; 0 for none.
    pub replaces: u32,
    /// Its own number.
    pub id: u32,
    /// Its first line.
    pub summary: String,
    /// Its text.
    pub body: String,
    /// Identifiers and labels of its buttons, one after the other.
    pub actions: Vec<String>,
    /// Its progress, where it has one.
    pub value: Option<i32>,
    /// Whether the app has taken it away.
    pub is_closed: bool,
}
