//! The check for a newer version: asks the one address that the settings name, when the user asks for it, and downloads nothing.
//!
//! There is a small document of JSON, and beside it, under the same address with `.minisig` at its end, its signature by the key that
//! the settings name (minisign, as Tauri's updater has it). A document that is not signed by that key says nothing.

use std::{io::Read as _, time::Duration};

use minisign_verify::{PublicKey, Signature};
use serde::Deserialize;

use crate::contract::UpdateView;

/// Bytes that the document and its signature may have.
const LONGEST: u64 = 64 << 10;

/// How long the server may take for each.
const LIMIT: Duration = Duration::from_secs(15);

/// What the document says.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Release {
    /// The newest version, such as `0.2.0`.
    version: String,
    /// What is new in it.
    notes: Option<String>,
}

/// Why a check has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    /// The settings name no address, or no key.
    #[error("no address is set")]
    Off,
    /// The key of the settings is not one.
    #[error("the key is not one of minisign")]
    Key,
    /// The server does not answer, or not with the document.
    #[error("{address} does not answer with it")]
    Unreachable {
        address: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The signature is not of this document by this key.
    #[error("{address} is not signed by the key of the settings")]
    Signature { address: String },
    /// The document is something else.
    #[error("{address} has no release")]
    Release { address: String },
}

/// Asks `address` for the newest version, signed by `key`, and compares it with `current`.
///
/// Errors: [`UpdateError`].
pub(crate) fn check(
    address: Option<String>,
    key: Option<String>,
    current: &str,
) -> Result<UpdateView, UpdateError> {
    let (Some(address), Some(key)) = (address, key) else {
        return Err(UpdateError::Off);
    };
    let key = PublicKey::from_base64(key.trim()).map_err(|_| UpdateError::Key)?;
    let document = get(&address)?;
    let signature = get(&format!("{address}.minisig"))?;
    let is_signed = Signature::decode(&String::from_utf8_lossy(&signature))
        .is_ok_and(|signature| key.verify(&document, &signature, false).is_ok());
    if !is_signed {
        return Err(UpdateError::Signature { address });
    }
    let Ok(release) = serde_json::from_slice::<Release>(&document) else {
        return Err(UpdateError::Release { address });
    };
    let is_newer = numbers(&release.version) > numbers(current);
    Ok(UpdateView {
        address,
        version: is_newer.then_some(release.version),
        notes: release.notes.filter(|_| is_newer),
    })
}

fn get(address: &str) -> Result<Vec<u8>, UpdateError> {
    let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| UpdateError::Unreachable {
        address: address.to_owned(),
        source,
    };
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(LIMIT))
        .user_agent(concat!("okibi/", env!("CARGO_PKG_VERSION")))
        .build();
    let answer = ureq::Agent::new_with_config(config).get(address).call();
    let answer = answer.map_err(|error| unreachable(Box::new(error)))?;
    let mut bytes = Vec::new();
    let read = answer
        .into_body()
        .into_reader()
        .take(LONGEST)
        .read_to_end(&mut bytes);
    read.map_err(|error| unreachable(Box::new(error)))?;
    Ok(bytes)
}

/// The numbers of a version: `0.10.1` is newer than `0.9.9`. What is not a number counts as 0.
fn numbers(version: &str) -> [u64; 3] {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    [(); 3].map(|()| parts.next().and_then(|part| part.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Cursor, Write as _},
        net::TcpListener,
    };

    use minisign::KeyPair;

    use super::*;

    /// Serves `document` and its signature on a port of its own, as often as a check asks; gives the address.
    fn serve(document: &'static str, signature: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/latest.json", listener.local_addr().unwrap());
        // It ends with the test's process: nothing can be left behind.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                BufReader::new(&stream).read_line(&mut line).unwrap();
                let body = if line.contains(".minisig") {
                    signature.as_str()
                } else {
                    document
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + body).as_bytes()).unwrap();
            }
        });
        address
    }

    fn signed(keys: &KeyPair, document: &str) -> String {
        let data = Cursor::new(document.as_bytes().to_vec());
        minisign::sign(Some(&keys.pk), &keys.sk, data, None, None)
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_newer_version_is_told_and_only_by_who_has_the_key() {
        const DOCUMENT: &str = r#"{"version":"0.10.0","notes":"Faster."}"#;
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let key = Some(keys.pk.to_base64());
        let address = serve(DOCUMENT, signed(&keys, DOCUMENT));
        let found = check(Some(address.clone()), key.clone(), "0.9.9").unwrap();
        assert_eq!(
            found,
            UpdateView {
                address: address.clone(),
                version: Some("0.10.0".into()),
                notes: Some("Faster.".into())
            }
        );
        let same = check(Some(address.clone()), key.clone(), "0.10.0").unwrap();
        assert_eq!((same.version, same.notes), (None, None));

        let others = KeyPair::generate_unencrypted_keypair().unwrap();
        let wrong = check(Some(address), Some(others.pk.to_base64()), "0.9.9");
        assert!(matches!(wrong, Err(UpdateError::Signature { .. })), "{wrong:?}");
        let changed = serve(r#"{"version":"9.0.0"}"#, signed(&keys, DOCUMENT));
        let wrong = check(Some(changed), key.clone(), "0.9.9");
        assert!(matches!(wrong, Err(UpdateError::Signature { .. })), "{wrong:?}");
        let nonsense = serve("<html>", signed(&keys, "<html>"));
        let wrong = check(Some(nonsense), key, "0.9.9");
        assert!(matches!(wrong, Err(UpdateError::Release { .. })), "{wrong:?}");
    }

    #[test]
    fn nothing_is_asked_without_an_address_and_a_key() {
        assert!(matches!(check(None, None, "0.1.0"), Err(UpdateError::Off)));
        let address = Some("http://127.0.0.1:9/latest.json".to_owned());
        assert!(matches!(
            check(address.clone(), None, "0.1.0"),
            Err(UpdateError::Off)
        ));
        let no_key = check(address.clone(), Some("not a key".into()), "0.1.0");
        assert!(matches!(no_key, Err(UpdateError::Key)));
        let keys = KeyPair::generate_unencrypted_keypair().unwrap();
        let silent = check(address, Some(keys.pk.to_base64()), "0.1.0");
        assert!(
            matches!(silent, Err(UpdateError::Unreachable { .. })),
            "{silent:?}"
        );
    }
}
