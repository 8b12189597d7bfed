//! The JSON-RPC methods of a daemon: from a call to its answer, whether it came over a WebSocket or by `POST /rpc`.

use std::sync::Arc;

use okibi_dialects::Dialect;
use okibi_listener::{Answer, Bound, Chunk, ConnectionId, subscribe};
use okibi_protocol::{
    guard::{Refusal, Right},
    jsonrpc::{Call, Params, RpcError, code, raw_result},
    method::{
        AnyMethod, CheckInit, Embed, EmbedText, GetActivity, GetStatus, InitState, ListModels, LoadModel,
        Method, ModelInfo, PullModel, RemoveModel, STATUS_CHANGED, StopServer, Stopping, UnloadModel,
    },
    models::{ModelParams, ModelStep},
};
use tokio::sync::mpsc;

use crate::{
    activity::Asker,
    daemon::Daemon,
    embed,
    failure::{Failure, ModelFailure},
    models::Step,
};

/// Bytes of parameters above which reading them would keep other connections waiting.
const READ_ASIDE_BYTES: usize = 256 << 10;

/// Where a call comes from, and how it can be answered.
pub(crate) struct CallContext<'a> {
    pub(crate) connection: ConnectionId,
    /// Who makes it.
    pub(crate) asker: Asker,
    pub(crate) right: Right,
    /// Whether the answer may come in several messages.
    pub(crate) may_stream: bool,
    /// The WebSocket that the call came on, if it did.
    pub(crate) websocket: Option<&'a okibi_listener::CallContext>,
}

/// Answers a JSON-RPC call. The match has no wildcard, so that a new method cannot be forgotten here.
pub(crate) async fn answer(
    daemon: &Arc<Daemon>,
    call: Call,
    context: CallContext<'_>,
) -> Result<Answer, RpcError> {
    let Some(method) = AnyMethod::find(&call.method) else {
        return Err(RpcError::method_not_found(&call.method));
    };
    if context.right < method.right() {
        daemon.metrics.refused(Bound::Token);
        daemon.activity.call_refused(&context.asker.name);
        return Err(RpcError::new(code::NOT_ALLOWED, Refusal::NotAllowed.to_string()));
    }
    let params = call.params;
    match method {
        AnyMethod::Embed => {
            let request = daemon.activity.arrived(Dialect::JsonRpc, context.asker);
            let embedding = async {
                let params = read::<Embed>(params).await.map_err(Failure::Params)?;
                embed::texts(daemon, &request, params, context.connection, context.may_stream).await
            };
            embed::counted(daemon, &request, embedding).await
        }
        AnyMethod::EmbedText => {
            let request = daemon.activity.arrived(Dialect::JsonRpc, context.asker);
            let embedding = async {
                let params = read::<EmbedText>(params).await.map_err(Failure::Params)?;
                embed::text(daemon, &request, params, context.connection).await
            };
            embed::counted(daemon, &request, embedding).await
        }
        AnyMethod::GetStatus => single::<GetStatus>(Ok(daemon.status())),
        AnyMethod::GetActivity => single::<GetActivity>(Ok(daemon.recent_activity())),
        AnyMethod::CheckInit => single::<CheckInit>(Ok(InitState::of(&daemon.status()))),
        AnyMethod::Subscribe => {
            let Some(websocket) = context.websocket else {
                let message = "a subscription needs a WebSocket; over HTTP there is GET /events";
                return Err(RpcError::new(code::INVALID_REQUEST, message));
            };
            let status_of = Arc::clone(daemon);
            let status = move || status_of.status();
            let answer = subscribe(websocket, STATUS_CHANGED, daemon.changes(), status);
            Ok(Answer::Single(answer))
        }
        AnyMethod::StopServer => {
            tracing::info!("asked to stop by a client");
            // The drain that follows waits for this answer too.
            daemon.stop.cancel();
            single::<StopServer>(Ok(Stopping::Stopping))
        }
        AnyMethod::ListModels => single::<ListModels>(Ok(daemon.models.list().await)),
        AnyMethod::ModelInfo => {
            let ModelParams { model } = read::<ModelInfo>(params).await?;
            single::<ModelInfo>(daemon.models.details(model).await)
        }
        AnyMethod::LoadModel => {
            let params = read::<LoadModel>(params).await?;
            daemon.check_ready().map_err(|failure| failure.rpc())?;
            steps(daemon.models.load_model(params).await, context.may_stream).await
        }
        AnyMethod::UnloadModel => {
            let ModelParams { model } = read::<UnloadModel>(params).await?;
            single::<UnloadModel>(daemon.models.unload_model(&model))
        }
        AnyMethod::PullModel => {
            let params = read::<PullModel>(params).await?;
            steps(daemon.models.pull(params).await, context.may_stream).await
        }
        AnyMethod::RemoveModel => {
            let ModelParams { model } = read::<RemoveModel>(params).await?;
            single::<RemoveModel>(daemon.models.remove(model).await)
        }
    }
}

/// Reads the parameters of a method: long ones, which are texts, on a thread that may block.
async fn read<M: Method>(params: Params) -> Result<M::Params, RpcError> {
    if params.text().map_or(0, str::len) <= READ_ASIDE_BYTES {
        return params.parse();
    }
    let reading = tokio::task::spawn_blocking(move || params.parse());
    reading.await.unwrap_or_else(|error| {
        tracing::error!(%error, "reading parameters failed");
        Err(RpcError::new(
            code::INTERNAL_ERROR,
            "the parameters cannot be read",
        ))
    })
}

/// The one result of a method.
fn single<M: Method>(result: Result<M::Output, Failure>) -> Result<Answer, RpcError> {
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
