//! Watches the port: holds a subscription while an Okibi is there, and probes the port while there is none.

use std::{fs, path::Path, sync::Arc, time::Duration};

use okibi_client::{ConnectOptions, Subscription};
use okibi_launcher::StatusError;
use tauri::{AppHandle, Manager as _};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, interval, interval_at, timeout},
};

use crate::{
    app::Shared,
    core::{Event, ModelEvent, PortState},
    machine::{Machine, log_tail},
};

/// Time between two probes of a port on which nobody listens. Each costs one refused connection over loopback.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Time between two probes of a port that another program holds: each is a connection that this program has to handle.
const FOREIGN_EVERY: Duration = Duration::from_secs(5);

/// Quick probes after an Okibi has gone: in a handover the next one listens within milliseconds.
const QUICK_PROBES: usize = 20;

/// Time between those.
const QUICK_EVERY: Duration = Duration::from_millis(25);

/// Time between two requests for what changes without a notification: memory, uptime.
const REFRESH_EVERY: Duration = Duration::from_secs(60);

/// Watches until the receiver of `events` is gone. `again` requests a probe at once, whose outcome is always sent.
pub(crate) async fn watch(machine: Machine, events: mpsc::UnboundedSender<Event>, again: Arc<Notify>) {
    let mut quick = 0;
    let mut sent_quiet = None;
    while !events.is_closed() {
        let port = machine.port_to_watch();
        let state = match subscribe(machine.server(port)).await {
            Ok(Some(subscription)) => {
                sent_quiet = None;
                follow(&machine, port, subscription, &events, &again).await;
                quick = QUICK_PROBES;
                continue;
            }
            // The port is being handed over, or a front is busy: neither free nor foreign.
            Ok(None) | Err(StatusError::NoAnswer { .. } | StatusError::Rejected { .. }) => None,
            Err(StatusError::NotRunning { .. }) if quick > 0 => None,
            Err(StatusError::NotRunning { .. }) if machine.is_loading_alone(port) => Some(PortState::Loading),
            Err(StatusError::NotRunning { .. }) => Some(PortState::Free),
            Err(StatusError::NotOkibi { holder, .. }) => Some(PortState::Foreign(holder)),
            Err(StatusError::Silent { holder, .. }) => Some(PortState::Silent(holder)),
        };
        let is_foreign = matches!(state, Some(PortState::Foreign(_) | PortState::Silent(_)));
        if let Some(state) = state
            && (is_foreign || sent_quiet != Some(std::mem::discriminant(&state)))
        {
            sent_quiet = (!is_foreign).then(|| std::mem::discriminant(&state));
            let log = log_tail(&machine.daemon_log(port));
            if events
                .send(Event::PortChanged {
                    port,
                    state,
                    log,
                    model: None,
                })
                .is_err()
            {
                return;
            }
        }
        let wait = if is_foreign {
            FOREIGN_EVERY
        } else if quick > 0 {
            quick -= 1;
            QUICK_EVERY
        } else {
            PROBE_EVERY
        };
        let mut tick = interval_at(Instant::now() + wait, wait);
        tokio::select! {
            _ = tick.tick() => {}
            () = again.notified() => {
                quick = 0;
                sent_quiet = None;
            }
        }
    }
}

/// Subscribes to the Okibi on the port; `None` where it has gone meanwhile.
async fn subscribe(server: ConnectOptions) -> Result<Option<Subscription>, StatusError> {
    let limit = server.timeout;
    let (client, _) = okibi_launcher::connect(server).await?;
    Ok(timeout(limit, client.subscribe()).await.ok().and_then(Result::ok))
}

/// Sends each status until the connection ends.
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
            // The subscription reports every change already.
            () = again.notified() => continue,
            _ = refresh.tick() => match okibi_launcher::status(machine.server(port)).await {
                Ok(status) => status,
                // The subscription ends as well if the daemon is gone.
                Err(_) => continue,
            },
        };
        let event = Event::PortChanged {
            port,
            model: Some(machine.model_of(&status)),
            state: PortState::Okibi(Box::new(status)),
            log: Vec::new(),
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

/// Time between two looks at the files that the app shows and others change.
const FILES_EVERY: Duration = Duration::from_secs(2);

/// Watches the configuration file and the list of models for changes by other programs, until the app ends. Asking for two times of
/// change every two seconds costs less than a watch that each system has in its own way.
pub(crate) async fn watch_files(app: AppHandle, machine: Machine) {
    let shared = app.state::<Shared>();
    let changed_at = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let mut looks = interval(FILES_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    let mut library = shared.library();
    loop {
        looks.tick().await;
        let settings = changed_at(&machine.folders.config_file);
        let models = [changed_at(&library.folders_file), changed_at(&library.hub.cache)];
        let Some((old_settings, old_models)) = before.replace((settings, models)) else {
            continue;
        };
        if old_settings != settings {
            // They say where models are.
            library = shared.library();
            shared.settings_changed();
        }
        if old_models != models {
            shared.send(Event::Models(ModelEvent::Changed));
        }
    }
}
