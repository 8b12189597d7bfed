//! What Okibi's processes say to each other and to their clients.
//!
//! The lowest crate: plain types and pure functions, no I/O and no async runtime.
//!
//! - [`stage`]: the stages of a load and the board that collects them
//! - [`notice`]: launch notices, daemon → front
//! - [`json`]: JSON that comes in
//! - [`jsonrpc`]: JSON-RPC 2.0 framing, by the whole specification
//! - [`method`]: Okibi's methods: names, parameters, results, rights
//! - [`model_ref`]: what the text that names a model says
//! - [`models`]: types of the methods that list, load, fetch and delete models
//! - [`loading`]: what is answered while a model loads
//! - [`vector`]: how vectors are written: floats, base64, safetensors
//! - [`npy`]: the header of a NumPy file
//! - [`proof`]: how two programs show each other that they have the same token
//! - [`guard`]: which `Host` and `Origin` a loopback service accepts
//! - [`units`]: milliseconds and bytes as types
//! - [`docs`]: tables of the documentation, written from these types

pub mod docs;
pub mod guard;
pub mod json;
pub mod jsonrpc;
pub mod loading;
pub mod method;
pub mod model_ref;
pub mod models;
pub mod notice;
pub mod npy;
pub mod proof;
pub mod stage;
pub mod units;
pub mod vector;

/// Port Okibi listens on unless another one is set.
pub const DEFAULT_PORT: u16 = 8765;

/// `server_type` of a daemon in [`method::Status`].
pub const SERVER_TYPE_DAEMON: &str = "okibi";

/// `server_type` of a front's temporary server, which answers while a daemon loads.
pub const SERVER_TYPE_FRONT: &str = "okibi-front";
