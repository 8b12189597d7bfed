//! What a server answers while its model loads: the same in a front and in a daemon in the foreground.

use serde_json::{json, value::RawValue};

use crate::{
    jsonrpc::{RpcError, code, raw_result},
    method::{Activity, AnyMethod, InitState, RunState, Status},
};

/// Answers the methods that need nothing but the status; the others get the error that says why not yet.
///
/// Errors: those of [`not_ready`]; −32601 for a method that does not exist, and for those that a server answers
/// by itself while it loads and that it has to look at first.
pub fn loading_answer(method: &str, status: &Status) -> Result<Box<RawValue>, RpcError> {
    match AnyMethod::find(method) {
        Some(AnyMethod::GetStatus) => raw_result(status),
        // Nothing was embedded yet.
        Some(AnyMethod::GetActivity) => raw_result(&Activity::default()),
        Some(AnyMethod::CheckInit) => raw_result(&InitState::of(status)),
        Some(method) if !method.while_loading() => Err(not_ready(status)),
        _ => Err(RpcError::method_not_found(method)),
    }
}

/// Why the server cannot embed right now.
///
/// −32001 while loading, with the stage, the fraction done (0 to 1, three decimals) and all stages in `data`;
/// −32003 when stopping; −32603 when the load has failed.
pub fn not_ready(status: &Status) -> RpcError {
    match status.status {
        RunState::Starting | RunState::Running => {
            let board = &status.stages;
            RpcError::new(code::LOADING, "model is loading").with_data(json!({
                "stage": board.current().map(|event| event.stage),
                "fraction": (board.fraction() * 1000.0).round() / 1000.0,
                "stages": board,
            }))
        }
        RunState::Stopping => RpcError::new(code::STOPPING, "the server is stopping"),
        RunState::Failed => RpcError::new(
            code::INTERNAL_ERROR,
            match &status.error {
                Some(error) => format!("the model could not be loaded: {error}"),
                None => "the model could not be loaded".to_owned(),
            },
        ),
    }
}
