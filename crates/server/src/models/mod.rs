//! The models a daemon holds: which one is current, which are idle, which are being loaded.
//!
//! From the leaves upward:
//!
//! - `request`: what can be asked; `lease`: who uses a model; `load`: who waits for one
//! - `slot`: one model and its state; `slots`: the state machine of all, without engines
//! - `admission`: whether there is memory for another model
//! - `loading`: threads, files and sentences around the state machine
//! - `lookup`: from the name in a request to a model
//! - `report`: what is held, for the status and the dialects
//! - `methods`, `pull`: the JSON-RPC methods that load, list and delete models, and that fetch them

mod admission;
mod lease;
mod load;
mod loading;
mod lookup;
mod methods;
mod pull;
mod report;
mod request;
mod slot;
mod slots;
#[cfg(test)]
mod slots_tests;

pub(crate) use self::{
    lease::Lease,
    load::{Board, Load},
    loading::{MAX_PULLS, Models},
    lookup::AvailableModel,
    methods::Step,
    slots::MAX_LOADS,
};
