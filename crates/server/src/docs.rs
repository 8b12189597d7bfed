//! Tables of the documentation, written from the code: a test compares them with the pages.

use std::{fmt::Write as _, time::Duration};

use okibi_engine::DEFAULT_QUEUED_TEXTS;
use okibi_listener::{Bound, Limits};
use okibi_protocol::model_ref::MAX_MODEL_NAME;

use crate::{
    MAX_TEXTS, ServeOptions,
    activity::{MAX_CLIENTS, MAX_REQUESTS},
    http::reference::RequestKind,
    metrics::Metrics,
    models::{MAX_LOADS, MAX_PULLS},
};

/// A limit as the documentation lists it.
struct Limit {
    /// What is limited.
    what: &'static str,
    /// The setting that changes it.
    setting: &'static str,
    default: String,
    /// What happens when it is exceeded, over HTTP and over a WebSocket.
    exceeded: &'static str,
    /// How `okibi_refused_total` counts that.
    bounds: &'static [Bound],
}

/// Every limit of the daemon's port, with its default, as a Markdown table.
pub fn limits_table() -> String {
    let mut table = String::from(
        "| limit | default | when it is exceeded | `bound` in metrics |\n| --- | --- | --- | --- |\n",
    );
    for limit in limits() {
        let code = |name: &str| format!("`{name}`");
        let mut what = limit.what.to_owned();
        if !limit.setting.is_empty() {
            what = format!("{what} ({})", code(limit.setting));
        }
        let bounds: Vec<String> = limit.bounds.iter().map(|bound| code(bound.name())).collect();
        let cells = [&what, &limit.default, limit.exceeded, &bounds.join(", ")];
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {} |", cells.join(" | ").replace("|  |", "| |"));
    }
    table
}

/// What happens where a client has to wait, and nothing is refused.
const PAUSES: &str = "nothing more is read from it for now";

/// What happens where the oldest makes room.
const FORGETS: &str = "the oldest is forgotten";

fn limits() -> Vec<Limit> {
    let limits = Limits::default();
    let serve = ServeOptions::default();
    let limit = |what, setting, default, exceeded, bounds| Limit {
        what,
        setting,
        default,
        exceeded,
        bounds,
    };
    vec![
        limit(
            "connections",
            "max_connections",
            grouped(limits.max_connections),
            "connections that have not asked for anything yet are closed to make room; then 503 and −32002, but for 16 more \
             connections that can ask for the status and for a stop",
            &[Bound::Connections],
        ),
        limit(
            "a model's name",
            "",
            format!("{} bytes, no control characters", grouped(MAX_MODEL_NAME)),
            "400; −32602",
            &[],
        ),
        limit(
            "models being loaded",
            "",
            MAX_LOADS.to_string(),
            "429; −32005 with the kind `busy`",
            &[],
        ),
        limit(
            "models being fetched",
            "",
            MAX_PULLS.to_string(),
            "429; −32005 with the kind `busy`",
            &[],
        ),
        limit(
            "a request, or a WebSocket message",
            "max_request_mb",
            size(limits.max_body_bytes.max(limits.max_message_bytes)),
            "413; −32600, then close code 1009",
            &[Bound::BodySize, Bound::FrameSize],
        ),
        limit(
            "texts in a request",
            "max_inputs",
            format!(
                "{}; {} where the answer is streamed",
                grouped(serve.max_inputs),
                grouped(MAX_TEXTS)
            ),
            "400; −32602",
            &[Bound::Inputs],
        ),
        limit(
            "tokens in a request",
            "max_request_tokens",
            grouped(serve.max_request_tokens),
            "400; −32602",
            &[Bound::RequestTokens],
        ),
        limit(
            "tokens of a text",
            "",
            "those of the model".into(),
            "the text is cut, which is reported; or refused with 400 or −32602",
            &[],
        ),
        limit(
            "texts waiting",
            "max_queued_texts",
            grouped(DEFAULT_QUEUED_TEXTS),
            "429 with `Retry-After`; −32002. A request that finds the queue empty is accepted at any size",
            &[Bound::Queue],
        ),
        limit(
            "requests in a JSON-RPC batch",
            "max_batch",
            grouped(limits.max_batch),
            "−32600 for the batch",
            &[Bound::Batch],
        ),
        limit(
            "calls in flight on a WebSocket",
            "",
            limits.max_in_flight.to_string(),
            PAUSES,
            &[],
        ),
        limit(
            "calls of a batch over HTTP that run at the same time",
            "",
            limits.max_in_flight.to_string(),
            "the others wait",
            &[],
        ),
        limit(
            "batches open on a WebSocket",
            "",
            Limits::MAX_OPEN_BATCHES.to_string(),
            PAUSES,
            &[],
        ),
        limit(
            "subscriptions of a WebSocket",
            "",
            limits.max_background.to_string(),
            "−32002",
            &[],
        ),
        limit(
            "requests told by [`get_activity`](wire.md#get_activity)",
            "",
            MAX_REQUESTS.to_string(),
            FORGETS,
            &[],
        ),
        limit("clients told by it", "", MAX_CLIENTS.to_string(), FORGETS, &[]),
        limit(
            "bytes of all requests together",
            "max_buffered_mb",
            size(limits.max_buffered_bytes),
            "503 with `Retry-After`; −32002. Connections that hold more than 1 MB are closed",
            &[Bound::Buffered],
        ),
        limit(
            "unread bytes of all answers together",
            "max_buffered_mb",
            size(limits.max_buffered_bytes),
            "the client with the most unread output is disconnected; a single answer may have any size",
            &[Bound::Unread],
        ),
        limit(
            "unread bytes of the answers on one connection",
            "max_buffered_mb",
            format!("{}, an eighth of that", size(limits.max_unread_bytes())),
            "nothing more is read from it for now; −32002 for the rest of a batch",
            &[Bound::Unread],
        ),
        limit(
            "request line and headers",
            "",
            size(limits.max_header_bytes),
            "431; the connection is closed",
            &[Bound::HeaderSize],
        ),
        limit(
            "time for the request line and headers",
            "header_seconds",
            seconds(limits.header_read_timeout),
            "the connection is closed",
            &[Bound::HeaderTime],
        ),
        limit(
            "time for a request body, or for all parts of a WebSocket message",
            "body_seconds",
            seconds(limits.body_read_timeout),
            "408; −32600, then close code 1008",
            &[Bound::BodyTime],
        ),
        limit(
            "time in which a client reads nothing",
            "write_seconds",
            seconds(limits.write_timeout),
            "the client is disconnected",
            &[Bound::WriteTime],
        ),
        limit(
            "time between two pings of a WebSocket",
            "ping_seconds",
            seconds(limits.ping_interval),
            "the client is disconnected when nothing comes for another such time",
            &[Bound::Ping],
        ),
        limit(
            "[who may ask](http.md#access)",
            "",
            "this machine".into(),
            "400, 401 or 403; −32004",
            &[Bound::Host, Bound::Origin, Bound::Token],
        ),
    ]
}

/// The fields of the requests that are sent to `path`, as a Markdown table; empty for a path that has none.
pub fn fields_table(path: &str) -> String {
    let kinds = RequestKind::all();
    let kind = kinds.iter().find(|kind| kind.path == path);
    kind.map(RequestKind::fields_table).unwrap_or_default()
}

/// Every metric, as a Markdown table.
pub fn metrics_table() -> String {
    let sample = Metrics::sample();
    let mut table = String::from("| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n");
    for line in sample.lines() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let kind = sample
            .lines()
            .find_map(|line| {
                line.strip_prefix("# TYPE ")?
                    .strip_prefix(name)?
                    .strip_prefix(' ')
            })
            .unwrap_or_default();
        let name = match kind {
            "counter" => format!("{name}_total"),
            _ => name.to_owned(),
        };
        let labels = labels(&sample, &name).join(", ");
        let help = help.strip_suffix('.').unwrap_or(help);
        // Writing to a string cannot fail.
        let row = format!("| `{name}` | {kind} | {labels} | {help} |");
        let _ = writeln!(table, "{}", row.replace("|  |", "| |"));
    }
    table
}

/// The labels of a metric's first sample, but for a histogram's buckets.
fn labels(sample: &str, name: &str) -> Vec<String> {
    let first = sample.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = rest.strip_prefix("_sum").unwrap_or(rest);
        Some(rest.strip_prefix('{')?.split_once('}')?.0)
    });
    let each = first.into_iter().flat_map(|labels| labels.split(','));
    each.filter_map(|label| Some(format!("`{}`", label.split_once('=')?.0)))
        .collect()
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

fn size(bytes: usize) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_is_in_the_table() {
        let table = limits_table();
        for bound in Bound::ALL {
            assert!(table.contains(&format!("`{}`", bound.name())), "{}", bound.name());
        }
    }

    #[test]
    fn every_metric_has_a_type_and_a_sentence() {
        let table = metrics_table();
        for row in [
            "| `okibi_requests_total` | counter | `dialect`, `outcome` | Requests for embeddings that were answered",
            "| `okibi_request_seconds` | histogram | `dialect` | ",
            "| `okibi_refused_total` | counter | `bound` | ",
            "| `okibi_connections_accepted_total` | counter | | ",
            "| `okibi_ready` | gauge | | 1 if the model is ready to serve, else 0 |",
        ] {
            assert!(table.contains(row), "{row} is not in\n{table}");
        }
    }
}
