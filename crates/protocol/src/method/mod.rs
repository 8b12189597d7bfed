//! Okibi's JSON-RPC methods, as a server answers them and a client calls them.
//!
//! - [`Method`]: what a method is: its name, its types, who may call it
//! - [`AnyMethod`]: the table of all of them; a method is added there, in one line
//! - the types of their parameters and results, beside those in [`models`](crate::models)

mod activity;
mod embed;
mod spec;
mod status;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    activity::{ActiveClient, Activity, ClientModel, Job, Queue, RecentRequest, Refusal},
    embed::{
        EmbedParams, EmbedResult, EmbedTextParams, EmbedTextResult, FailedText, Input, InputType,
        OverflowChoice, Truncated, Windowed,
    },
    spec::{Method, NoParams},
    status::{InitState, Latency, RunState, STATUS_CHANGED, Status, Stopping},
    table::{
        AnyMethod, CheckInit, Embed, EmbedText, GetActivity, GetStatus, ListModels, LoadModel, ModelInfo,
        PullModel, RemoveModel, StopServer, Subscribe, UnloadModel,
    },
};
