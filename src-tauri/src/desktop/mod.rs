//! What the desktop offers: a place for tray icons, a notification service.
//!
//! [`watch`] reports what is missing, at first and whenever it changes.

#[cfg(target_os = "linux")]
pub(crate) mod autostart;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(crate) use linux::{has_display, watch};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{has_display, watch};
