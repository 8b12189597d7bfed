//! What a family makes of a configuration.

use super::names::Names;
use crate::description::Description;

/// What a configuration says.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its parts.
    pub description: Description,
    /// What its file may call them; the first table that the file knows is the one.
    pub names: &'static [Names],
}
