//! A download as a daemon and a front show it: its steps, then where the files are.

use std::time::Instant;

use okibi_protocol::{
    models::ModelStep,
    stage::{Measure, Stage, StageEvent, StageState, Unit},
    units::{ByteCount, Millis},
};

use crate::{cache::Snapshot, error::ModelError, fetch::fetch, library::Hub, resolve::HubModel};

/// Fetches a model's files and reports each step; the result says where they are. Blocks.
///
/// The reports are few: [`fetch()`] paces them. Both functions are called on this thread.
///
/// Errors: those of [`fetch()`].
pub fn pull(
    model: &HubModel,
    hub: &Hub,
    on_step: &(dyn Fn(StageEvent) + Sync),
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<ModelStep, ModelError> {
    let began = Instant::now();
    let report = |state, measure| {
        on_step(StageEvent {
            stage: Stage::Download,
            state,
            elapsed_ms: Millis::from(began.elapsed()),
            measure,
        });
    };
    report(StageState::Started, None);
    let on_bytes = |done, total| {
        let measure = Measure {
            done,
            total: Some(total),
            unit: Unit::Bytes,
        };
        report(StageState::Advanced, Some(measure));
    };
    match fetch(model, hub, &on_bytes, is_cancelled) {
        Ok(snapshot) => {
            report(StageState::Finished, None);
            Ok(pulled(model, &snapshot))
        }
        Err(error) => {
            report(StageState::Failed, None);
            Err(error)
        }
    }
}

fn pulled(model: &HubModel, snapshot: &Snapshot) -> ModelStep {
    ModelStep::Pulled {
        model: model.name.clone(),
        folder: snapshot.folder.display().to_string(),
        size_bytes: ByteCount(snapshot.bytes),
        fetched_bytes: ByteCount(snapshot.fetched_bytes),
    }
}
