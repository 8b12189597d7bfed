//! Which requests a loopback service accepts, judged by their `Host` and `Origin` headers.
//!
//! Binding to loopback is not enough: any web page can send requests to 127.0.0.1, and DNS rebinding gives a
//! page a name of its own that resolves there. Browsers always send `Origin` on cross-site requests and
//! WebSocket upgrades, and the rebound name in `Host`; programs on this machine send neither of these.

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Host` header (HTTP/1.1 requires one).
    #[error("the Host header is missing")]
    MissingHost,
    /// The `Host` is not a loopback name.
    #[error("the Host header does not name this machine; use 127.0.0.1, localhost or [::1]")]
    ForeignHost,
    /// The request comes from a web page of another origin.
    #[error("requests from web pages of other origins are refused")]
    ForeignOrigin,
}

/// Judges a request by its `Host` and `Origin` header values.
///
/// `Origin: null` (sandboxed pages, local files) counts as foreign.
/// Errors: the first [`Refusal`] that applies.
pub fn admit(host: Option<&str>, origin: Option<&str>) -> Result<(), Refusal> {
    let host = host.ok_or(Refusal::MissingHost)?;
    if !is_loopback_authority(host) {
        return Err(Refusal::ForeignHost);
    }
    match origin {
        None => Ok(()),
        Some(origin) => {
            let authority = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            // A page that another local server serves has a loopback origin too, but a different port: only
            // our own address, as the request's Host names it, is the same origin.
            if authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
                Ok(())
            } else {
                Err(Refusal::ForeignOrigin)
            }
        }
    }
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
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
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
            assert_eq!(admit(Some(host), None), Ok(()), "{host}");
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
        assert_eq!(admit(host, Some("http://127.0.0.1:8765")), Ok(()));
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
}
