//! The texts that are searched on the page to try it, with their vectors, in memory and nowhere else.
//!
//! One set of texts is there at a time; a number, `run`, names it, so that work on texts that were replaced meanwhile ends at its
//! next step and its results are dropped.

use std::{cmp::Ordering, sync::Arc};

use parking_lot::Mutex;

use crate::{
    contract::{Hit, SearchState, SearchView},
    texts::Text,
};

/// Texts that a search finds at the most.
const HITS: usize = 10;

/// See the module. The lock is for the pages' commands and the task that embeds; nothing is awaited while it is held.
#[derive(Clone, Default)]
pub(crate) struct Search(Arc<Mutex<Content>>);

/// What is searched.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) run: u64,
    pub(crate) view: SearchView,
    pub(crate) texts: Arc<Vec<Text>>,
    /// Vectors of the first texts, one after the other.
    pub(crate) vectors: Arc<Vec<f32>>,
    /// The space that they are in.
    pub(crate) space: String,
}

impl Search {
    pub(crate) fn view(&self) -> SearchView {
        self.0.lock().view.clone()
    }

    /// Whether the texts of this run are the ones that are searched.
    pub(crate) fn is_current(&self, run: u64) -> bool {
        self.0.lock().run == run
    }

    /// The run, its texts, the vectors that are there, and their space.
    pub(crate) fn searched(&self) -> (u64, Arc<Vec<Text>>, Arc<Vec<f32>>, String) {
        let content = self.0.lock();
        let (texts, vectors) = (Arc::clone(&content.texts), Arc::clone(&content.vectors));
        (content.run, texts, vectors, content.space.clone())
    }

    /// Begins with other texts, whatever is there; returns the number of the run.
    pub(crate) fn begin(&self, view: SearchView) -> u64 {
        let mut content = self.0.lock();
        *content = Content {
            run: content.run + 1,
            view,
            ..Content::default()
        };
        content.run
    }

    /// Changes what belongs to a run, unless other texts have replaced its own.
    pub(crate) fn change(&self, run: u64, change: impl FnOnce(&mut Content)) -> bool {
        let mut content = self.0.lock();
        let is_current = content.run == run;
        if is_current {
            change(&mut content);
        }
        is_current
    }

    /// Says why the texts of a run cannot be searched.
    pub(crate) fn fail(&self, run: u64, message: String) {
        self.change(run, |content| {
            content.view.state = SearchState::Failed;
            content.view.message = Some(message);
        });
    }
}

/// The texts whose unit vectors have the largest dot products with the query's, which are cosines, the largest first; equal ones in
/// the order of the texts.
pub(crate) fn nearest(query: &[f32], texts: &[Text], vectors: &[f32]) -> Vec<Hit> {
    let scores = vectors
        .chunks_exact(query.len().max(1))
        .map(|vector| vector.iter().zip(query).map(|(a, b)| a * b).sum::<f32>());
    let mut ranked: Vec<(f32, &Text)> = scores.zip(texts).collect();
    let larger =
        |one: &(f32, &Text), other: &(f32, &Text)| other.0.partial_cmp(&one.0).unwrap_or(Ordering::Equal);
    ranked.sort_by(larger);
    ranked.truncate(HITS);
    ranked
        .into_iter()
        .map(|(score, text)| Hit {
            text: text.text.clone(),
            place: text.place.clone(),
            score,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_only_those_that_are_embedded() {
        let text = |text: &str| Text {
            text: text.into(),
            place: None,
        };
        let texts = [
            text("east"),
            text("north"),
            text("north-east"),
            text("not embedded yet"),
        ];
        let vectors = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8];
        let hits = nearest(&[0.0, 1.0], &texts, &vectors);
        let found: Vec<(&str, f32)> = hits.iter().map(|hit| (hit.text.as_str(), hit.score)).collect();
        assert_eq!(found, [("north", 1.0), ("north-east", 0.8), ("east", 0.0)]);
    }

    #[test]
    fn what_belongs_to_replaced_texts_changes_nothing() {
        let search = Search::default();
        let old = search.begin(SearchView::default());
        let new = search.begin(SearchView::default());
        assert!(!search.change(old, |content| content.view.done = 7));
        search.fail(old, "late".into());
        assert!(search.change(new, |content| content.view.done = 1));
        assert_eq!((search.view().done, search.view().message), (1, None));
    }
}
