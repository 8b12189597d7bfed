//! The JSON-RPC method that fetches a model.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use okibi_models::Source;
use okibi_protocol::{
    models::{ModelStep, PullModelParams},
    units::ByteCount,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    failure::{Failure, ModelFailure},
    models::{
        loading::{MAX_PULLS, Models},
        methods::{STEPS, Step},
    },
};

impl Models {
    /// `pull_model`: its steps, the last of which says where the files are. Ends when nobody reads them any more. A model
    /// that is on this machine already is a success, and a role behind the name means the model.
    pub(crate) async fn pull(
        self: &Arc<Self>,
        params: PullModelParams,
    ) -> Result<mpsc::Receiver<Step>, Failure> {
        let asked = self.parse(&params.model).await?;
        let model = asked.to_string();
        let place = Arc::clone(&self.pulls).try_acquire_owned();
        let place = place.map_err(|_| Failure::Model(Arc::new(ModelFailure::too_many_pulls(MAX_PULLS))))?;
        let library = self.library.clone();
        let (name, variant) = (model.clone(), params.variant);
        let resolve = move || okibi_models::resolve(&name, variant, &library);
        let found = self.run_blocking(resolve).await;
        // A folder that the daemon was started with has a name that only its slot knows.
        if found.is_err() && self.slots.lock().find(&asked).is_some() {
            return Ok(present(model, Path::new("")));
        }
        let model = match found? {
            Source::Hub(model) => model,
            Source::Embedded { folder } | Source::Folder { folder, .. } => {
                return Ok(present(model, &folder));
            }
        };
        let (steps, receiver) = mpsc::channel(STEPS);
        let is_over = Arc::new(AtomicBool::new(false));
        let models = Arc::clone(self);
        let watched = (steps.clone(), Arc::clone(&is_over));
        let ended = CancellationToken::new();
        let at_end = ended.clone().drop_guard();
        let work = move || {
            let _until_the_end = (place, at_end);
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
        // A thread of its own: a hub that sends nothing would keep those that read texts and files.
        let spawned = std::thread::Builder::new().name("okibi-pull".into()).spawn(work);
        spawned.map_err(|error| {
            tracing::error!(%error, "no thread could be started");
            Failure::Panicked
        })?;
        Ok(receiver)
    }
}

/// The one step of a pull that has nothing to do.
fn present(model: String, folder: &Path) -> mpsc::Receiver<Step> {
    let (steps, receiver) = mpsc::channel(1);
    let step = ModelStep::Pulled {
        model,
        folder: folder.display().to_string(),
        size_bytes: ByteCount(0),
        fetched_bytes: ByteCount(0),
    };
    // There is room for one.
    let _ = steps.try_send(Ok(step));
    receiver
}
