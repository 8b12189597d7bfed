//! The settings: one table that declares them, and their values by precedence.
//!
//! - [`table`]: every setting, one block each
//! - [`declaration`]: what a block says
//! - [`value`]: the types of values, how they are read and written
//! - [`choices`]: values that are one of a few names, and times
//! - [`setting`]: a value and where it came from
//! - [`load`]: flag, environment, file, default
//! - [`document`]: what a daemon is told by the front that starts it
//! - [`docs`]: the table of the documentation

pub mod choices;
pub mod declaration;
mod declare;
pub mod docs;
pub mod document;
mod key;
pub mod load;
pub mod setting;
pub mod table;
pub mod value;

#[cfg(test)]
mod tests;
