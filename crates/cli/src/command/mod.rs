//! The commands, one file each.

pub(crate) mod activity;
pub(crate) mod completions;
pub(crate) mod daemon;
pub(crate) mod embed;
pub(crate) mod logs;
pub(crate) mod models;
pub(crate) mod restart;
pub(crate) mod serve;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod use_model;
