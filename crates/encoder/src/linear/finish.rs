//! What is done with a product.

use crate::description::Activation;

/// What is done with a product, as it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It is stored.
    Store,
    /// Its activation is stored.
    Activate(Activation),
    /// It is multiplied into what is there.
    Multiply,
    /// It is added to what is there.
    Add,
}
