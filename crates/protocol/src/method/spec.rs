//! What a method is.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::guard::Right;

/// A JSON-RPC method: what client and server have to agree on.
///
/// Parameters by position follow the order of the fields of [`Params`](Self::Params).
pub trait Method {
    /// Its name on the wire.
    const NAME: &'static str;
    /// What the caller's token has to allow, where tokens are required.
    const RIGHT: Right;
    /// Whether a front answers it while the model loads; else it answers −32001.
    const WHILE_LOADING: bool;
    /// Whether the result may come in several messages.
    const STREAMED: bool;
    /// Its parameters.
    type Params: Serialize + DeserializeOwned + Send + 'static;
    /// Its result, or one piece of a streamed one.
    type Output: Serialize + DeserializeOwned;
}

/// The parameters of a method that takes none. Any that come are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoParams {}
