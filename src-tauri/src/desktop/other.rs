//! Windows and macOS: the desktop always has what is needed.

use std::time::Duration;

use okibi_messages::tray::Missing;

/// Whether windows can be shown.
pub(crate) fn has_display() -> bool {
    true
}

/// Reports once that nothing is missing.
pub(crate) async fn watch(_grace: Duration, report: impl Fn(Vec<Missing>)) {
    report(Vec::new());
}
