//! Shows notifications, one at a time in one place, on a thread of its own: a notification server may take its time.

use std::{fs, path::Path, sync::mpsc, thread, time::Duration};

use notify_rust::{Notification, Timeout};
use okibi_messages::{Lang, app, printable, tray};

use crate::core::{Notice, NoticeAction, NoticeKind};

/// What a press on a notification itself is called (Desktop Notifications specification).
const DEFAULT: &str = "default";

/// The program's icon.
const ICON: &[u8] = include_bytes!("../icons/128x128.png");

/// Its name in the desktop's theme, where the package is installed.
const THEME_ICON: &str = "okibi-tray";

/// How long the app waits at the most until a notification is gone.
const GONE_LIMIT: Duration = Duration::from_millis(500);

/// What the thread is told.
enum Order {
    Show(Notice),
    /// Take the notification of a load away, and say when that is done.
    TakeAway(mpsc::Sender<()>),
}

/// Hands notices to the thread that shows them.
#[derive(Clone)]
pub(crate) struct Notifier {
    orders: mpsc::Sender<Order>,
}

impl Notifier {
    /// Starts the thread. `pressed` is called with the button of a notification that was pressed.
    ///
    /// `data` is the folder that the icon is written into, for notification servers: a program that is not installed does
    /// not have one in the desktop's theme.
    ///
    /// Errors: the OS cannot start a thread.
    pub(crate) fn start(
        data: &Path,
        pressed: impl Fn(NoticeAction) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let (orders, waiting) = mpsc::channel();
        let file = data.join("okibi.png");
        thread::Builder::new()
            .name("okibi-notify".into())
            .spawn(move || {
                let icon = match write_icon(&file) {
                    Ok(()) => file.to_string_lossy().into_owned(),
                    Err(error) => {
                        tracing::debug!(%error, "the icon of notifications is not written");
                        THEME_ICON.to_owned()
                    }
                };
                show_all(&waiting, &icon, &pressed);
            })?;
        Ok(Self { orders })
    }

    /// Shows a notice in the place of the last one.
    pub(crate) fn show(&self, notice: Notice) {
        // It fails only when the thread has ended, which is when the app ends.
        let _ = self.orders.send(Order::Show(notice));
    }

    /// Takes the notification of a load away, if it is the last one. Returns once it is gone, since the app may end now; a
    /// server that hangs does not keep it.
    pub(crate) fn take_away(&self) {
        let (done, gone) = mpsc::channel();
        if self.orders.send(Order::TakeAway(done)).is_ok() {
            // A server that takes longer is not waited for.
            let _ = gone.recv_timeout(GONE_LIMIT);
        }
    }
}

fn write_icon(file: &Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        okibi_files::create_folder(folder)?;
    }
    fs::write(file, ICON)
}

fn show_all(
    waiting: &mpsc::Receiver<Order>,
    icon: &str,
    pressed: &(impl Fn(NoticeAction) + Clone + Send + 'static),
) {
    let mut place = Place::default();
    let mut has_failed = false;
    let mut next = None;
    while let Some(order) = next.take().or_else(|| waiting.recv().ok()) {
        let mut notice = match order {
            Order::Show(notice) => notice,
            Order::TakeAway(done) => {
                place.take_away();
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
                continue;
            }
        };
        // A slow server falls behind: skip steps that are over.
        while notice.kind == NoticeKind::Progress {
            match waiting.try_recv() {
                Ok(Order::Show(newer)) => notice = newer,
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        match place.show(&notice, icon, pressed) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::warn!(%error, "notifications cannot be shown; this is said once");
            }
            Err(_) => {}
        }
    }
}

/// What a button is called towards the server.
fn key(action: &NoticeAction) -> &'static str {
    match action {
        NoticeAction::Show(_) => "show",
        NoticeAction::OpenLog => "open-log",
        NoticeAction::Retry => "retry",
        NoticeAction::Use(_) => "use",
    }
}

fn label(action: &NoticeAction, lang: Lang) -> &'static str {
    match action {
        NoticeAction::Show(_) => app::action_show(lang),
        NoticeAction::OpenLog => tray::action_open_log(lang),
        NoticeAction::Retry => tray::action_retry(lang),
        NoticeAction::Use(_) => app::action_use(lang),
    }
}

/// Where the notifications are: one is updated, not joined by another.
#[derive(Default)]
struct Place {
    shown: Option<platform::Shown>,
    /// Whether a load's first notification has been shown, where it cannot be updated.
    has_begun: bool,
}

impl Place {
    fn show(
        &mut self,
        notice: &Notice,
        icon: &str,
        pressed: &(impl Fn(NoticeAction) + Clone + Send + 'static),
    ) -> Result<(), notify_rust::error::Error> {
        if notice.kind == NoticeKind::Progress {
            if !CAN_UPDATE && self.has_begun {
                return Ok(());
            }
            self.has_begun = true;
        } else {
            self.has_begun = false;
        }
        let mut notification = Notification::new();
        notification
            .appname("Okibi")
            .summary(&printable(&notice.summary))
            .body(&printable(&notice.body))
            .icon(icon)
            .timeout(match notice.kind {
                NoticeKind::Progress => Timeout::Never,
                NoticeKind::Done | NoticeKind::Error => Timeout::Default,
            });
        // A load's is replaced many times a second, and taken away at its end: it has no buttons that somebody waits for.
        if notice.kind != NoticeKind::Progress {
            notification.action(DEFAULT, app::action_show(notice.lang));
            for action in &notice.actions {
                notification.action(key(action), label(action, notice.lang));
            }
        }
        self.shown = platform::show(notification, notice, self.shown.take(), pressed)?;
        Ok(())
    }

    /// Takes the notification of a load away.
    fn take_away(&mut self) {
        if std::mem::take(&mut self.has_begun)
            && let Some(shown) = self.shown.take()
        {
            platform::close(shown);
        }
    }
}

/// Whether a notification on the screen can be changed.
const CAN_UPDATE: bool = cfg!(all(unix, not(target_os = "macos")));

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::{sync::OnceLock, thread};

    use notify_rust::{Hint, Notification, NotificationHandle, Urgency};

    use super::{DEFAULT, key};
    use crate::core::{Notice, NoticeAction, NoticeKind};

    /// A notification on the screen.
    pub(super) struct Shown {
        id: u32,
        /// Absent where a thread waits for its buttons.
        handle: Option<NotificationHandle>,
    }

    /// Shows it in the place of `before`.
    pub(super) fn show(
        mut notification: Notification,
        notice: &Notice,
        before: Option<Shown>,
        pressed: &(impl Fn(NoticeAction) + Clone + Send + 'static),
    ) -> Result<Option<Shown>, notify_rust::error::Error> {
        notification.hint(Hint::Category("transfer".into()));
        notification.hint(Hint::DesktopEntry("okibi-tray".into()));
        notification.urgency(match notice.kind {
            NoticeKind::Progress => Urgency::Low,
            NoticeKind::Done | NoticeKind::Error => Urgency::Normal,
        });
        if let Some(percent) = notice.percent {
            if hides_words_beside_a_bar() {
                let body = format!("{} ({percent} %)", notification.body);
                notification.body(&body);
            } else {
                // The hint that servers draw a progress bar for.
                notification.hint(Hint::CustomInt("value".into(), i32::from(percent)));
            }
        }
        if let Some(before) = before {
            notification.id(before.id);
        }
        let handle = notification.show()?;
        let id = handle.id();
        if notice.kind == NoticeKind::Progress {
            let handle = Some(handle);
            return Ok(Some(Shown { id, handle }));
        }
        let pressed = pressed.clone();
        let (page, actions) = (notice.page, notice.actions.clone());
        // The handle is not kept: the thread ends with its notification, or with the app.
        let waits = thread::Builder::new()
            .name("okibi-notify-action".into())
            .spawn(move || {
                handle.wait_for_action(|action| match action {
                    DEFAULT => pressed(NoticeAction::Show(page)),
                    // Words that no button has say that it was closed.
                    other => {
                        if let Some(action) = actions.iter().find(|action| key(action) == other) {
                            pressed(action.clone());
                        }
                    }
                });
            });
        if let Err(error) = waits {
            tracing::warn!(%error, "the buttons of a notification will not work");
        }
        Ok(Some(Shown { id, handle: None }))
    }

    /// Takes it off the screen.
    pub(super) fn close(shown: Shown) {
        if let Some(handle) = shown.handle {
            handle.close();
        }
    }

    /// Whether the desktop's server draws the bar in place of the text. Source: xfce4-notifyd, which does.
    fn hides_words_beside_a_bar() -> bool {
        static IS_XFCE: OnceLock<bool> = OnceLock::new();
        *IS_XFCE.get_or_init(|| {
            notify_rust::get_server_information().is_ok_and(|server| server.name.contains("Xfce"))
        })
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    use notify_rust::Notification;

    use crate::core::{Notice, NoticeAction};

    /// Nothing can be done to a notification on the screen.
    pub(super) struct Shown;

    /// Shows it.
    pub(super) fn show(
        notification: Notification,
        _notice: &Notice,
        _before: Option<Shown>,
        _pressed: &(impl Fn(NoticeAction) + Clone + Send + 'static),
    ) -> Result<Option<Shown>, notify_rust::error::Error> {
        notification.show()?;
        Ok(None)
    }

    /// Takes it off the screen, where that is possible.
    pub(super) fn close(_: Shown) {}
}
