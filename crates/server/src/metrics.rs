//! What the daemon counts, for `GET /metrics` (OpenMetrics 1.0).
//!
//! What happens is counted as it happens, in [`Metrics`]. What other parts of the daemon know already, such as the memory
//! it takes and what the listener has counted, is read when somebody asks, into a [`Snapshot`].

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use okibi_dialects::Dialect;
use okibi_engine::{BatchRecord, Embedded, Meter};
use okibi_listener::{Bound, Caller, Refusals};
use okibi_protocol::{method::Status, stage::StageState};
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeLabelSet, EncodeMetric,
        text::{encode_eof, encode_registry},
    },
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
    registry::{Metric, Registry, Unit},
};

use crate::failure::Failure;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    dialect: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDialect {
    dialect: &'static str,
}

/// Buckets of the seconds that requests and batches take, from a tiny model's query to a bulk request.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Buckets of the texts of a batch.
const TEXTS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The prefix of every name.
const PREFIX: &str = "okibi";

/// What is counted as it happens.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<OfRequest, Counter>,
    request_seconds: Family<OfDialect, Histogram>,
    texts: Counter,
    tokens: Counter,
    truncated: Counter,
    /// What the bounds have refused that are not the listener's.
    refusals: Refusals,
    engine: Arc<EngineMetrics>,
}

/// What the engine reports.
pub(crate) struct EngineMetrics {
    queue_seconds: Histogram,
    batch_seconds: Histogram,
    batch_texts: Histogram,
    batches_failed: Counter,
    computed_tokens: Counter,
    padding_tokens: Counter,
    abandoned: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        registry.register(
            "requests",
            "Requests for embeddings that were answered, by dialect and outcome",
            requests.clone(),
        );
        let request_seconds =
            Family::<OfDialect, Histogram>::new_with_constructor(|| Histogram::new(SECONDS));
        registry.register_with_unit(
            "request",
            "Time from the arrival of a request to its answer, of those answered with vectors",
            Unit::Seconds,
            request_seconds.clone(),
        );
        let mut counter = |name, help| registered(&mut registry, name, help, None, Counter::default());
        let texts = counter("texts", "Texts embedded");
        let tokens = counter("tokens", "Tokens embedded, including prompts and special tokens");
        let truncated = counter("truncated_texts", "Texts cut at the model's limit");
        let batches_failed = counter("batches_failed", "Batches that gave no vectors");
        let computed_tokens = counter("computed_tokens", "Tokens computed, without padding");
        let padding_tokens = counter("padding_tokens", "Padding tokens computed beside them");
        let abandoned = counter(
            "abandoned_requests",
            "Requests dropped because their client had gone",
        );
        let seconds = || Histogram::new(SECONDS);
        let mut timing = |name, help| registered(&mut registry, name, help, Some(Unit::Seconds), seconds());
        let queue_seconds = timing(
            "queue",
            "Time from a request's arrival in the queue to its first batch",
        );
        let batch_seconds = timing("batch", "Time that the model computes a batch");
        let texts_of_batch = Histogram::new(TEXTS);
        let batch_texts = registered(
            &mut registry,
            "batch_texts",
            "Texts of a batch",
            None,
            texts_of_batch,
        );
        Self {
            registry,
            requests,
            request_seconds,
            texts,
            tokens,
            truncated,
            refusals: Refusals::default(),
            engine: Arc::new(EngineMetrics {
                queue_seconds,
                batch_seconds,
                batch_texts,
                batches_failed,
                computed_tokens,
                padding_tokens,
                abandoned,
            }),
        }
    }
}

/// Registers a metric and returns it.
fn registered<M: Metric + Clone>(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    metric: M,
) -> M {
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, metric.clone()),
        None => registry.register(name, help, metric.clone()),
    }
    metric
}

impl Metrics {
    /// The meter that the engine reports to.
    pub(crate) fn meter(&self) -> Arc<dyn Meter> {
        self.engine.clone()
    }

    /// Counts the answer to a request for embeddings. `outcome` is `ok`, or the word for what went wrong.
    pub(crate) fn answered(&self, dialect: Dialect, outcome: &'static str, took: Duration) {
        let dialect = dialect.name();
        self.requests.get_or_create(&OfRequest { dialect, outcome }).inc();
        if outcome == OK {
            self.request_seconds
                .get_or_create(&OfDialect { dialect })
                .observe(took.as_secs_f64());
        }
    }

    /// Counts an answer without vectors, and the bound that the request went over.
    pub(crate) fn failed(&self, dialect: Dialect, failure: &Failure, took: Duration) {
        self.answered(dialect, failure.outcome(), took);
        if let Some(bound) = failure.bound() {
            self.refused(bound);
        }
    }

    /// Counts texts that have vectors.
    pub(crate) fn embedded(&self, embedded: &Embedded) {
        self.texts.inc_by(embedded.tokens.len() as u64);
        self.tokens.inc_by(embedded.tokens.iter().sum::<usize>() as u64);
        self.truncated.inc_by(embedded.truncated.len() as u64);
    }

    /// Counts what a bound has refused.
    pub(crate) fn refused(&self, bound: Bound) {
        self.refusals.count(bound);
    }

    /// Everything, as OpenMetrics text.
    pub(crate) fn text(&self, status: &Status, queued_texts: usize, caller: &Caller) -> String {
        let snapshot = Snapshot::new(self, status, queued_texts, caller);
        let mut text = String::new();
        if let Err(error) = self.write(&mut text, snapshot) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }

    fn write(&self, text: &mut String, snapshot: Snapshot) -> fmt::Result {
        let mut read = Registry::with_prefix(PREFIX);
        read.register_collector(Box::new(snapshot));
        encode_registry(text, &self.registry)?;
        encode_registry(text, &read)?;
        encode_eof(text)
    }

    /// Every metric once, each with a sample, for the documentation.
    pub(crate) fn sample() -> String {
        let metrics = Self::default();
        metrics.answered(Dialect::OpenAi, OK, Duration::ZERO);
        let snapshot = Snapshot {
            stages: vec![("model", 0.0)],
            ..Snapshot::default()
        };
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = metrics.write(&mut text, snapshot);
        text
    }
}

/// The outcome of a request that is answered with vectors.
pub(crate) const OK: &str = "ok";

/// What is read when somebody asks.
#[derive(Debug, Default)]
struct Snapshot {
    memory: u64,
    is_ready: bool,
    uptime_seconds: u64,
    queued_texts: usize,
    in_flight: u64,
    open: usize,
    held_bytes: usize,
    unread_bytes: usize,
    /// Seconds of each finished stage of the load.
    stages: Vec<(&'static str, f64)>,
    accepted: u64,
    turned_away: u64,
    websockets: u64,
    dropped: u64,
    refused: [u64; Bound::ALL.len()],
}

impl Snapshot {
    fn new(metrics: &Metrics, status: &Status, queued_texts: usize, caller: &Caller) -> Self {
        let counters = &caller.counters;
        let stages = status.stages.stages().iter();
        let finished = stages.filter(|event| event.state == StageState::Finished);
        Self {
            memory: status.memory_bytes.map_or(0, |bytes| bytes.0),
            is_ready: status.ready,
            uptime_seconds: Duration::from(status.uptime_ms).as_secs(),
            queued_texts,
            in_flight: status.requests_in_flight,
            open: caller.open,
            held_bytes: caller.held_bytes(),
            unread_bytes: caller.unread_bytes(),
            stages: finished
                .map(|event| (event.stage.name(), Duration::from(event.elapsed_ms).as_secs_f64()))
                .collect(),
            accepted: counters.connections.load(Relaxed),
            turned_away: counters.turned_away.load(Relaxed),
            websockets: counters.websockets.load(Relaxed),
            dropped: counters.dropped.load(Relaxed),
            refused: std::array::from_fn(|at| {
                let bound = Bound::ALL[at];
                metrics.refusals.of(bound) + counters.refusals.of(bound)
            }),
        }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = [
            (
                "resident_memory",
                "Memory that the daemon takes",
                Some(Unit::Bytes),
                self.memory,
            ),
            (
                "ready",
                "1 if the model is ready to serve, else 0",
                None,
                self.is_ready.into(),
            ),
            (
                "uptime",
                "Time since the daemon started",
                Some(Unit::Seconds),
                self.uptime_seconds,
            ),
            (
                "queued_texts",
                "Texts that wait or are being computed",
                None,
                self.queued_texts as u64,
            ),
            (
                "requests_in_flight",
                "Requests for embeddings that are being worked on",
                None,
                self.in_flight,
            ),
            ("connections", "Connections that are open", None, self.open as u64),
            (
                "held",
                "Bytes of requests that are being received or worked on",
                Some(Unit::Bytes),
                self.held_bytes as u64,
            ),
            (
                "unread",
                "Bytes of answers that wait for their clients to read them",
                Some(Unit::Bytes),
                self.unread_bytes as u64,
            ),
        ];
        for (name, help, unit, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            ConstGauge::new(value.cast_signed()).encode(metric)?;
        }
        let counters = [
            ("connections_accepted", "Connections accepted", self.accepted),
            (
                "connections_turned_away",
                "Connections turned away because there were too many",
                self.turned_away,
            ),
            ("websockets_opened", "WebSockets opened", self.websockets),
            (
                "clients_dropped",
                "Clients disconnected because they were silent, did not read, or had to make room",
                self.dropped,
            ),
        ];
        for (name, help, value) in counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let help = "Requests, messages and connections that a bound has refused, by bound";
        let mut metric = encoder.encode_descriptor("refused", help, None, MetricType::Counter)?;
        for (bound, count) in Bound::ALL.iter().zip(self.refused) {
            let labels = [("bound", bound.name())];
            ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
        }
        let help = "Time of each finished stage of the first load";
        let unit = Some(&Unit::Seconds);
        let mut metric = encoder.encode_descriptor("load_stage", help, unit, MetricType::Gauge)?;
        for (stage, seconds) in &self.stages {
            let labels = [("stage", *stage)];
            ConstGauge::new(*seconds).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
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
