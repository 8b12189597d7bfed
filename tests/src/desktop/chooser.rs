//! A file chooser that shows nothing: it answers with what the test has the user choose.

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use zbus::{
    Connection, fdo,
    message::Header,
    object_server::ResponseDispatchNotifier,
    zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value},
};

use super::Desktop;

/// The user before the file chooser.
#[derive(Clone, Default)]
pub struct Chooser {
    choices: Arc<Mutex<VecDeque<Option<PathBuf>>>>,
    titles: Arc<Mutex<Vec<String>>>,
}

impl Desktop {
    /// Has GTK's dialogs answered by a [`Chooser`], from the next program on.
    pub async fn choose_by_hand(&mut self) -> Chooser {
        let chooser = Chooser::default();
        self.machine.set("GTK_USE_PORTAL", "1");
        let bus = self.bus();
        let portal = Portal {
            user: chooser.clone(),
        };
        let at = "/org/freedesktop/portal/desktop";
        bus.object_server().at(at, portal).await.unwrap();
        bus.object_server().at(at, Proxies).await.unwrap();
        bus.request_name("org.freedesktop.portal.Desktop").await.unwrap();
        chooser
    }
}

impl Chooser {
    /// Chooses this folder in the next dialog.
    pub fn chooses(&self, folder: &Path) {
        self.choices.lock().unwrap().push_back(Some(folder.to_owned()));
    }

    /// Closes the next dialog.
    pub fn closes(&self) {
        self.choices.lock().unwrap().push_back(None);
    }

    /// The titles of the dialogs so far.
    pub fn titles(&self) -> Vec<String> {
        self.titles.lock().unwrap().clone()
    }
}

/// The desktop portal (org.freedesktop.portal.FileChooser, version 3).
struct Portal {
    user: Chooser,
}

#[zbus::interface(name = "org.freedesktop.portal.FileChooser")]
impl Portal {
    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        3
    }

    /// Gives the handle of a request, on which the answer comes as a signal.
    async fn open_file(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
        _parent: &str,
        title: &str,
        options: HashMap<String, OwnedValue>,
    ) -> fdo::Result<ResponseDispatchNotifier<OwnedObjectPath>> {
        let token: &str = options
            .get("handle_token")
            .and_then(|token| token.downcast_ref().ok())
            .ok_or_else(|| fdo::Error::InvalidArgs("handle_token".into()))?;
        let app = header.sender().map(ToString::to_string).unwrap_or_default();
        let sender = app.trim_start_matches(':').replace('.', "_");
        let path = format!("/org/freedesktop/portal/desktop/request/{sender}/{token}");
        let path = ObjectPath::try_from(path).map_err(zbus::Error::from)?;
        self.user.titles.lock().unwrap().push(title.into());
        let choice = self.user.choices.lock().unwrap().pop_front();
        let choice = choice.ok_or_else(|| fdo::Error::Failed("the test expected no dialog".into()))?;
        // Also where there are none, as the portals of desktops do: GTK 3 reads what it was not given.
        let uris = choice
            .iter()
            .map(|folder| format!("file://{}", folder.display()).replace(' ', "%20"));
        let uris: Vec<String> = uris.collect();
        let results: HashMap<&str, Value<'static>> = HashMap::from([("uris", uris.into())]);
        // 1 is the user's closing it.
        let response = u32::from(choice.is_none());
        let (answer, sent) = ResponseDispatchNotifier::new(path.clone().into());
        let (bus, path) = (bus.clone(), path.into_owned());
        tokio::spawn(async move {
            sent.await;
            let request = "org.freedesktop.portal.Request";
            let body = (response, results);
            // To nobody else, as portals do: GTK subscribes to no more. The app that asked may be gone.
            let _ = bus
                .emit_signal(Some(app.as_str()), path, request, "Response", &body)
                .await;
        });
        Ok(answer)
    }
}

/// What GIO asks of a portal before any connection (org.freedesktop.portal.ProxyResolver, version 1).
struct Proxies;

#[zbus::interface(name = "org.freedesktop.portal.ProxyResolver")]
impl Proxies {
    fn lookup(&self, _uri: &str) -> Vec<String> {
        vec!["direct://".into()]
    }
}
