//! Taking the port: over from a front, or from nobody.

use std::{
    io::ErrorKind,
    net::IpAddr,
    time::{Duration, Instant},
};

use okibi_client::{Client, ClientError};
use okibi_listener::{Sockets, bind_on};
use okibi_protocol::notice::Notice;
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    launch::{Delivery, Launch, NoticeSender},
    options::DaemonError,
    process,
};

/// Time between two tries to bind.
const RETRY_EVERY: Duration = Duration::from_millis(2);

/// So long the port may stay in use before the one who uses it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// So long the port is waited for in all, unless its front is there and says nothing.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// How the port came to the daemon.
pub(crate) struct HandedOver {
    /// The port, taken.
    pub(crate) sockets: Sockets,
    /// From the front's word that it has closed the port, or from the first try, to the bind that succeeded.
    pub(crate) gap: Duration,
    /// Tries to bind, the successful one included.
    pub(crate) attempts: u32,
}

/// Asks the front for the port and binds it. `front` is the process that started this one, where that is known.
///
/// A front that still has the port and says nothing is suspended (Ctrl-Z), and is waited for: it gives the port away when
/// it is continued, and leaves it when it is ended.
///
/// Errors: [`DaemonError::Superseded`] when another launch or another daemon has the port,
/// [`DaemonError::PortTaken`] when another program has.
pub(crate) async fn take_port(
    host: Option<IpAddr>,
    launch: &Launch,
    notices: &NoticeSender,
    front: Option<u32>,
) -> Result<HandedOver, DaemonError> {
    let port = launch.front().port;
    match notices
        .send_last(Notice::InitCompleted { launch: launch.id() })
        .await
    {
        Delivery::Acknowledged | Delivery::NobodyThere => {}
        Delivery::Superseded => return Err(DaemonError::Superseded),
        Delivery::Refused(error) => tracing::warn!(%error, "the port is not held by our front"),
    }
    let began = Instant::now();
    let mut retries = interval(RETRY_EVERY);
    retries.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut attempts = 0;
    let mut asked = began;
    let (mut is_suspended, mut is_said) = (false, false);
    loop {
        retries.tick().await;
        attempts += 1;
        match bind_on(host, port) {
            Ok(sockets) => {
                return Ok(HandedOver {
                    sockets,
                    gap: began.elapsed(),
                    attempts,
                });
            }
            Err(error)
                if error.kind() == ErrorKind::AddrInUse
                    && (began.elapsed() < GIVE_UP_AFTER || is_suspended) => {}
            Err(source) => return Err(DaemonError::PortTaken { port, source }),
        }
        if asked.elapsed() >= ASK_AGAIN_AFTER {
            is_suspended = ask_again(launch, front).await?;
            asked = Instant::now();
            if is_suspended && !is_said && began.elapsed() >= GIVE_UP_AFTER {
                is_said = true;
                tracing::info!(
                    front,
                    "the front still holds the port and says nothing; waiting for it"
                );
            }
        }
    }
}

/// Somebody took the port in the gap: a newer launch or another daemon means that this one is not needed. Says whether
/// it is our own front, which is silent.
async fn ask_again(launch: &Launch, front: Option<u32>) -> Result<bool, DaemonError> {
    match launch
        .deliver(Notice::InitCompleted { launch: launch.id() })
        .await
    {
        Delivery::Acknowledged | Delivery::NobodyThere => Ok(false),
        Delivery::Superseded => Err(DaemonError::Superseded),
        Delivery::Refused(ClientError::Timeout) => {
            let holder = process::listener_on(launch.front().port).await;
            Ok(holder.is_some() && holder == front)
        }
        Delivery::Refused(_) => match Client::reach(launch.front()).await {
            Ok(_) => Err(DaemonError::Superseded),
            Err(_) => Ok(false),
        },
    }
}
