//! The hub's list of a repository's files.

use serde::Deserialize;
use serde_json::Value;

use super::{
    address,
    client::Client,
    error::{FetchError, Reason},
};
use crate::{cache::is_commit, error::ModelError, known, resolve::HubModel, safe};

/// Longest list in bytes: some ten thousand files.
const LONGEST: u64 = 32 << 20;

/// The list's name in errors.
const LIST: &str = "the list of files";

/// The files of one commit.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit.
    pub(super) commit: String,
    /// The files.
    pub(super) files: Vec<Listed>,
    /// The license that the repository's card names.
    pub(super) license: Option<String>,
    /// The network's family, such as `bert`.
    pub(super) family: Option<String>,
}

/// A file of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its name, with forward slashes.
    pub(super) name: String,
    /// Its bytes, where the hub says.
    pub(super) size: Option<u64>,
    /// The hash of its bytes, where the hub says.
    pub(super) hash: Option<String>,
}

#[derive(Deserialize)]
struct RepoListing {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    config: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: Option<String>,
    oid: Option<String>,
    size: Option<u64>,
}

/// Asks the hub for the files of a model, once.
pub(super) fn ask(client: &Client, model: &HubModel) -> Result<Listing, FetchError> {
    let path = format!(
        "/api/models/{}/revision/{}?blobs=true",
        model.repository,
        address::part(&model.revision)
    );
    let answer = client.get(&path, 0, LIST)?;
    if answer.status != 200 {
        return Err(match (answer.status, answer.code()) {
            (_, Some("RevisionNotFound")) => no_revision(model).into(),
            (401 | 403, Some("GatedRepo")) => client.refused(&answer, LIST),
            (_, Some("RepoNotFound")) | (401 | 404, _) => not_on_hub(model).into(),
            _ => client.refused(&answer, LIST),
        });
    }
    let bytes = client.read(answer, LONGEST, LIST)?;
    let listing =
        serde_json::from_slice(&bytes).map_err(|cause| client.failed(LIST, Box::new(Reason::List(cause))))?;
    read(listing, model).map_err(|what| client.untrusted(what).into())
}

/// Checks what the hub sent.
fn read(listing: RepoListing, model: &HubModel) -> Result<Listing, String> {
    let commit = listing.sha.to_ascii_lowercase();
    if !is_commit(&commit) {
        return Err("its commit is not a hash".into());
    }
    if is_commit(&model.revision) && !model.revision.eq_ignore_ascii_case(&commit) {
        return Err(format!(
            "the hub answers with commit {commit} for {}",
            model.revision
        ));
    }
    let files = listing.siblings.into_iter().map(|sibling| {
        let name = sibling.rfilename;
        if let Some(what) = safe::what_is_wrong(&name) {
            return Err(format!(
                "the name of its file {:?}: {what}",
                name.chars().take(200).collect::<String>()
            ));
        }
        let hash = |text: Option<String>, length: usize| {
            let text = text?;
            let text = text.strip_prefix("sha256:").unwrap_or(&text).to_ascii_lowercase();
            let is_hash = text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hash.then_some(text)
        };
        let (size, hash) = match sibling.lfs {
            // The blob of a large file is only a pointer to it.
            Some(lfs) => (lfs.size.or(sibling.size), hash(lfs.sha256.or(lfs.oid), 64)),
            None => (sibling.size, hash(sibling.blob_id, 40)),
        };
        Ok(Listed { name, size, hash })
    });
    Ok(Listing {
        files: files.collect::<Result<_, _>>()?,
        license: listing
            .tags
            .iter()
            .find_map(|tag| Some(tag.strip_prefix("license:")?.to_owned())),
        family: listing.config["model_type"].as_str().map(str::to_owned),
        commit,
    })
}

fn no_revision(model: &HubModel) -> ModelError {
    ModelError::NoRevision {
        repository: model.repository.clone(),
        revision: model.revision.clone(),
    }
}

fn not_on_hub(model: &HubModel) -> ModelError {
    ModelError::NotOnHub {
        repository: model.repository.clone(),
        nearest: known::nearest(&model.name),
    }
}
