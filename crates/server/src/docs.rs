//! Tables of the documentation, written from the code: a test compares them with the pages.

use std::{fmt::Write as _, time::Duration};

use okibi_engine::DEFAULT_QUEUED_TEXTS;
use okibi_listener::{Bound, Limits};

use crate::{MAX_TEXTS, ServeOptions, metrics::Metrics};

/// A bound as the documentation lists it.
struct Row {
    /// What is bounded, with its value.
    what: String,
    /// The setting that changes it.
    setting: Option<&'static str>,
    /// What happens over it, on HTTP and on a WebSocket.
    over: &'static str,
    /// Its name in `okibi_refused_total`.
    bound: Option<Bound>,
}

/// Every bound of the daemon's port, with its default, as a Markdown table.
pub fn bounds_table() -> String {
    let limits = Limits::default();
    let serve = ServeOptions::default();
    let mut table =
        String::from("| bound | setting | over it | `bound` in metrics |\n| --- | --- | --- | --- |\n");
    for Row {
        what,
        setting,
        over,
        bound,
    } in rows(&limits, &serve)
    {
        let code = |name: &str| format!("`{name}`");
        let setting = setting.map(code).unwrap_or_default();
        let bound = bound.map(Bound::name).map(code).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {what} | {setting} | {over} | {bound} |");
    }
    table
}

fn rows(limits: &Limits, serve: &ServeOptions) -> Vec<Row> {
    let row = |what: String, setting, over, bound| Row {
        what,
        setting,
        over,
        bound,
    };
    vec![
        row(
            format!("{} connections", grouped(limits.max_connections)),
            Some("max_connections"),
            "connections that have asked nothing yet make room; then 503",
            Some(Bound::Connections),
        ),
        row(
            format!("{} of an HTTP request's body", size(limits.max_body_bytes)),
            Some("max_request_mb"),
            "413",
            Some(Bound::BodySize),
        ),
        row(
            format!("{} of a WebSocket message", size(limits.max_message_bytes)),
            Some("max_request_mb"),
            "−32600, then close code 1009",
            Some(Bound::FrameSize),
        ),
        row(
            format!(
                "{} of a request's line and headers",
                size(limits.max_header_bytes)
            ),
            None,
            "431; the connection is closed",
            Some(Bound::HeaderSize),
        ),
        row(
            format!(
                "{} for a request's line and headers",
                seconds(limits.header_read_timeout)
            ),
            Some("header_seconds"),
            "the connection is closed",
            Some(Bound::HeaderTime),
        ),
        row(
            format!("{} for a request's body", seconds(limits.body_read_timeout)),
            Some("body_seconds"),
            "408",
            Some(Bound::BodyTime),
        ),
        row(
            format!(
                "{} held by all requests together",
                size(limits.max_buffered_bytes)
            ),
            Some("max_buffered_mb"),
            "503 with `Retry-After`, or −32002; connections that hold more than 1 MiB are cut",
            Some(Bound::Buffered),
        ),
        row(
            format!(
                "{} of answers that wait to be read, of all clients",
                size(limits.max_buffered_bytes)
            ),
            Some("max_buffered_mb"),
            "the connection that holds most of it is cut; a single answer may be of any size",
            Some(Bound::Unread),
        ),
        row(
            format!(
                "{} of that on one connection: an eighth",
                size(limits.max_unread_bytes())
            ),
            Some("max_buffered_mb"),
            "nothing more is read from it; −32002 for the rest of a batch",
            Some(Bound::Unread),
        ),
        row(
            format!(
                "{} texts a request; {} if the answer is streamed",
                grouped(serve.max_inputs),
                grouped(MAX_TEXTS)
            ),
            Some("max_inputs"),
            "400, or −32602",
            Some(Bound::Inputs),
        ),
        row(
            format!("{} tokens a request", grouped(serve.max_request_tokens)),
            Some("max_request_tokens"),
            "400, or −32602",
            Some(Bound::RequestTokens),
        ),
        row(
            format!("{} texts waiting", grouped(DEFAULT_QUEUED_TEXTS)),
            Some("max_queued_texts"),
            "429 with `Retry-After`, or −32002; a request that finds the queue empty is taken at any size",
            Some(Bound::Queue),
        ),
        row(
            "tokens of a text: the model's limit".into(),
            None,
            "the text is cut and reported, or 400, or −32602",
            None,
        ),
        row(
            format!("{} requests in a batch", grouped(limits.max_batch)),
            None,
            "−32600 for the batch",
            Some(Bound::Batch),
        ),
        row(
            format!(
                "{} calls in flight on a WebSocket, or of one batch over HTTP",
                limits.max_in_flight
            ),
            None,
            "the others wait; nothing more is read",
            None,
        ),
        row(
            format!("{} batches open on a WebSocket", Limits::MAX_OPEN_BATCHES),
            None,
            "nothing more is read",
            None,
        ),
        row(
            format!("{} subscriptions of a WebSocket", limits.max_background),
            None,
            "−32002",
            None,
        ),
        row(
            format!(
                "{} in which a client reads nothing",
                seconds(limits.write_timeout)
            ),
            Some("write_seconds"),
            "the client is disconnected",
            Some(Bound::WriteTime),
        ),
        row(
            format!(
                "{} between two pings of a WebSocket",
                seconds(limits.ping_interval)
            ),
            Some("ping_seconds"),
            "a client from which nothing comes for another such time is disconnected",
            Some(Bound::Ping),
        ),
        row(
            "the `Host` of a request".into(),
            Some("allowed_hosts"),
            "400 without one, 403 for a foreign one",
            Some(Bound::Host),
        ),
        row(
            "the `Origin` of a web page".into(),
            Some("allowed_origins"),
            "403",
            Some(Bound::Origin),
        ),
        row(
            "the token".into(),
            Some("require_token"),
            "401; 403 or −32004 without the right",
            Some(Bound::Token),
        ),
    ]
}

/// Every metric, as a Markdown table.
pub fn metrics_table() -> String {
    let sample = Metrics::sample();
    let mut table = String::from("| metric | type | labels | |\n| --- | --- | --- | --- |\n");
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
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} |");
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
        let table = bounds_table();
        for bound in Bound::ALL {
            assert!(
                table.contains(&format!("| `{}` |", bound.name())),
                "{}",
                bound.name()
            );
        }
        assert!(table.contains("100,000") && table.contains("32 MiB"), "{table}");
    }

    #[test]
    fn every_metric_has_a_type_and_a_sentence() {
        let table = metrics_table();
        for row in [
            "| `okibi_requests_total` | counter | `dialect`, `outcome` | Requests for embeddings that were answered",
            "| `okibi_request_seconds` | histogram | `dialect` | ",
            "| `okibi_refused_total` | counter | `bound` | ",
            "| `okibi_connections_accepted_total` | counter |  | ",
            "| `okibi_ready` | gauge |  | 1 if the model is ready to serve, else 0 |",
        ] {
            assert!(table.contains(row), "{row} is not in\n{table}");
        }
    }
}
