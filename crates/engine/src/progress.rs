//! How far a request has come.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// How many texts of a request were computed so far. Its clones count together, so that the parts of a long request may
/// share one.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicUsize>);

impl Progress {
    /// Texts computed so far.
    pub fn done(&self) -> usize {
        self.0.load(Relaxed)
    }

    pub(crate) fn add(&self, texts: usize) {
        // It is only shown, and orders nothing.
        self.0.fetch_add(texts, Relaxed);
    }
}

/// The progress of a request in the queue, which computes windows of texts and not texts.
pub(crate) struct Told {
    progress: Progress,
    texts: usize,
    /// Texts that were told of.
    told: usize,
}

impl Told {
    pub(crate) fn new(progress: Progress, texts: usize) -> Self {
        Self {
            progress,
            texts,
            told: 0,
        }
    }

    /// `computed` of all `windows` of the texts are computed now: tells of as many texts.
    pub(crate) fn update(&mut self, computed: usize, windows: usize) {
        let now = self.texts * computed / windows.max(1);
        self.progress.add(now.saturating_sub(self.told));
        self.told = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_told_as_texts_and_parts_count_together() {
        let progress = Progress::default();
        let mut first = Told::new(progress.clone(), 3);
        let mut second = Told::new(progress.clone(), 2);
        first.update(1, 6);
        assert_eq!(progress.done(), 0);
        first.update(4, 6);
        second.update(2, 2);
        assert_eq!(progress.done(), 4);
        first.update(6, 6);
        assert_eq!(progress.done(), 5);
    }
}
