//! The tokens that requests must bring if `require_token` is set: `token.json` in the data folder, which only the user
//! can read.

use std::{fs, io, path::PathBuf};

use okibi_protocol::guard::Tokens;

use crate::{folders::Folders, settings::table::Settings};

/// Random bytes of a token.
const BYTES: usize = 32;

/// The file.
pub fn token_file(folders: &Folders) -> PathBuf {
    folders.data.join("token.json")
}

/// Returns the tokens; `None` if there are none yet, or the file is not one of ours.
pub fn read_tokens(folders: &Folders) -> Option<Tokens> {
    serde_json::from_slice(&fs::read(token_file(folders)).ok()?).ok()
}

/// Returns the tokens that requests must bring by these settings, and makes them if there are none.
///
/// Errors: the OS's, when the data folder cannot be written or it has no random numbers.
pub fn required_tokens(settings: &Settings, folders: &Folders) -> io::Result<Option<Tokens>> {
    if !settings.require_token.value {
        return Ok(None);
    }
    if let Some(tokens) = read_tokens(folders) {
        return Ok(Some(tokens));
    }
    let tokens = new_tokens()?;
    match okibi_files::create_private(&token_file(folders), &serde_json::to_vec_pretty(&tokens)?) {
        Ok(()) => Ok(Some(tokens)),
        // Another process was faster, and its tokens count. A file that is not ours is for the user to look at.
        Err(error) => read_tokens(folders).map(Some).ok_or(error),
    }
}

/// Makes new tokens in the place of those there are. A running daemon keeps the ones it was started with.
///
/// Errors: as [`required_tokens`].
pub fn rotate_tokens(folders: &Folders) -> io::Result<Tokens> {
    let tokens = new_tokens()?;
    okibi_files::write_private(&token_file(folders), &serde_json::to_vec_pretty(&tokens)?)?;
    Ok(tokens)
}

/// The file of the token that the hub knows the user by, for who has no variable or file of the hub's own tools. It is not a setting:
/// settings are among a daemon's arguments, which every program of the machine can read.
fn hub_token_file(folders: &Folders) -> PathBuf {
    folders.data.join("hub-token")
}

/// Returns the token that the hub knows the user by, where one was given to Okibi.
pub fn hub_token(folders: &Folders) -> Option<String> {
    let token = fs::read_to_string(hub_token_file(folders)).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Keeps the token that the hub knows the user by, where only the user can read it; forgets it where it is empty.
///
/// Errors: the OS's, when the data folder cannot be written.
pub fn keep_hub_token(folders: &Folders, token: &str) -> io::Result<()> {
    let file = hub_token_file(folders);
    if !token.trim().is_empty() {
        return okibi_files::write_private(&file, token.trim().as_bytes());
    }
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn new_tokens() -> io::Result<Tokens> {
    Ok(Tokens {
        for_use: random()?,
        manage: random()?,
    })
}

fn random() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{load::Flags, table::Key};

    #[test]
    fn tokens_are_made_once_and_only_where_they_are_required() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders {
            config_file: "c".into(),
            cache: "c".into(),
            data: folder.path().join("data"),
        };
        let settings = |require: &str| {
            let flags = Flags::default().with(Key::RequireToken, Some(require.into()));
            Settings::from_flags(&flags).settings
        };
        assert_eq!(required_tokens(&settings("false"), &folders).unwrap(), None);
        let made = required_tokens(&settings("true"), &folders).unwrap().unwrap();
        assert_eq!((made.for_use.len(), made.manage.len()), (64, 64));
        assert_ne!(made.for_use, made.manage);
        assert_eq!(required_tokens(&settings("true"), &folders).unwrap(), Some(made));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(token_file(&folders)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
