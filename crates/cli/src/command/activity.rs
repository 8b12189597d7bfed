//! `okibi activity`: who is connected, and what the last requests were.

use std::time::Duration;

use okibi_protocol::method::{Activity, RecentRequest};

use crate::{
    activity_view::{self, RequestTable},
    args::ActivityArgs,
    failure::{Exit, Failure},
    front::Front,
    style,
};

/// Time between two looks of a followed activity, which nobody tells of by itself.
const LOOK: Duration = Duration::from_secs(1);

/// Shows the activity; with `--follow`, then each further request until Ctrl-C.
pub(crate) async fn run(front: &Front, args: &ActivityArgs) -> Result<Exit, Failure> {
    let (port, client, _) = front.connect().await?;
    let ask = async || {
        let asked = client.activity().await;
        asked.map_err(|error| Failure::client(port, error))
    };
    let mut activity = ask().await?;
    let mut shown = Shown::default();
    let mut table = RequestTable::new(front.lang);
    // What has come since is not cut.
    shown.take(&activity.requests);
    activity.requests.truncate(args.limit);
    if args.json {
        style::say_json(&activity)?;
    } else {
        for line in activity_view::lines(&activity, &mut table, front.lang) {
            style::say(line)?;
        }
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            // Where Ctrl-C cannot be heard, it ends the process by itself.
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            _ = looks.tick() => {}
        }
        let mut now: Activity = ask().await?;
        let new = shown.take(&now.requests);
        if args.json {
            now.requests.truncate(new);
            if now != activity {
                style::say_json(&now)?;
            }
            activity = now;
        } else {
            for line in table.lines(&now.requests[..new]) {
                style::say(line)?;
            }
        }
    }
}

/// Which requests have been shown.
#[derive(Debug, Default)]
struct Shown {
    last_at_ms: u64,
    /// How many of those of that millisecond.
    of_last: usize,
}

impl Shown {
    /// Returns how many of the requests, whose newest is the first, have not been shown yet, and counts them as shown.
    fn take(&mut self, requests: &[RecentRequest]) -> usize {
        let since = requests.iter().filter(|request| request.at_ms >= self.last_at_ms);
        let new = since.count().saturating_sub(self.of_last);
        if let Some(newest) = requests.first() {
            self.last_at_ms = newest.at_ms;
            let of_newest = requests.iter().filter(|request| request.at_ms == newest.at_ms);
            self.of_last = of_newest.count();
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_new_once_also_within_a_millisecond() {
        let request = |at_ms| RecentRequest {
            at_ms,
            client: String::new(),
            dialect: "tei".into(),
            model: None,
            texts: 1,
            tokens: 1,
            truncated: 0,
            took_ms: 1.0,
            status: 200,
            error: None,
            refusal: None,
            origin: None,
        };
        let of = |times: &[u64]| times.iter().map(|at| request(*at)).collect::<Vec<_>>();
        let mut shown = Shown::default();
        assert_eq!(shown.take(&[]), 0);
        assert_eq!(shown.take(&of(&[5, 3])), 2);
        assert_eq!(shown.take(&of(&[5, 3])), 0);
        assert_eq!(shown.take(&of(&[5, 5, 3])), 1);
        assert_eq!(shown.take(&of(&[9, 8, 5, 5, 3])), 2);
        assert_eq!(shown.take(&of(&[9, 8, 5])), 0);
    }
}
