//! Linux: the session bus knows which programs show tray icons and notifications.

use std::time::Duration;

use futures_util::StreamExt as _;
use okibi_messages::tray::Missing;
use tokio::time::{Instant, timeout_at};
use zbus::{Connection, fdo::DBusProxy};

/// The owner of this name shows tray icons (StatusNotifierItem specification).
const TRAY: &str = "org.kde.StatusNotifierWatcher";

/// The owner of this name shows notifications (Desktop Notifications specification).
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// Whether windows can be shown: whether the display that the environment names can be opened. Called on the main thread, before
/// anything else of the toolkit.
pub(crate) fn has_display() -> bool {
    gtk::init().is_ok()
}

/// Reports what is missing: first when there is a place for the tray icon, or after `grace` for a panel that is still
/// starting, then with every change. Ends when the bus does.
pub(crate) async fn watch(grace: Duration, report: impl Fn(Vec<Missing>)) {
    if let Err(error) = follow(grace, &report).await {
        tracing::warn!(%error, "no D-Bus session: no tray icon, no notifications");
        report(vec![Missing::Bus]);
    }
}

async fn follow(grace: Duration, report: &impl Fn(Vec<Missing>)) -> zbus::Result<()> {
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    let mut changes = bus.receive_name_owner_changed().await?;
    let grace = Instant::now() + grace;
    let mut reported = None;
    loop {
        let missing = probe(&bus).await?;
        let is_over = !missing.contains(&Missing::Tray) || Instant::now() >= grace || reported.is_some();
        if is_over && reported.as_ref() != Some(&missing) {
            if !missing.is_empty() {
                tracing::warn!(?missing, "this desktop lacks something");
            }
            report(missing.clone());
            reported = Some(missing);
        }
        loop {
            let change = if reported.is_some() {
                changes.next().await
            } else {
                match timeout_at(grace, changes.next()).await {
                    Ok(change) => change,
                    Err(_) => break,
                }
            };
            let Some(change) = change else {
                return Err(zbus::Error::InputOutput(std::sync::Arc::new(
                    std::io::ErrorKind::ConnectionAborted.into(),
                )));
            };
            let name = change.args()?.name().to_string();
            if name == TRAY || name == NOTIFICATIONS {
                break;
            }
        }
    }
}

async fn probe(bus: &DBusProxy<'_>) -> zbus::Result<Vec<Missing>> {
    let mut missing = Vec::new();
    if !bus.name_has_owner(TRAY.try_into()?).await? {
        missing.push(Missing::Tray);
    }
    let can_start = bus
        .list_activatable_names()
        .await?
        .iter()
        .any(|name| name.as_str() == NOTIFICATIONS);
    if !can_start && !bus.name_has_owner(NOTIFICATIONS.try_into()?).await? {
        missing.push(Missing::Notifications);
    }
    Ok(missing)
}
