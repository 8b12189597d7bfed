//! fastembed's catalogue of models: names, files, pooling.

use fastembed::{EmbeddingModel, ModelInfo, TextEmbedding};

use crate::{error::LoadError, pooling::Pooling, source::DEFAULT_MODEL};

/// Names proposed for an unknown one.
const SUGGESTIONS: usize = 3;

/// A model of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    /// Its repository on the hub, which is also its name here.
    pub repository: String,
    /// The ONNX file in it.
    pub model_file: String,
    /// Files the ONNX file refers to.
    pub additional_files: Vec<String>,
    /// Length of a vector.
    pub dimension: usize,
    /// One sentence about it.
    pub description: String,
    /// Its pooling, for repositories that do not say.
    pub pooling: Pooling,
}

/// Every model of the catalogue, in its order, one per name: the first, unquantised where there are both.
pub fn catalogue() -> Vec<CatalogueEntry> {
    let mut entries: Vec<CatalogueEntry> = Vec::new();
    for info in TextEmbedding::list_supported_models() {
        if !entries.iter().any(|known| known.repository == info.model_code) {
            entries.push(entry(info));
        }
    }
    entries
}

fn entry(info: ModelInfo<EmbeddingModel>) -> CatalogueEntry {
    let pooling = match TextEmbedding::get_default_pooling_method(&info.model) {
        Some(fastembed::Pooling::Mean) => Pooling::Mean,
        Some(fastembed::Pooling::Cls) | None => Pooling::Cls,
    };
    CatalogueEntry {
        repository: info.model_code,
        model_file: info.model_file,
        additional_files: info.additional_files,
        dimension: info.dim,
        description: info.description,
        pooling,
    }
}

/// Finds `name`: a whole repository name, or the part after its slash where that is unambiguous; case is ignored.
pub(super) fn find(name: &str) -> Result<CatalogueEntry, LoadError> {
    let entries = catalogue();
    let short = |entry: &CatalogueEntry| {
        entry
            .repository
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_lowercase()
    };
    let wanted = name.to_lowercase();
    if let Some(entry) = entries
        .iter()
        .find(|entry| entry.repository.to_lowercase() == wanted)
    {
        return Ok(entry.clone());
    }
    let mut by_short = entries.iter().filter(|entry| short(entry) == wanted);
    if let (Some(entry), None) = (by_short.next(), by_short.next()) {
        return Ok(entry.clone());
    }
    // The embedded model first: of two equally near names it is the one that is here.
    let mut near: Vec<(f64, String)> = [(
        DEFAULT_MODEL.to_owned(),
        DEFAULT_MODEL.to_owned(),
        DEFAULT_MODEL.to_owned(),
    )]
    .into_iter()
    .chain(entries.iter().map(|entry| {
        (
            entry.repository.to_lowercase(),
            short(entry),
            entry.repository.clone(),
        )
    }))
    .map(|(whole, short, name)| {
        (
            strsim::jaro_winkler(&wanted, &whole).max(strsim::jaro_winkler(&wanted, &short)),
            name,
        )
    })
    .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest = near
        .into_iter()
        .take(SUGGESTIONS)
        .map(|(_, repository)| repository)
        .collect();
    Err(LoadError::UnknownModel {
        name: name.to_owned(),
        nearest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whole_or_by_their_last_part_in_any_case() {
        for (asked, found) in [
            ("intfloat/multilingual-e5-base", "intfloat/multilingual-e5-base"),
            ("baai/BGE-M3", "BAAI/bge-m3"),
            ("bge-m3", "BAAI/bge-m3"),
        ] {
            assert_eq!(find(asked).unwrap().repository, found);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_nearest() {
        let Err(LoadError::UnknownModel { nearest, .. }) = find("multilingual-e5-smal") else {
            panic!("the name is unknown");
        };
        assert_eq!(nearest[0], DEFAULT_MODEL);
        assert_eq!(nearest.len(), SUGGESTIONS);
    }
}
