//! A request for embeddings, from its arrival to its answer: what becomes known of it on the way.

use std::{sync::Arc, time::Instant};

use okibi_dialects::Dialect;
use okibi_engine::{Embedded, SpaceId};
use okibi_listener::Peer;
use parking_lot::Mutex;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// The other end of the connection.
    pub(crate) peer: Arc<Peer>,
    /// What the client calls itself, or nothing.
    pub(crate) name: Arc<str>,
}

impl Asker {
    /// What to call the client: as it calls itself, else as its program is called, where that is known by now.
    pub(crate) fn shown(&self) -> String {
        let program = || self.peer.program().flatten();
        match &*self.name {
            "" => program().map_or_else(String::new, |program| program.name.clone()),
            name => name.to_owned(),
        }
    }
}

/// A request for embeddings that is being worked on.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) dialect: Dialect,
    pub(crate) asker: Asker,
    pub(crate) began: Instant,
    /// Written by the one task that works on the request, so nobody ever waits for it.
    found: Mutex<Found>,
}

/// What is known of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The model that embeds it.
    pub(crate) model: Option<String>,
    /// The space of its vectors.
    pub(crate) space: Option<SpaceId>,
    pub(crate) texts: u64,
    pub(crate) tokens: u64,
    pub(crate) truncated: u64,
}

impl Request {
    /// A request that has just arrived.
    pub(crate) fn new(dialect: Dialect, asker: Asker) -> Arc<Self> {
        Arc::new(Self {
            dialect,
            asker,
            began: Instant::now(),
            found: Mutex::default(),
        })
    }

    /// It has so many texts, for this model.
    pub(crate) fn read(&self, model: &str, texts: usize) {
        let mut found = self.found.lock();
        found.model = Some(model.to_owned());
        found.texts = texts as u64;
    }

    /// These of its texts have vectors now.
    pub(crate) fn embedded(&self, embedded: &Embedded) {
        let mut found = self.found.lock();
        found.space = Some(embedded.space.clone());
        found.tokens += embedded.tokens.iter().sum::<usize>() as u64;
        found.truncated += embedded.truncated.len() as u64;
    }

    /// What is known of it so far.
    pub(crate) fn found(&self) -> Found {
        self.found.lock().clone()
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The kind of its error.
    pub(crate) error: Option<&'static str>,
}

impl Outcome {
    /// It was answered with vectors.
    pub(crate) const OK: Self = Self {
        status: 200,
        error: None,
    };

    /// Whether it was not answered with vectors.
    pub(crate) fn is_error(self) -> bool {
        self.status >= 400
    }
}
