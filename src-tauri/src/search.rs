//! The search on the page to try it: the user's own lines, embedded by the daemon as documents, kept in memory, and the ones
//! nearest to a query.

use std::{path::PathBuf, sync::Arc, time::Instant};

use okibi_client::Client;
use okibi_messages::app;
use okibi_protocol::{
    method::{EmbedParams, EmbedResult, Input, InputType},
    vector::Vectors,
};
use tauri::{AppHandle, Manager as _, State, async_runtime};
use tauri_plugin_dialog::DialogExt as _;

use crate::{
    app::Shared,
    commands::Answer,
    contract::{Found, SearchState, SearchView},
    corpus::nearest,
    failure::Failure,
    texts::{MAX_TEXTS, Text, Texts},
};

/// Texts in a request: few enough that the progress moves, and that others are let in between.
const BATCH: usize = 64;

/// Returns how far the texts are.
#[tauri::command]
pub(crate) async fn get_search(shared: State<'_, Shared>) -> Answer<SearchView> {
    Ok(shared.search.view())
}

/// Takes the lines of a text as what is searched.
#[tauri::command]
pub(crate) async fn search_in(app: AppHandle, shared: State<'_, Shared>, text: String) -> Answer<()> {
    let run = shared.search.begin(SearchView::default());
    take(&app, run, Texts::of_lines(&text));
    Ok(())
}

/// Lets the user choose files, or a folder, whose lines are searched; false when nothing was chosen.
#[tauri::command]
pub(crate) async fn search_in_files(
    app: AppHandle,
    shared: State<'_, Shared>,
    window: tauri::WebviewWindow,
    folder: bool,
) -> Answer<bool> {
    let (sender, chosen) = tokio::sync::oneshot::channel();
    let lang = shared.lang();
    let dialog = app.dialog().file().set_parent(&window);
    // A send fails only where the command was dropped: the window that asked is gone.
    if folder {
        let dialog = dialog.set_title(app::choose_search_folder(lang));
        dialog.pick_folder(move |folder| drop(sender.send(folder.map(|folder| vec![folder]))));
    } else {
        let dialog = dialog
            .set_title(app::choose_search_files(lang))
            .add_filter(app::text_files(lang), &["txt", "md", "csv", "jsonl"]);
        dialog.pick_files(move |files| drop(sender.send(files)));
    }
    let chosen = chosen.await.ok().flatten().unwrap_or_default();
    let paths: Vec<PathBuf> = chosen
        .into_iter()
        .filter_map(|path| path.into_path().ok())
        .collect();
    let Some(first) = paths.first() else {
        return Ok(false);
    };
    let source = match paths.len() {
        1 => first.display().to_string(),
        count => app::files(first, count, lang),
    };
    let run = shared.search.begin(SearchView {
        state: SearchState::Reading,
        source: Some(source),
        ..SearchView::default()
    });
    let search = shared.search.clone();
    // The handle is not kept: the task ends with its texts, or at its next step once others have replaced them.
    async_runtime::spawn(async move {
        let still = search.clone();
        let reading =
            async_runtime::spawn_blocking(move || Texts::of_files(&paths, &|| !still.is_current(run)));
        match reading.await {
            Ok(texts) => take(&app, run, texts),
            Err(error) => search.fail(run, Failure::unexpected(error).text(lang)),
        }
    });
    Ok(true)
}

/// Forgets the texts, and ends what is done with them.
#[tauri::command]
pub(crate) async fn clear_search(shared: State<'_, Shared>) -> Answer<()> {
    shared.search.begin(SearchView::default());
    Ok(())
}

/// Returns the texts that are nearest to a query, of those that are embedded already.
#[tauri::command]
pub(crate) async fn search(app: AppHandle, shared: State<'_, Shared>, query: String) -> Answer<Found> {
    let began = Instant::now();
    let found = async {
        let client = shared.connect().await?;
        let embedded = embed(&client, vec![query], InputType::Query).await?;
        let (run, texts, vectors, space) = shared.search.searched();
        if space != embedded.space && !vectors.is_empty() {
            // Another model answers now: vectors of two spaces cannot be compared.
            start(&app, run, texts);
            return Ok(Vec::new());
        }
        let Some(query) = floats(embedded.vectors).into_iter().next().flatten() else {
            return Ok(Vec::new());
        };
        let ranking = async_runtime::spawn_blocking(move || nearest(&query, &texts, &vectors));
        ranking.await.map_err(Failure::unexpected)
    };
    let hits = found.await.map_err(|failure: Failure| shared.for_page(failure))?;
    Ok(Found {
        hits,
        took_ms: began.elapsed().into(),
    })
}

/// Takes texts that were read, and begins to embed them.
fn take(app: &AppHandle, run: u64, read: Texts) {
    let shared = app.state::<Shared>();
    let lang = shared.lang();
    let message = if read.texts.is_empty() {
        Some(app::no_texts(lang).to_owned())
    } else if read.is_cut {
        Some(app::too_many_texts(MAX_TEXTS, lang))
    } else {
        read.unreadable
            .first()
            .map(|file| app::unreadable(file, read.unreadable.len(), lang))
    };
    let is_empty = read.texts.is_empty();
    let texts = Arc::new(read.texts);
    let known = Arc::clone(&texts);
    let is_current = shared.search.change(run, |content| {
        content.view.total = known.len() as u64;
        content.view.message = message;
        content.view.state = if is_empty {
            SearchState::Failed
        } else {
            SearchState::Embedding
        };
        content.texts = known;
    });
    if is_current && !is_empty {
        start(app, run, texts);
    }
}

/// Embeds the texts of a run from the first one on.
fn start(app: &AppHandle, run: u64, texts: Arc<Vec<Text>>) {
    let app = app.clone();
    // The handle is not kept: the task ends with its texts, or at its next step once others have replaced them.
    async_runtime::spawn(async move {
        let shared = app.state::<Shared>();
        let is_current = shared.search.change(run, |content| {
            content.view.state = SearchState::Embedding;
            content.view.done = 0;
            content.vectors = Arc::default();
            content.space = String::new();
        });
        if is_current && let Err(failure) = embed_all(&shared, run, &texts).await {
            let text = failure.text(shared.lang());
            shared.search.fail(run, text);
        }
    });
}

async fn embed_all(shared: &Shared, run: u64, texts: &[Text]) -> Result<(), Failure> {
    let client = shared.connect().await?;
    for batch in texts.chunks(BATCH) {
        let batch: Vec<String> = batch.iter().map(|text| text.text.clone()).collect();
        let count = batch.len() as u64;
        let embedded = embed(&client, batch, InputType::Document).await?;
        let (dimension, space, model) = (embedded.dimension, embedded.space.clone(), embedded.model.clone());
        let vectors = floats(embedded.vectors);
        let mut is_other_space = false;
        let is_wanted = shared.search.change(run, |content| {
            is_other_space = content.view.done > 0 && content.space != space;
            if is_other_space {
                return;
            }
            content.space = space;
            content.view.model = Some(model);
            let all = Arc::make_mut(&mut content.vectors);
            for vector in vectors {
                match vector {
                    Some(vector) => all.extend(vector),
                    // A text that the model fails at is found by nothing.
                    None => all.resize(all.len() + dimension, 0.0),
                }
            }
            content.view.done += count;
            if content.view.done == content.view.total {
                content.view.state = SearchState::Ready;
            }
        });
        if is_other_space {
            return Err(Failure::ModelChanged);
        }
        if !is_wanted {
            break;
        }
    }
    Ok(())
}

async fn embed(client: &Client, texts: Vec<String>, input_type: InputType) -> Result<EmbedResult, Failure> {
    let params = EmbedParams {
        input_type,
        ..EmbedParams::new(Input::Many(texts))
    };
    Ok(client.embed(params).await?)
}

fn floats(vectors: Vectors) -> Vec<Option<Vec<f32>>> {
    match vectors {
        Vectors::Float(vectors) => vectors,
        _ => Vec::new(),
    }
}
