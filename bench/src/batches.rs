//! How long the daemon's batches took, from its `/metrics`.

use std::{net::Ipv4Addr, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The name of the histogram.
const HISTOGRAM: &str = "okibi_batch_seconds";

/// The batches so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Batches {
    seconds: f64,
    count: f64,
    /// Bounds in seconds, and how many batches took at most that.
    buckets: Vec<(f64, f64)>,
}

impl Batches {
    /// Reads the histogram of the daemon on `port`.
    pub(crate) async fn look(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let head = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Self::read(&text)
    }

    fn read(metrics: &str) -> Result<Self> {
        let mut read = Self::default();
        for line in metrics.lines() {
            let Some((name, value)) = line.strip_prefix(HISTOGRAM).and_then(|line| line.split_once(' '))
            else {
                continue;
            };
            let number = || {
                value
                    .trim()
                    .parse::<f64>()
                    .with_context(|| format!("read {line:?}"))
            };
            match name {
                "_sum" => read.seconds = number()?,
                "_count" => read.count = number()?,
                name => {
                    let bound = name
                        .strip_prefix("_bucket{le=\"")
                        .and_then(|rest| rest.strip_suffix("\"}"));
                    let Some(bound) = bound else { continue };
                    let bound = match bound {
                        "+Inf" => f64::INFINITY,
                        bound => bound.parse().with_context(|| format!("read {line:?}"))?,
                    };
                    read.buckets.push((bound, number()?));
                }
            }
        }
        Ok(read)
    }

    /// The batches since `before`.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let buckets = self.buckets.iter().zip(&before.buckets);
        Self {
            seconds: self.seconds - before.seconds,
            count: self.count - before.count,
            buckets: buckets
                .map(|((bound, now), (_, then))| (*bound, now - then))
                .collect(),
        }
    }

    /// The number of batches.
    pub(crate) fn count(&self) -> f64 {
        self.count
    }

    /// The mean; `None` without batches.
    pub(crate) fn mean(&self) -> Option<Duration> {
        (self.count > 0.0).then(|| Duration::from_secs_f64(self.seconds / self.count))
    }

    /// The smallest bound of the histogram that covers 99 of 100 batches; `None` if that is only the open bucket.
    pub(crate) fn p99_bound(&self) -> Option<Duration> {
        let enough = self
            .buckets
            .iter()
            .find(|(_, count)| *count >= self.count * 0.99)?;
        (self.count > 0.0 && enough.0.is_finite()).then(|| Duration::from_secs_f64(enough.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_those_between_two_looks() {
        let text = |sum, counts: [u32; 3]| {
            let [first, second, all] = counts;
            format!(
                "HTTP/1.1 200 OK\r\n\r\n# TYPE okibi_batch_seconds histogram\nokibi_batch_seconds_sum {sum}\n\
                 okibi_batch_seconds_count {all}\nokibi_batch_seconds_bucket{{le=\"0.1\"}} {first}\n\
                 okibi_batch_seconds_bucket{{le=\"0.25\"}} {second}\nokibi_batch_seconds_bucket{{le=\"+Inf\"}} {all}\n"
            )
        };
        let before = Batches::read(&text(1.0, [10, 10, 10])).unwrap();
        let after = Batches::read(&text(11.0, [60, 110, 110])).unwrap();
        let between = after.since(&before);
        assert_eq!(between.count(), 100.0);
        assert_eq!(between.mean(), Some(Duration::from_millis(100)));
        assert_eq!(between.p99_bound(), Some(Duration::from_millis(250)));
        let none = after.since(&after);
        assert_eq!((none.mean(), none.p99_bound()), (None, None));
    }
}
