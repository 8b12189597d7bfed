//! What an ONNX file says: which files beside it have its weights, and what goes into its graph and comes out.
//!
//! - `file`: what a file says, remembered while it is unchanged
//! - `reader`: the format
//! - `external`, `signature`: what is found

mod external;
mod file;
mod reader;
mod signature;

pub(crate) use self::external::ExternalData;
#[cfg(test)]
pub(crate) use self::file::is_remembered;
pub(crate) use self::file::read;
pub(crate) use self::reader::OnnxFile;
pub use self::signature::{Port, Signature};
