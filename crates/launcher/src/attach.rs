//! Following another front's launch.

use std::time::{Duration, Instant};

use okibi_client::{Client, ClientError, ConnectOptions};
use okibi_protocol::{
    method::{RunState, Status},
    stage::StageEvent,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{
    logtail::LogMark,
    outcome::{LaunchUpdate, StartError},
    port, process,
};

/// Time between two questions to a daemon that is taking the port: a subscription would need the port to be open.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// How long a daemon may take for the port once its front has closed it: as long as it tries at most.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(12);

/// How a launch that we followed ended.
pub(crate) enum Followed {
    /// The daemon is ready.
    Ready(Box<Status>),
    /// Neither it nor its daemon is there any more.
    Gone,
}

/// Follows the launch under way on a port until its daemon is ready.
///
/// Errors: [`StartError::Load`] when the launch says that it failed, [`StartError::Stopped`].
pub(crate) async fn follow(
    server: &ConnectOptions,
    log: &LogMark,
    on_update: &mut (impl FnMut(LaunchUpdate) + Send),
) -> Result<Followed, StartError> {
    let mut reported: Vec<StageEvent> = Vec::new();
    let mut daemon_pid = 0;
    if let Ok((client, _)) = Client::reach(server).await
        && let Ok(Ok(mut changes)) = timeout(server.timeout, client.subscribe()).await
    {
        while let Some(status) = changes.next().await {
            daemon_pid = status.pid;
            for event in status
                .stages
                .stages()
                .iter()
                .filter(|event| !reported.contains(event))
            {
                on_update(LaunchUpdate::Stage {
                    message: String::new(),
                    event: event.clone(),
                });
            }
            reported = status.stages.stages().to_vec();
            match status.status {
                RunState::Running if status.ready => return Ok(Followed::Ready(Box::new(status))),
                RunState::Starting | RunState::Running => {}
                RunState::Stopping => return Err(StartError::Stopped),
                RunState::Failed => {
                    let error = status.error.unwrap_or_default();
                    return Err(StartError::Load {
                        error,
                        log_tail: log.tail(),
                    });
                }
            }
        }
    }
    // The front has closed the port: the daemon is about to take it, or both are gone.
    let began = Instant::now();
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match port::ask(server).await {
            Ok(status) if status.ready => return Ok(Followed::Ready(Box::new(status))),
            // A newer launch: look at it from the start.
            Ok(_) => return Ok(Followed::Gone),
            Err(ClientError::Refused | ClientError::Closed | ClientError::Io(_))
                if process::is_alive(daemon_pid) && began.elapsed() < TAKEOVER_LIMIT => {}
            Err(_) => return Ok(Followed::Gone),
        }
    }
}
