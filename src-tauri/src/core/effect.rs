//! What is to be done outside of the core: the effects that it answers an event with.

use okibi_messages::Lang;

use super::event::PendingSwitch;
use crate::contract::{PageName, PreviousLaunch};

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    /// Launch a daemon with the current settings, and what is kept of the one that ran; its steps and its end come back as
    /// events.
    Launch(Kept),
    /// Stop the daemon on this port; its end comes back as an event.
    Stop(u16),
    /// Open the small window that shows a start.
    OpenStart,
    /// Open the main window with this page.
    OpenPage(PageName),
    /// Show a notification in the place of the last one.
    Notify(Notice),
    /// Take the notification of a load away: the load is over, and there is nothing to say about it.
    Unnotify,
    /// Store the times of a successful load.
    Remember(String, PreviousLaunch),
    /// Do something about models.
    Models(ModelEffect),
    /// End the app.
    Exit,
}

/// What a restart keeps of the daemon that ran, whatever the settings say: apps are connected to that port, and have indexes of
/// that model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) port: Option<u16>,
    /// As it has to be asked for.
    pub(crate) model: Option<String>,
}

/// Something to be done about models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelEffect {
    /// Download a model's files; `run` identifies the download.
    Pull { model: String, run: u64 },
    /// Cancel that download.
    CancelPull(u64),
    /// Let the ready daemon load a model and switch to it.
    Switch(PendingSwitch),
    /// Write a model into the settings and, if `restart`, restart the daemon with it.
    Choose { model: String, restart: bool },
    /// List the models on this machine again.
    List,
}

/// A notification.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    pub(crate) kind: NoticeKind,
    pub(crate) summary: String,
    pub(crate) body: String,
    /// Percent done, while a load goes on.
    pub(crate) percent: Option<u8>,
    /// The page that a press on it opens.
    pub(crate) page: PageName,
    /// Its buttons.
    pub(crate) actions: Vec<NoticeAction>,
    pub(crate) lang: Lang,
}

/// What a notification offers to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoticeAction {
    /// Open a page.
    Show(PageName),
    /// Open the page of the daemon's log.
    OpenLog,
    /// Start again.
    Retry,
    /// Use this model from now on.
    Use(String),
}

/// How much a notification matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// A load goes on.
    Progress,
    /// Something has ended well.
    Done,
    /// Something went wrong.
    Error,
}
