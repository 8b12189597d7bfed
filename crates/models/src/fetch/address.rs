//! Addresses of the hub, and where a redirect leads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::Uri;

/// What stays as it is in a part of an address: RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Returns a text as one part of an address's path.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Returns a file's name as the end of an address's path.
fn path(name: &str) -> String {
    let parts: Vec<String> = name.split('/').map(part).collect();
    parts.join("/")
}

/// Returns the path of a file of a commit.
pub(super) fn of_file(repository: &str, commit: &str, name: &str) -> String {
    format!("/{repository}/resolve/{commit}/{}", path(name))
}

/// Returns where a redirect leads, or why nobody should follow it.
pub(super) fn follow(from: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let leads_to = |end: &str| format!("a redirect leads to {end}");
    let shown = || leads_to(&location.chars().take(200).collect::<String>());
    let text = if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|first| first.contains(':'))
    {
        location.to_owned()
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let next: Uri = text.parse().map_err(|_| shown())?;
    match next.scheme_str() {
        Some("https") => {}
        Some("http") if scheme == "http" => {}
        Some("http") => return Err(leads_to("an unencrypted address")),
        _ => return Err(shown()),
    }
    if next.host().is_none_or(str::is_empty) {
        return Err(shown());
    }
    Ok(next)
}

/// Returns whether two addresses are of the same server.
pub(super) fn is_same_server(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16().or(if uri.scheme_str() == Some("https") {
            Some(443)
        } else {
            Some(80)
        })
    };
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    one.scheme_str() == other.scheme_str() && host(one) == host(other) && port(one) == port(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_lead_to_http_only_and_never_out_of_encryption() {
        let from: Uri = "https://hub/a/b?c=d".parse().unwrap();
        for (location, to) in [
            ("/x?y=z", "https://hub/x?y=z"),
            ("//cdn/x", "https://cdn/x"),
            ("x", "https://hub/a/x"),
            ("https://cdn:1/x", "https://cdn:1/x"),
        ] {
            assert_eq!(
                follow(&from, location).map(|uri| uri.to_string()),
                Ok(to.to_owned())
            );
        }
        for location in [
            "http://hub/x",
            "file:///etc/passwd",
            "ftp://hub/x",
            "javascript:x",
            "https:///x",
            "//",
        ] {
            assert!(follow(&from, location).is_err(), "{location}");
        }
        let plain: Uri = "http://hub/a".parse().unwrap();
        assert!(follow(&plain, "http://other/x").is_ok());
        assert!(follow(&plain, "https://other/x").is_ok());
    }

    #[test]
    fn a_server_is_scheme_host_and_port() {
        let same = |one: &str, other: &str| is_same_server(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://hub/a", "https://HUB:443/b"));
        assert!(!same("http://hub/", "https://hub/"));
        assert!(!same("http://hub:1/", "http://hub:2/"));
        assert!(!same("http://hub/", "http://hub.evil/"));
    }

    #[test]
    fn parts_are_encoded() {
        assert_eq!(part("refs/pr/1"), "refs%2Fpr%2F1");
        assert_eq!(path("1_Pooling/a b#?.json"), "1_Pooling/a%20b%23%3F.json");
    }
}
