//! What is known about one model, and from where.

use std::collections::BTreeMap;

use okibi_protocol::models::{DEFAULT_MODEL, ModelDetails, ModelEntry, ModelOrigin, Presence, Variant};

use crate::{
    cache::find_here,
    describe::describe,
    error::ModelError,
    files::ModelFiles,
    inventory::{any_snapshot, of_folder, of_known, of_repository, plain},
    known,
    library::Library,
    precisions::Precisions,
    resolve::{Source, resolve},
    usage,
};

/// Returns all that is known about a model, and from where, without asking the hub.
///
/// Errors: as [`resolve()`] and [`describe()`].
pub fn details(name: &str, library: &Library) -> Result<ModelDetails, ModelError> {
    let source = match library.own_folder(name) {
        Some(source) => source,
        None => resolve(name, Variant::Auto, library)?,
    };
    let mut revision = None;
    let (mut entry, files) = match source {
        Source::Embedded { folder } => {
            let entry = of_folder(DEFAULT_MODEL, &folder, ModelOrigin::Embedded);
            (entry, Some(describe(DEFAULT_MODEL, &folder, None, None)?))
        }
        Source::Folder {
            name,
            folder,
            model_file,
        } => {
            let files = describe(&name, &folder, model_file.as_deref(), None)?;
            (of_folder(&name, &folder, ModelOrigin::Folder), Some(files))
        }
        Source::Hub(model) => {
            let entry = of_repository(&model.repository, &library.hub);
            let snapshot = find_here(&model, &library.hub)?.or_else(|| any_snapshot(&model, &library.hub));
            let files = match &snapshot {
                Some(snapshot) => Some(describe(
                    &model.name,
                    &snapshot.folder,
                    Some(&snapshot.model_file),
                    model.known,
                )?),
                None => None,
            };
            revision = snapshot.map(|snapshot| snapshot.commit);
            let absent = || match model.known {
                Some(known) => of_known(known, Presence::Absent),
                None => ModelEntry {
                    presence: Presence::Absent,
                    repository: Some(model.repository.clone()),
                    ..plain(&model.name, ModelOrigin::Hub)
                },
            };
            (entry.unwrap_or_else(absent), files)
        }
    };
    entry.precision = files
        .as_ref()
        .and_then(|files| Precisions::read(&library.precisions_file).of(files));
    entry.last_used_ms = usage::read(&library.usage_file).get(&entry.name).copied();
    Ok(details_of(entry, revision, files))
}

fn details_of(entry: ModelEntry, revision: Option<String>, files: Option<ModelFiles>) -> ModelDetails {
    let known = known::find(&entry.name);
    let Some(files) = files else {
        let from_table = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
        let prompts = [
            from_table("query", known.and_then(|known| known.query.as_deref())),
            from_table("document", known.and_then(|known| known.document.as_deref())),
        ];
        return ModelDetails {
            entry,
            revision,
            model_file: None,
            modules: Vec::new(),
            output: None,
            pooling: known.map(|known| known.pooling.name().to_owned()),
            normalize: true,
            prompts: prompts.into_iter().flatten().collect(),
            found_in: BTreeMap::new(),
        };
    };
    ModelDetails {
        entry,
        revision,
        model_file: Some(files.model.display().to_string()),
        modules: files.pipeline.parts(),
        output: files.output.map(|output| output.name),
        pooling: Some(files.pipeline.pooling.name()),
        normalize: files.normalize,
        prompts: files.prompts.named,
        found_in: files.found_in,
    }
}
