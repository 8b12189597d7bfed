//! Requests to the hub.

use std::{io::Read as _, time::Duration};

use ureq::{
    Agent, Body,
    http::{HeaderMap, Response, Uri},
    tls::TlsConfig,
};

use super::{
    address,
    error::{FetchError, Reason},
    retry::RetryPolicy,
    roots::roots,
};
use crate::{
    error::{Cause, ModelError},
    library::Hub,
};

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// How Okibi names itself to the hub.
const USER_AGENT: &str = concat!("okibi/", env!("CARGO_PKG_VERSION"));

/// Asks the hub.
pub(super) struct Client<'a> {
    agent: Agent,
    hub: &'a Hub,
    repository: &'a str,
    home: Uri,
}

/// What the hub answered.
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// Headers of the server that has the bytes.
    pub(super) headers: HeaderMap,
    /// What the hub itself said on the way to it.
    pub(super) facts: FileFacts,
    /// The bytes.
    pub(super) body: Body,
}

/// What the hub itself says of a file, before it redirects to where the bytes are.
#[derive(Default)]
pub(super) struct FileFacts {
    /// The name of these bytes.
    pub(super) etag: Option<String>,
    /// How many there are.
    pub(super) size: Option<u64>,
    /// The commit.
    pub(super) commit: Option<String>,
}

impl FileFacts {
    /// Takes from one server's headers what is not known yet. `X-Linked-…` are of the file itself, `ETag` may be of what
    /// stands for it.
    fn note(&mut self, headers: &HeaderMap) {
        let linked = text(headers, "x-linked-etag");
        if self.etag.is_none() {
            self.etag = linked.or_else(|| text(headers, "etag")).map(bare);
        }
        self.size = self.size.or_else(|| text(headers, "x-linked-size")?.parse().ok());
        if self.commit.is_none() {
            self.commit = text(headers, "x-repo-commit").map(str::to_owned);
        }
    }
}

/// The agent for one fetch, through the proxy of `hub` where it has one.
///
/// Errors: [`ModelError::Unreachable`] where the proxy's address is not one.
pub(super) fn agent(policy: &RetryPolicy, hub: &Hub) -> Result<Agent, ModelError> {
    let proxy = match &hub.proxy {
        Some(address) => Some(
            ureq::Proxy::new(address).map_err(|cause| ModelError::Unreachable {
                endpoint: address.clone(),
                source: Box::new(cause),
            })?,
        ),
        None => ureq::Proxy::try_from_env(),
    };
    // Redirects are followed here, for the token's sake; encodings would make lengths mean something else.
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(USER_AGENT)
        .accept_encoding("identity")
        .tls_config(TlsConfig::builder().root_certs(roots()).build())
        .timeout_resolve(Some(policy.connect))
        .timeout_connect(Some(policy.connect))
        .timeout_per_read(Some(policy.stall))
        .timeout_per_write(Some(policy.stall))
        // A server that accepts and says nothing is given up sooner than one that stops in the middle.
        .timeout_recv_response(Some(policy.connect))
        .proxy(proxy)
        .build();
    Ok(Agent::new_with_config(config))
}

impl<'a> Client<'a> {
    /// A client for one repository.
    ///
    /// Errors: [`ModelError::Unreachable`] where the hub's address is not one of HTTP.
    pub(super) fn new(agent: Agent, hub: &'a Hub, repository: &'a str) -> Result<Self, ModelError> {
        let unreachable = |source: Cause| ModelError::Unreachable {
            endpoint: hub.endpoint.clone(),
            source,
        };
        let home: Uri = hub
            .endpoint
            .parse()
            .map_err(|cause| unreachable(Box::new(cause)))?;
        if home.host().is_none() || !matches!(home.scheme_str(), Some("http" | "https")) {
            return Err(unreachable("it is not an HTTP address".into()));
        }
        Ok(Self {
            agent,
            hub,
            repository,
            home,
        })
    }

    /// Asks for `path` on the hub, from byte `from` on, wherever the hub has it. `file` is its name for people.
    pub(super) fn get(&self, path: &str, from: u64, file: &str) -> Result<Answer, FetchError> {
        let text = format!("{}{path}", self.hub.endpoint);
        let mut address: Uri = text.parse().map_err(|cause| self.failed(file, Box::new(cause)))?;
        let mut is_home = true;
        let mut facts = FileFacts::default();
        for _ in 0..=REDIRECTS {
            let response = self.ask(&address, is_home, from, file)?;
            let (parts, body) = response.into_parts();
            if is_home {
                facts.note(&parts.headers);
            }
            let status = parts.status.as_u16();
            let location = text_of_redirect(status, &parts.headers);
            let Some(location) = location else {
                return Ok(Answer {
                    status,
                    headers: parts.headers,
                    facts,
                    body,
                });
            };
            address = address::follow(&address, location).map_err(|what| self.untrusted(what))?;
            // Once a redirect has led away, no later one gets the token, not even back at the hub: the server in between
            // chose where it goes.
            is_home &= address::is_same_server(&address, &self.home);
        }
        Err(FetchError::Permanent(
            self.failed(file, Box::new(Reason::Redirects)),
        ))
    }

    /// Asks for a small file of a commit and reads it whole.
    pub(super) fn get_small(&self, commit: &str, name: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let answer = self.get(&address::of_file(self.repository, commit, name), 0, name)?;
        match answer.status {
            200 => self.read(answer, limit, name),
            _ => Err(self.refused(&answer, name)),
        }
    }

    /// Reads the body of an answer, which may have this many bytes. `file` is its name for people.
    pub(super) fn read(&self, mut answer: Answer, limit: u64, file: &str) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        let mut reader = answer.body.as_reader().take(limit + 1);
        reader
            .read_to_end(&mut bytes)
            .map_err(|cause| FetchError::transient(self.failed(file, Box::new(cause))))?;
        if bytes.len() as u64 > limit {
            return Err(self.untrusted(format!("{file} has no end")).into());
        }
        Ok(bytes)
    }

    fn ask(&self, address: &Uri, is_home: bool, from: u64, file: &str) -> Result<Response<Body>, FetchError> {
        let mut request = self.agent.get(address.clone());
        if let Some(token) = self.hub.token.as_ref().filter(|_| is_home) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if from > 0 {
            request = request.header("range", format!("bytes={from}-"));
        }
        request
            .call()
            .map_err(|cause| self.error_of(address, file, cause))
    }

    /// Returns what a failed request means.
    fn error_of(&self, address: &Uri, file: &str, cause: ureq::Error) -> FetchError {
        use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
        let is_unreachable = match &cause {
            ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::ConnectProxyFailed(_)
            | ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => true,
            ureq::Error::Io(cause) => {
                let kinds = [
                    ConnectionRefused,
                    HostUnreachable,
                    NetworkDown,
                    NetworkUnreachable,
                ];
                kinds.contains(&cause.kind()) || is_of_name_lookup(cause)
            }
            _ => false,
        };
        let is_untrusted = is_of_certificate(&cause);
        let is_permanent = is_untrusted || matches!(cause, ureq::Error::Http(_) | ureq::Error::BadUri(_));
        let server = || {
            if address::is_same_server(address, &self.home) {
                return self.hub.endpoint.clone();
            }
            [address.scheme_str().unwrap_or_default(), "://"].concat()
                + address.authority().map_or("", |authority| authority.as_str())
        };
        let error = if is_untrusted {
            ModelError::UntrustedCertificate {
                endpoint: server(),
                source: Box::new(cause),
            }
        } else if is_unreachable {
            ModelError::Unreachable {
                endpoint: server(),
                source: Box::new(cause),
            }
        } else {
            self.failed(file, Box::new(cause))
        };
        if is_permanent {
            FetchError::Permanent(error)
        } else {
            FetchError::transient(error)
        }
    }

    /// Returns what an answer other than success means, where it means the same for every request.
    pub(super) fn refused(&self, answer: &Answer, file: &str) -> FetchError {
        let error = self.failed(file, Box::new(Reason::Status(answer.status)));
        match (answer.status, answer.code()) {
            (401 | 403, Some("GatedRepo")) => FetchError::Permanent(ModelError::Gated {
                repository: self.repository.to_owned(),
                has_token: self.hub.token.is_some(),
            }),
            (408 | 429 | 500..=599, _) => FetchError::Transient {
                error,
                wait: text(&answer.headers, "retry-after")
                    .and_then(|text| text.trim().parse().ok())
                    .map(Duration::from_secs),
            },
            _ => FetchError::Permanent(error),
        }
    }

    /// Returns the error of a file that does not come.
    pub(super) fn failed(&self, file: &str, source: Cause) -> ModelError {
        ModelError::Download {
            repository: self.repository.to_owned(),
            file: file.to_owned(),
            source,
        }
    }

    /// Returns the error of a repository that asks for what it may not have.
    pub(super) fn untrusted(&self, what: impl Into<String>) -> ModelError {
        ModelError::UntrustedRepository {
            repository: self.repository.to_owned(),
            what: what.into(),
        }
    }
}

impl Answer {
    /// Returns the hub's own name of an error.
    pub(super) fn code(&self) -> Option<&str> {
        text(&self.headers, "x-error-code")
    }

    /// Returns where the part that was sent begins, and the bytes of the whole where the hub says them.
    pub(super) fn part(&self) -> Option<(u64, Option<u64>)> {
        let range = text(&self.headers, "content-range")?.strip_prefix("bytes ")?;
        let (part, whole) = range.split_once('/')?;
        let (from, _) = part.split_once('-')?;
        Some((from.trim().parse().ok()?, whole.trim().parse().ok()))
    }

    /// Returns the bytes of the body, where the hub says them.
    pub(super) fn length(&self) -> Option<u64> {
        text(&self.headers, "content-length")?.trim().parse().ok()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn text_of_redirect(status: u16, headers: &HeaderMap) -> Option<&str> {
    matches!(status, 301 | 302 | 303 | 307 | 308).then(|| text(headers, "location"))?
}

/// Returns whether an error is that nobody trusted vouches for the server.
fn is_of_certificate(cause: &ureq::Error) -> bool {
    let of_tls = match cause {
        ureq::Error::Rustls(cause) => Some(cause),
        ureq::Error::Io(cause) => cause.get_ref().and_then(|cause| cause.downcast_ref()),
        _ => None,
    };
    matches!(of_tls, Some(rustls::Error::InvalidCertificate(_)))
}

/// Returns whether an error is that of an unknown host name, which has no kind of its own.
fn is_of_name_lookup(cause: &std::io::Error) -> bool {
    // WSAHOST_NOT_FOUND and the three behind it; elsewhere the text is the standard library's.
    let is_of_windows = cfg!(windows)
        && cause
            .raw_os_error()
            .is_some_and(|code| (11001..=11004).contains(&code));
    is_of_windows || cause.to_string().contains("failed to lookup address")
}

/// An entity tag without what is around it.
fn bare(etag: &str) -> String {
    let etag = etag.trim();
    etag.strip_prefix("W/")
        .unwrap_or(etag)
        .trim_matches('"')
        .to_owned()
}
