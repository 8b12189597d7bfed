//! A notification server that shows nothing and remembers everything.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;
use zbus::zvariant::OwnedValue;

use super::{Desktop, shown::Shown};
use crate::limit::LIMIT;

impl Desktop {
    /// Starts a notification server that shows nothing and remembers everything.
    pub(super) async fn serve_notifications(&mut self) {
        let (sender, shown) = watch::channel(Vec::new());
        self.shown = shown;
        let bus = self.bus();
        let server = Notifications {
            shown: sender,
            last: Arc::default(),
        };
        bus.object_server()
            .at("/org/freedesktop/Notifications", server)
            .await
            .unwrap();
        bus.request_name("org.freedesktop.Notifications").await.unwrap();
    }

    /// Every notification so far.
    pub fn shown(&self) -> Vec<Shown> {
        self.shown.borrow().clone()
    }

    /// Waits for a notification whose first line contains `part`.
    pub async fn notified(&self, part: &str) -> Shown {
        let mut shown = self.shown.clone();
        let find = |all: &Vec<Shown>| all.iter().any(|shown| shown.summary.contains(part));
        let waited = tokio::time::timeout(LIMIT, shown.wait_for(find)).await;
        let Ok(Ok(all)) = waited else {
            panic!("no notification says {part:?}: {:#?}", self.shown())
        };
        let found = all.iter().rfind(|shown| shown.summary.contains(part));
        found.unwrap().clone()
    }

    /// Waits until the app has taken this notification away.
    pub async fn taken_away(&self, notification: u32) {
        let mut shown = self.shown.clone();
        let is_gone = |all: &Vec<Shown>| {
            all.iter()
                .any(|shown| shown.id == notification && shown.is_closed)
        };
        let waited = tokio::time::timeout(LIMIT, shown.wait_for(is_gone)).await;
        assert!(matches!(waited, Ok(Ok(_))), "it stays: {:#?}", self.shown());
    }

    /// Presses a button of a notification.
    pub async fn press_button(&self, notification: u32, action: &str) {
        self.bus()
            .emit_signal(
                None::<&str>,
                "/org/freedesktop/Notifications",
                "org.freedesktop.Notifications",
                "ActionInvoked",
                &(notification, action),
            )
            .await
            .unwrap();
    }
}

/// A notification server (Desktop Notifications specification 1.2).
struct Notifications {
    shown: watch::Sender<Vec<Shown>>,
    last: Arc<Mutex<u32>>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &self,
        _app_name: &str,
        replaces: u32,
        _icon: &str,
        summary: &str,
        body: &str,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut last = self.last.lock().unwrap();
        let id = if replaces == 0 {
            *last += 1;
            *last
        } else {
            replaces
        };
        let shown = Shown {
            replaces,
            id,
            summary: summary.into(),
            body: body.into(),
            actions,
            value: hints.get("value").and_then(|value| i32::try_from(value).ok()),
            is_closed: false,
        };
        self.shown.send_modify(|all| all.push(shown));
        id
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into(), "actions".into()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".into(), "okibi".into(), "1".into(), "1.2".into())
    }

    fn close_notification(&self, id: u32) {
        self.shown.send_modify(|all| {
            for shown in all.iter_mut().filter(|shown| shown.id == id) {
                shown.is_closed = true;
            }
        });
    }
}
