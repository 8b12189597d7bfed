//! What the daemon counts, for `GET /metrics` (OpenMetrics 1.0) and the status.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use okibi_engine::{BatchRecord, Embedded, Meter};
use okibi_listener::{Bound, Caller, Refusals};
use okibi_protocol::{method::Status, stage::StageState};
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::failure::Failure;

/// The language a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// JSON-RPC, over WebSocket or HTTP.
    JsonRpc,
    /// OpenAI's.
    OpenAi,
    /// Ollama's.
    Ollama,
    /// That of text-embeddings-inference.
    Tei,
}

impl EncodeLabelValue for Dialect {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let name = match self {
            Self::JsonRpc => "jsonrpc",
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
            Self::Tei => "tei",
        };
        name.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    dialect: Dialect,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDialect {
    dialect: Dialect,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStage {
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfBound {
    bound: &'static str,
}

/// Seconds that requests and batches take, from a tiny model's query to a bulk request.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Texts of a batch.
const TEXTS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// See the module.
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<OfRequest, Counter>,
    request_seconds: Family<OfDialect, Histogram>,
    texts: Counter,
    tokens: Counter,
    truncated: Counter,
    /// What each bound has refused; brought up to date when somebody asks.
    refused: Family<OfBound, Counter>,
    /// What the bounds have refused that the listener does not know.
    own: Refusals,
    gauges: Gauges,
    engine: Arc<EngineMetrics>,
}

/// What the engine tells.
pub(crate) struct EngineMetrics {
    queue_seconds: Histogram,
    batch_seconds: Histogram,
    batch_texts: Histogram,
    batches_failed: Counter,
    computed_tokens: Counter,
    padding_tokens: Counter,
    abandoned: Counter,
}

/// What is looked at when somebody asks.
#[derive(Default)]
struct Gauges {
    memory: Gauge,
    ready: Gauge,
    uptime: Gauge,
    queued_texts: Gauge,
    in_flight: Gauge,
    connections: Gauge,
    held_bytes: Gauge,
    unread_bytes: Gauge,
    stage_seconds: Family<OfStage, Gauge<f64, std::sync::atomic::AtomicU64>>,
    accepted: Gauge,
    turned_away: Gauge,
    websockets: Gauge,
    dropped: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("okibi");
        let requests = Family::default();
        let request_seconds =
            Family::<OfDialect, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        let (texts, tokens, truncated) = (Counter::default(), Counter::default(), Counter::default());
        registry.register(
            "requests",
            "Requests for embeddings, by dialect and outcome",
            requests.clone(),
        );
        registry.register_with_unit(
            "request",
            "From a request's arrival to its answer",
            Unit::Seconds,
            request_seconds.clone(),
        );
        registry.register("texts", "Texts embedded", texts.clone());
        registry.register(
            "tokens",
            "Tokens embedded, prompts and special tokens included",
            tokens.clone(),
        );
        registry.register(
            "truncated_texts",
            "Texts cut at the model's limit",
            truncated.clone(),
        );
        let engine = Arc::new(EngineMetrics {
            queue_seconds: Histogram::new(SECONDS),
            batch_seconds: Histogram::new(SECONDS),
            batch_texts: Histogram::new(TEXTS),
            batches_failed: Counter::default(),
            computed_tokens: Counter::default(),
            padding_tokens: Counter::default(),
            abandoned: Counter::default(),
        });
        registry.register_with_unit(
            "queue",
            "From a request's arrival in the queue to its first batch",
            Unit::Seconds,
            engine.queue_seconds.clone(),
        );
        registry.register_with_unit(
            "batch",
            "Inference of a batch",
            Unit::Seconds,
            engine.batch_seconds.clone(),
        );
        registry.register("batch_texts", "Texts of a batch", engine.batch_texts.clone());
        registry.register(
            "batches_failed",
            "Batches that gave no vectors",
            engine.batches_failed.clone(),
        );
        registry.register(
            "computed_tokens",
            "Tokens computed, without padding",
            engine.computed_tokens.clone(),
        );
        registry.register(
            "padding_tokens",
            "Padding computed beside them",
            engine.padding_tokens.clone(),
        );
        registry.register(
            "abandoned_requests",
            "Requests dropped because their client had gone",
            engine.abandoned.clone(),
        );
        let refused = Family::default();
        registry.register("refused", "What each bound has refused", refused.clone());
        let gauges = Gauges::default();
        gauges.register(&mut registry);
        Self {
            registry: Mutex::new(registry),
            requests,
            request_seconds,
            texts,
            tokens,
            truncated,
            refused,
            own: Refusals::default(),
            gauges,
            engine,
        }
    }
}

impl Gauges {
    fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "resident_memory",
            "Resident memory",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register(
            "ready",
            "1 when an embedding is to be had, else 0",
            self.ready.clone(),
        );
        registry.register_with_unit(
            "uptime",
            "Since the daemon began",
            Unit::Seconds,
            self.uptime.clone(),
        );
        registry.register(
            "queued_texts",
            "Texts that wait or are being computed",
            self.queued_texts.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests being worked on",
            self.in_flight.clone(),
        );
        registry.register("connections", "Connections open", self.connections.clone());
        registry.register_with_unit(
            "held",
            "Bytes of requests being received or worked on",
            Unit::Bytes,
            self.held_bytes.clone(),
        );
        registry.register_with_unit(
            "unread",
            "Bytes of answers that wait to be read",
            Unit::Bytes,
            self.unread_bytes.clone(),
        );
        registry.register_with_unit(
            "load_stage",
            "Time of each finished stage of the load",
            Unit::Seconds,
            self.stage_seconds.clone(),
        );
        registry.register(
            "connections_accepted",
            "Connections accepted so far",
            self.accepted.clone(),
        );
        registry.register(
            "connections_turned_away",
            "Connections over the limit so far",
            self.turned_away.clone(),
        );
        registry.register(
            "websockets_opened",
            "WebSockets opened so far",
            self.websockets.clone(),
        );
        registry.register(
            "clients_dropped",
            "Clients dropped so far: silent, or not reading",
            self.dropped.clone(),
        );
    }

    fn look(&self, status: &Status, queued_texts: usize, caller: &Caller) {
        let counts = &caller.counters;
        let of = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Relaxed).cast_signed()
        };
        self.memory
            .set(status.memory_bytes.map_or(0, |bytes| bytes.0.cast_signed()));
        self.ready.set(i64::from(status.ready));
        self.uptime
            .set(Duration::from(status.uptime_ms).as_secs().cast_signed());
        self.queued_texts.set(queued_texts as i64);
        self.in_flight.set(status.requests_in_flight.cast_signed());
        self.connections.set(caller.open as i64);
        self.held_bytes.set(caller.held_bytes() as i64);
        self.unread_bytes.set(caller.unread_bytes() as i64);
        self.accepted.set(of(&counts.connections));
        self.turned_away.set(of(&counts.turned_away));
        self.websockets.set(of(&counts.websockets));
        self.dropped.set(of(&counts.dropped));
        for event in status.stages.stages() {
            if event.state == StageState::Finished {
                let stage = OfStage {
                    stage: event.stage.name(),
                };
                let seconds = Duration::from(event.elapsed_ms).as_secs_f64();
                self.stage_seconds.get_or_create(&stage).set(seconds);
            }
        }
    }
}

impl Metrics {
    /// What the engine is to be told to tell.
    pub(crate) fn meter(&self) -> Arc<dyn Meter> {
        self.engine.clone()
    }

    /// A request was answered with vectors.
    pub(crate) fn answered(&self, dialect: Dialect, embedded: &Embedded, took: Duration) {
        self.count(dialect, "ok");
        self.request_seconds
            .get_or_create(&OfDialect { dialect })
            .observe(took.as_secs_f64());
        self.texts.inc_by(embedded.tokens.len() as u64);
        self.tokens.inc_by(embedded.tokens.iter().sum::<usize>() as u64);
        self.truncated.inc_by(embedded.truncated.len() as u64);
    }

    /// A request was answered with an error.
    pub(crate) fn failed(&self, dialect: Dialect, failure: &Failure) {
        self.count(dialect, failure.outcome());
        if let Some(bound) = failure.bound() {
            self.own.count(bound);
        }
    }

    /// A bound has refused something that was no request for embeddings.
    pub(crate) fn refused(&self, bound: Bound) {
        self.own.count(bound);
    }

    fn count(&self, dialect: Dialect, outcome: &'static str) {
        self.requests.get_or_create(&OfRequest { dialect, outcome }).inc();
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn text(&self, status: &Status, queued_texts: usize, caller: &Caller) -> String {
        self.gauges.look(status, queued_texts, caller);
        for bound in Bound::ALL {
            let count = self.own.of(*bound) + caller.counters.refusals.of(*bound);
            let refused = OfBound { bound: bound.name() };
            self.refused.get_or_create(&refused).inner().store(count, Relaxed);
        }
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }
}

impl Meter for EngineMetrics {
    fn batch(&self, batch: &BatchRecord) {
        self.batch_seconds.observe(batch.took.as_secs_f64());
        self.batch_texts.observe(batch.texts as f64);
        self.computed_tokens.inc_by(batch.tokens as u64);
        self.padding_tokens.inc_by((batch.padded - batch.tokens) as u64);
        if !batch.is_ok {
            self.batches_failed.inc();
        }
    }

    fn queued(&self, waited: Duration) {
        self.queue_seconds.observe(waited.as_secs_f64());
    }

    fn abandoned(&self) {
        self.abandoned.inc();
    }
}
