//! The JSON-RPC method that fetches a model.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use okibi_models::Source;
use okibi_protocol::models::{ModelStep, PullModelParams};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    failure::Failure,
    models::{
        loading::Models,
        methods::{STEPS, Step},
    },
};

impl Models {
    /// `pull_model`: its steps, the last of which says where the files are. Ends when nobody reads them any more.
    pub(crate) async fn pull(
        self: &Arc<Self>,
        params: PullModelParams,
    ) -> Result<mpsc::Receiver<Step>, Failure> {
        self.parse(&params.model).await?;
        let library = self.library.clone();
        let resolve = move || okibi_models::resolve(&params.model, params.variant, &library);
        let model = match self.run_blocking(resolve).await? {
            Source::Hub(model) => model,
            Source::Embedded { .. } | Source::Folder { .. } => {
                return Err(Failure::invalid(
                    "model",
                    "the model is on this machine; there is nothing to fetch",
                ));
            }
        };
        let (steps, receiver) = mpsc::channel(STEPS);
        let is_over = Arc::new(AtomicBool::new(false));
        let models = Arc::clone(self);
        let watched = (steps.clone(), Arc::clone(&is_over));
        let ended = CancellationToken::new();
        let at_end = ended.clone().drop_guard();
        let work = move || {
            let _at_end = at_end;
            // A client that is slow or gone misses steps.
            let on_step = |event| drop(steps.try_send(Ok(ModelStep::Stage { event })));
            let is_cancelled = || is_over.load(Relaxed) || models.stop.is_cancelled();
            let pulled = okibi_models::pull(&model, &models.library.hub, &on_step, &is_cancelled);
            let step = pulled.map_err(|error| models.model_failure(error).into());
            // The client may have gone.
            let _ = steps.blocking_send(step);
        };
        // Both end with the download, which ends when its client goes or the daemon stops: nobody needs their handles.
        drop(self.runtime.spawn(async move {
            let (steps, is_over) = watched;
            // The reader waits until every sender of the steps is dropped, so this one must not outlive the download.
            if ended.run_until_cancelled(steps.closed()).await.is_some() {
                is_over.store(true, Relaxed);
            }
        }));
        drop(self.runtime.spawn_blocking(work));
        Ok(receiver)
    }
}
