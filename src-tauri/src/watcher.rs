//! Watches the port: holds a subscription while an Okibi is there, and looks again when none is.

use std::{sync::Arc, time::Duration};

use okibi_client::{Client, ClientError, ConnectOptions, Subscription};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, interval, interval_at},
};

use crate::{
    core::{Event, Sight},
    machine::{Machine, log_tail},
};

/// Time between two looks at a port on which nobody listens: one refused connection over loopback.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Time between two looks at a port that another program holds, which each look bothers.
const FOREIGN_EVERY: Duration = Duration::from_secs(5);

/// Looks at once after an Okibi has gone: in a handover the next one comes within milliseconds.
const QUICK_LOOKS: usize = 20;

/// Time between those.
const QUICK_EVERY: Duration = Duration::from_millis(25);

/// Time between two questions for what changes without news: memory, time since the start.
const REFRESH_EVERY: Duration = Duration::from_secs(60);

/// Watches until nobody listens to `events`. `again` asks for a look at once, whose outcome is told in any case.
pub(crate) async fn watch(machine: Machine, events: mpsc::UnboundedSender<Event>, again: Arc<Notify>) {
    let mut quick = 0;
    let mut told_nothing = false;
    while !events.is_closed() {
        let port = machine.port_to_watch();
        let sight = match subscribe(machine.server(port)).await {
            Ok(subscription) => {
                told_nothing = false;
                follow(&machine, port, subscription, &events, &again).await;
                quick = QUICK_LOOKS;
                continue;
            }
            // It is changing hands.
            Err(ClientError::Closed | ClientError::Io(_) | ClientError::Rejected { .. }) => None,
            Err(ClientError::Refused) => (quick == 0).then_some(Sight::Nothing),
            Err(ClientError::NotOkibi(_) | ClientError::Timeout | ClientError::Rpc(_)) => {
                Some(Sight::Foreign)
            }
        };
        let is_foreign = matches!(sight, Some(Sight::Foreign));
        if let Some(sight) = sight
            && (is_foreign || !told_nothing)
        {
            told_nothing = !is_foreign;
            let log = log_tail(&machine.daemon_log(port));
            if events.send(Event::Seen { port, sight, log }).is_err() {
                return;
            }
        }
        let wait = if is_foreign {
            FOREIGN_EVERY
        } else if quick > 0 {
            quick -= 1;
            QUICK_EVERY
        } else {
            LOOK_EVERY
        };
        let mut tick = interval_at(Instant::now() + wait, wait);
        tokio::select! {
            _ = tick.tick() => {}
            () = again.notified() => {
                quick = 0;
                told_nothing = false;
            }
        }
    }
}

async fn subscribe(server: ConnectOptions) -> Result<Subscription, ClientError> {
    Client::connect(server).await?.subscribe().await
}

/// Passes the statuses on until the connection ends.
async fn follow(
    machine: &Machine,
    port: u16,
    mut subscription: Subscription,
    events: &mpsc::UnboundedSender<Event>,
    again: &Notify,
) {
    let mut refresh = interval(REFRESH_EVERY);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    refresh.reset();
    loop {
        let status = tokio::select! {
            next = subscription.next() => match next {
                Some(status) => status,
                None => return,
            },
            // The subscription tells already.
            () = again.notified() => continue,
            _ = refresh.tick() => match okibi_launcher::status(machine.server(port)).await {
                Ok(status) => status,
                // The subscription will tell.
                Err(_) => continue,
            },
        };
        let event = Event::Seen {
            port,
            sight: Sight::Okibi(Box::new(status)),
            log: Vec::new(),
        };
        if events.send(event).is_err() {
            return;
        }
    }
}
