//! Which requests a loopback service accepts, judged by their `Host` and `Origin` headers.
//!
//! Binding to loopback is not enough: any web page can send requests to 127.0.0.1, and DNS rebinding gives a
//! page a name of its own that resolves there. Browsers always send `Origin` on cross-site requests and
//! WebSocket upgrades, and the rebound name in `Host`; programs on this machine send neither of these.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Host` header (HTTP/1.1 requires one).
    #[error("the Host header is missing")]
    MissingHost,
    /// The `Host` is not a name of this machine.
    #[error(
        "the Host header does not name this machine: use 127.0.0.1, localhost or [::1], or add the name to \
         `allowed_hosts` in Okibi's settings"
    )]
    ForeignHost,
    /// The request comes from a web page of another origin.
    #[error(
        "requests from web pages of other origins are refused: add the page's origin to `allowed_origins` in Okibi's \
         settings to let it in"
    )]
    ForeignOrigin,
    /// No token came with the request, and one is required.
    #[error(
        "a token is required: send `Authorization: Bearer TOKEN`, or `?token=TOKEN` on a WebSocket; it is in token.json \
         in Okibi's data folder"
    )]
    MissingToken,
    /// Unknown token.
    #[error("the token is not the right one; it is in token.json in Okibi's data folder")]
    WrongToken,
    /// The token does not allow this.
    #[error("this needs the token with the right `manage`")]
    NotAllowed,
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Embed, ask for the status.
    Use,
    /// Also stop, load and unload.
    Manage,
}

/// The secrets that requests have to bring.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Tokens {
    /// Gives [`Right::Use`].
    #[serde(rename = "use")]
    pub for_use: String,
    /// Gives [`Right::Manage`].
    pub manage: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Tokens { .. }")
    }
}

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Names of this machine beside the loopback ones, without a port, in lower case.
    pub hosts: Vec<String>,
    /// Origins beside the server's own, such as `app://obsidian.md`; `chrome-extension://*` stands for all of a scheme.
    pub origins: Vec<String>,
    /// Whether any IP address may be in `Host`, because the server listens beyond loopback. Rebinding takes a name.
    pub any_address: bool,
    /// What requests have to bring; nothing, where it is `None`.
    pub tokens: Option<Tokens>,
}

impl Access {
    /// Judges a request by its `Host` and `Origin` header values; gives whether it comes from another origin that is
    /// let in, and so needs CORS headers.
    ///
    /// `Origin: null` (sandboxed pages, local files) counts as foreign unless it is listed.
    /// Errors: the first [`Refusal`] that applies.
    pub fn admit(&self, host: Option<&str>, origin: Option<&str>) -> Result<bool, Refusal> {
        let host = host.ok_or(Refusal::MissingHost)?;
        if !self.is_own_authority(host) {
            return Err(Refusal::ForeignHost);
        }
        let Some(origin) = origin else {
            return Ok(false);
        };
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        // A page that another local server serves has a loopback origin too, but a different port: only
        // our own address, as the request's Host names it, is the same origin.
        if authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
            return Ok(false);
        }
        // A star stands for all of a scheme and never for the rest of a name: `http://localhost*` would be every name
        // that begins so.
        let is_listed =
            |known: &String| match known.strip_suffix('*').filter(|scheme| scheme.ends_with("://")) {
                Some(scheme) => origin
                    .get(..scheme.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(scheme)),
                None => known.eq_ignore_ascii_case(origin),
            };
        if self.origins.iter().any(is_listed) {
            Ok(true)
        } else {
            Err(Refusal::ForeignOrigin)
        }
    }

    /// What a request with this token may do. Takes the same time for every wrong token of one length.
    ///
    /// Errors: [`Refusal::MissingToken`], [`Refusal::WrongToken`].
    pub fn right(&self, token: Option<&str>) -> Result<Right, Refusal> {
        let Some(tokens) = &self.tokens else {
            return Ok(Right::Manage);
        };
        let token = token.ok_or(Refusal::MissingToken)?.as_bytes();
        let manages = token.ct_eq(tokens.manage.as_bytes());
        let uses = token.ct_eq(tokens.for_use.as_bytes());
        if bool::from(manages) {
            Ok(Right::Manage)
        } else if bool::from(uses) {
            Ok(Right::Use)
        } else {
            Err(Refusal::WrongToken)
        }
    }

    fn is_own_authority(&self, authority: &str) -> bool {
        if is_loopback_authority(authority) {
            return true;
        }
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if is_port(port) => name,
            _ => authority,
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        if self.any_address && bare.parse::<std::net::IpAddr>().is_ok() {
            return true;
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

/// Whether a text is a port: digits alone, since Rust's numbers may have a sign.
fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether `origin` can be the origin of a page (RFC 6454, section 6.2): `scheme://host`, perhaps with a port, or `null`;
/// or stands for all of a scheme, `scheme://*`.
pub fn is_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else {
        return origin.eq_ignore_ascii_case("null");
    };
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let is_host = |letter: char| !letter.is_whitespace() && !"/*?#@".contains(letter);
    scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.chars().all(is_scheme)
        && !host.is_empty()
        && (host == "*" || host.chars().all(is_host))
}

/// Whether `authority` (`name`, `name:port`, `[v6]` or `[v6]:port`) names this machine's loopback interface.
fn is_loopback_authority(authority: &str) -> bool {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, tail)) => match tail.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None => return false,
            },
            None => return false,
        },
        None => match authority.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (authority, None),
        },
    };
    if port.is_some_and(|port| !is_port(port)) {
        return false;
    }
    if authority.starts_with('[') {
        return name
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(host: Option<&str>, origin: Option<&str>) -> Result<bool, Refusal> {
        Access::default().admit(host, origin)
    }

    #[test]
    fn loopback_hosts_are_admitted() {
        for host in [
            "127.0.0.1:8765",
            "localhost:8765",
            "LOCALHOST",
            "localhost.:8765",
            "[::1]:8765",
            "127.0.0.2",
            "[0:0:0:0:0:0:0:1]",
        ] {
            assert_eq!(admit(Some(host), None), Ok(false), "{host}");
        }
    }

    #[test]
    fn foreign_hosts_are_refused() {
        for host in [
            "evil.example:8765",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.5:8765",
            "[::2]:8765",
            "::1",
            "",
            "0.0.0.0",
            "[::1",
            "[::1]x",
            "localhost:port",
            "127.0.0.1:99999",
            "127.0.0.1:+80",
            "127.0.0.1:-0",
            "[::1]:+80",
            "[127.0.0.1]",
            "127.1",
        ] {
            assert_eq!(admit(Some(host), None), Err(Refusal::ForeignHost), "{host}");
        }
        assert_eq!(admit(None, None), Err(Refusal::MissingHost));
    }

    #[test]
    fn only_the_same_origin_is_admitted() {
        let host = Some("127.0.0.1:8765");
        assert_eq!(admit(host, Some("http://127.0.0.1:8765")), Ok(false));
        for origin in [
            "http://evil.example",
            "null",
            "",
            "http://127.0.0.1:3000",
            "https://localhost",
            "file://",
            "http://127.0.0.1:8765.evil.example",
        ] {
            assert_eq!(admit(host, Some(origin)), Err(Refusal::ForeignOrigin), "{origin}");
        }
    }

    #[test]
    fn what_the_user_lists_is_admitted_and_nothing_like_it() {
        let access = Access {
            hosts: vec!["okibi.lan".into()],
            origins: vec!["app://obsidian.md".into(), "chrome-extension://*".into()],
            ..Access::default()
        };
        let host = Some("127.0.0.1:8765");
        assert_eq!(access.admit(Some("Okibi.LAN.:8765"), None), Ok(false));
        assert_eq!(access.admit(host, Some("app://obsidian.md")), Ok(true));
        assert_eq!(access.admit(host, Some("chrome-extension://abcdef")), Ok(true));
        for origin in [
            "app://obsidian.md.evil.example",
            "app://other",
            "moz-extension://abcdef",
        ] {
            assert_eq!(
                access.admit(host, Some(origin)),
                Err(Refusal::ForeignOrigin),
                "{origin}"
            );
        }
        assert_eq!(
            access.admit(Some("evil.okibi.lan"), None),
            Err(Refusal::ForeignHost)
        );
        assert_eq!(
            access.admit(Some("192.168.1.5:8765"), None),
            Err(Refusal::ForeignHost)
        );
        let beyond = Access {
            any_address: true,
            ..Access::default()
        };
        assert_eq!(beyond.admit(Some("192.168.1.5:8765"), None), Ok(false));
        assert_eq!(beyond.admit(Some("[fe80::1]:8765"), None), Ok(false));
        assert_eq!(
            beyond.admit(Some("evil.example:8765"), None),
            Err(Refusal::ForeignHost)
        );
    }

    #[test]
    fn a_star_stands_for_all_of_a_scheme_and_for_nothing_else() {
        let access = Access {
            origins: vec!["http://localhost*".into(), "*".into(), "app://*".into()],
            hosts: vec!["okibi.lan".into()],
            ..Access::default()
        };
        let host = Some("127.0.0.1:8765");
        assert_eq!(access.admit(host, Some("app://any")), Ok(true));
        for origin in [
            "http://localhost.evil.example",
            "http://localhost",
            "https://a",
            "null",
        ] {
            assert_eq!(
                access.admit(host, Some(origin)),
                Err(Refusal::ForeignOrigin),
                "{origin}"
            );
        }
        assert_eq!(
            access.admit(Some("okibi.lan:+80"), None),
            Err(Refusal::ForeignHost)
        );
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        for right in [
            "app://obsidian.md",
            "chrome-extension://*",
            "http://localhost:3000",
            "null",
            "http://[::1]:80",
        ] {
            assert!(is_origin(right), "{right}");
        }
        for wrong in [
            "http://localhost*",
            "*",
            "localhost:3000",
            "http://",
            "http://a/b",
            "http://*.a",
            "://a",
            "1a://b",
            "",
        ] {
            assert!(!is_origin(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_token_gives_its_right() {
        let access = Access {
            tokens: Some(Tokens {
                for_use: "one".into(),
                manage: "two".into(),
            }),
            ..Access::default()
        };
        assert_eq!(access.right(Some("one")), Ok(Right::Use));
        assert_eq!(access.right(Some("two")), Ok(Right::Manage));
        assert_eq!(access.right(Some("three")), Err(Refusal::WrongToken));
        assert_eq!(access.right(None), Err(Refusal::MissingToken));
        assert_eq!(Access::default().right(None), Ok(Right::Manage));
    }
}
