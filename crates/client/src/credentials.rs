//! The token that this process sends: a process is one user's, and a user has one.

use std::sync::{PoisonError, RwLock};

static TOKEN: RwLock<Option<String>> = RwLock::new(None);

/// From now on every connection brings `token`.
pub fn set_token(token: Option<String>) {
    *TOKEN.write().unwrap_or_else(PoisonError::into_inner) = token;
}

pub(crate) fn token() -> Option<String> {
    TOKEN.read().unwrap_or_else(PoisonError::into_inner).clone()
}
