//! Who may send requests, by the settings.

use std::io;

use okibi_protocol::guard::Access;

use crate::{folders::Folders, settings::table::Settings, token::required_tokens};

/// Returns who may send requests by these settings. Makes the tokens if they are required and there are none.
///
/// Errors: as [`required_tokens`].
pub fn access(settings: &Settings, folders: &Folders) -> io::Result<Access> {
    Ok(Access {
        hosts: settings.allowed_hosts.value.clone(),
        origins: settings.allowed_origins.value.clone(),
        any_address: settings.host.value.is_some_and(|host| !host.is_loopback()),
        tokens: required_tokens(settings, folders)?,
    })
}
