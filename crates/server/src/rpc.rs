//! The JSON-RPC methods of a daemon: from a call to its answer, whether it came over a WebSocket or by `POST /rpc`.

use std::sync::Arc;

use okibi_dialects::loading;
use okibi_listener::{Answer, Bound, Chunk, ConnectionId, subscribe};
use okibi_protocol::{
    guard::{Refusal, Right},
    jsonrpc::{Call, RpcError, code, raw_result},
    method::{
        Embed, EmbedText, ListModels, LoadModel, Method, ModelInfo, PullModel, RemoveModel, STATUS_CHANGED,
        StopServer, Stopping, Subscribe, UnloadModel,
    },
    models::{LoadModelParams, ModelParams, ModelStep, PullModelParams},
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    daemon::Daemon,
    embed,
    failure::{Failure, ModelFailure},
    models::Step,
};

/// Where a call comes from, and how it can be answered.
pub(crate) struct CallContext<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) right: Right,
    /// Whether the answer may come in several messages.
    pub(crate) may_stream: bool,
    /// The WebSocket that the call came on, if it did.
    pub(crate) websocket: Option<&'a okibi_listener::CallContext>,
}

/// Answers a JSON-RPC call.
pub(crate) async fn answer(
    daemon: &Arc<Daemon>,
    call: Call,
    context: CallContext<'_>,
) -> Result<Answer, RpcError> {
    match call.method.as_str() {
        EmbedText::NAME | Embed::NAME => {
            embed::answer(daemon, call, context.connection, context.may_stream).await
        }
        StopServer::NAME | LoadModel::NAME | UnloadModel::NAME | PullModel::NAME | RemoveModel::NAME
            if context.right < Right::Manage =>
        {
            daemon.metrics.refused(Bound::Token);
            Err(RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string()))
        }
        StopServer::NAME => {
            tracing::info!("asked to stop by a client");
            // The drain that follows waits for this answer too.
            daemon.stop.cancel();
            single(Ok(Stopping::Stopping))
        }
        ListModels::NAME => single(Ok(daemon.models.list().await)),
        ModelInfo::NAME => {
            let ModelParams { model } = call.params.parse()?;
            single(daemon.models.details(model).await)
        }
        LoadModel::NAME => {
            let params: LoadModelParams = call.params.parse()?;
            daemon.check_ready().map_err(|failure| failure.rpc())?;
            steps(daemon.models.load_model(params).await, context.may_stream).await
        }
        UnloadModel::NAME => {
            let ModelParams { model } = call.params.parse()?;
            single(daemon.models.unload_model(&model))
        }
        PullModel::NAME => {
            let params: PullModelParams = call.params.parse()?;
            steps(daemon.models.pull(params).await, context.may_stream).await
        }
        RemoveModel::NAME => {
            let ModelParams { model } = call.params.parse()?;
            single(daemon.models.remove(model).await)
        }
        Subscribe::NAME => {
            let Some(websocket) = context.websocket else {
                let message = "a subscription needs a WebSocket; over HTTP there is GET /events";
                return Err(RpcError::new(code::INVALID_REQUEST, message));
            };
            let status_of = Arc::clone(daemon);
            Ok(Answer::Single(subscribe(
                websocket,
                STATUS_CHANGED,
                daemon.changes(),
                move || status_of.status(),
            )))
        }
        method => Ok(Answer::Single(loading::loading_answer(method, &daemon.status()))),
    }
}

/// One result.
fn single(result: Result<impl Serialize, Failure>) -> Result<Answer, RpcError> {
    let result = result.map_err(|failure| failure.rpc())?;
    Ok(Answer::Single(Ok(raw_result(&result)?)))
}

/// The steps of a load or a download: a stream where the call can have one, else the last step alone.
async fn steps(steps: Result<mpsc::Receiver<Step>, Failure>, may_stream: bool) -> Result<Answer, RpcError> {
    let mut steps = steps.map_err(|failure| failure.rpc())?;
    let written = |step: Step| {
        step.map_err(|failure| failure.rpc())
            .and_then(|step| raw_result(&step))
    };
    if may_stream {
        let (sender, receiver) = mpsc::channel(1);
        // The task ends with the steps or with the connection that reads them, so nobody needs its handle.
        tokio::spawn(async move {
            while let Some(step) = steps.recv().await {
                let is_last = !matches!(step, Ok(ModelStep::Stage { .. }));
                let chunk = match written(step) {
                    Ok(step) if !is_last => Chunk::More(step),
                    last => Chunk::Last(last),
                };
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        });
        return Ok(Answer::Stream(receiver));
    }
    let mut last = None;
    while let Some(step) = steps.recv().await {
        last = Some(step);
    }
    let step = last.unwrap_or_else(|| Err(ModelFailure::interrupted().into()));
    written(step).map(|result| Answer::Single(Ok(result)))
}
