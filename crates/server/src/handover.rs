//! Taking the port: over from a front, or from nobody.

use std::{
    io::ErrorKind,
    net::IpAddr,
    time::{Duration, Instant},
};

use okibi_client::{Client, ConnectOptions};
use okibi_listener::{Sockets, bind_on};
use okibi_protocol::{
    method::{GetStatus, NoParams},
    notice::{LaunchId, Notice},
};
use tokio::time::{MissedTickBehavior, interval};

use crate::{
    launch::{Delivery, NoticeSender, deliver},
    options::DaemonError,
};

/// Time between two tries to bind.
const RETRY_EVERY: Duration = Duration::from_millis(2);

/// So long the port may stay in use before the one who uses it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// So long the port is waited for in all.
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

/// Asks the front for the port and binds it.
///
/// Errors: [`DaemonError::Superseded`] when another launch or another daemon has the port,
/// [`DaemonError::PortTaken`] when another program has.
pub(crate) async fn take_port(
    host: Option<IpAddr>,
    server: &ConnectOptions,
    notices: &NoticeSender,
) -> Result<HandedOver, DaemonError> {
    let port = server.port;
    match notices
        .send_last(Notice::InitCompleted {
            launch: notices.launch(),
        })
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
            Err(error) if error.kind() == ErrorKind::AddrInUse && began.elapsed() < GIVE_UP_AFTER => {}
            Err(source) => return Err(DaemonError::PortTaken { port, source }),
        }
        if asked.elapsed() >= ASK_AGAIN_AFTER {
            asked = Instant::now();
            ask_again(server, notices.launch()).await?;
        }
    }
}

/// Somebody took the port in the gap: a newer launch or another daemon means that this one is not needed.
async fn ask_again(server: &ConnectOptions, launch: LaunchId) -> Result<(), DaemonError> {
    match deliver(server, &Notice::InitCompleted { launch }).await {
        Delivery::Acknowledged | Delivery::NobodyThere => Ok(()),
        Delivery::Superseded => Err(DaemonError::Superseded),
        Delivery::Refused(_) => match Client::connect(server).await {
            Ok(client) if client.call::<GetStatus>(NoParams {}).await.is_ok() => Err(DaemonError::Superseded),
            _ => Ok(()),
        },
    }
}
