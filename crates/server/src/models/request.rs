//! What can be asked of the models: which one, and what for.

use okibi_protocol::models::Variant;

/// Names a slot as long as the daemon lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SlotId(pub(super) u64);

/// A model as it is asked of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadRequest {
    /// A name, or the path of a folder.
    pub(crate) model: String,
    /// Which weights.
    pub(crate) variant: Variant,
}

/// What a model is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A request has named it.
    Request,
    /// The user wants it in memory.
    Memory,
    /// It is to become the current model.
    Switch {
        /// The current model is unloaded first, and requests that name no model wait.
        replace: bool,
        /// The model that was current until then stays.
        keep: bool,
    },
}
