//! HTTP: the guard, the upgrade to a WebSocket, the routes of the service, and what is answered beside them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Instant,
};

use axum::{
    extract::DefaultBodyLimit,
    http::{
        HeaderMap, Method, Request, StatusCode, Uri,
        header::{self, HeaderName, HeaderValue},
    },
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use hyper::{body::Incoming, service::Service as _};
use hyper_util::service::TowerToHyperService;
use okibi_protocol::{
    guard::{Access, Refusal, Right},
    proof::PROOF_HEADER,
};

use crate::{
    access::Asked,
    bound::Bound,
    caller::Caller,
    core::{Core, Routes},
    counted_body::counted,
    handshake,
    peer::{Peer, product},
    place::Place,
    refusal::{Refused, RefusedRequest},
    service::Service,
    unread::ConnectionOutput,
};

/// The `Server` header of every HTTP answer, by which a client knows what it has reached.
const SERVER: &str = concat!("okibi/", env!("CARGO_PKG_VERSION"));

/// What a preflight is answered beside the headers that it asks for.
const CORS: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, DELETE"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
    (
        header::VARY,
        "access-control-request-headers, access-control-request-private-network",
    ),
];

/// Asks whether a page of a public address may reach a private one, and the answer (Private Network Access, section 3.1).
const PRIVATE_NETWORK: [HeaderName; 2] = [
    HeaderName::from_static("access-control-request-private-network"),
    HeaderName::from_static("access-control-allow-private-network"),
];

/// Puts the fallbacks around the routes of a service.
pub(crate) fn routes<S: Service>(service: &Arc<S>, max_body_bytes: usize) -> Routes {
    let refuse = |refused: Refused| {
        let service = Arc::clone(service);
        async move |uri: Uri| service.refusal(uri.path(), refused)
    };
    let router = service
        .routes()
        .fallback(refuse(Refused::NotFound))
        .method_not_allowed_fallback(refuse(Refused::MethodNotAllowed))
        .layer(DefaultBodyLimit::max(max_body_bytes));
    TowerToHyperService::new(router)
}

/// The answer to a request.
pub(crate) enum Reply {
    /// A response.
    Plain(Response),
    /// The response that makes the connection a WebSocket, and what its calls may do.
    Upgrade(Response, Right),
}

impl<S: Service> Core<S> {
    /// Answers a request.
    pub(crate) async fn reply(
        &self,
        peer: &Arc<Peer>,
        place: Place,
        output: &Arc<ConnectionOutput>,
        request: Request<Incoming>,
    ) -> Reply {
        let asked = Asked::of(&request);
        let began = Instant::now();
        let reply = self.answer_request(peer, place, output, request).await;
        if let Some(asked) = asked {
            let (Reply::Plain(response) | Reply::Upgrade(response, _)) = &reply;
            let dialect = self.service.dialect(asked.path());
            asked.log(dialect, response.status(), began.elapsed(), peer.connection);
        }
        reply
    }

    /// The guard first, then the WebSocket, then the routes.
    async fn answer_request(
        &self,
        peer: &Arc<Peer>,
        place: Place,
        output: &Arc<ConnectionOutput>,
        mut request: Request<Incoming>,
    ) -> Reply {
        let path = request.uri().path().to_owned();
        // hyper's own limit is that of its buffer, which grows in steps past it.
        if head_bytes(&request) > self.limits.max_header_bytes {
            self.counters.refusals.count(Bound::HeaderSize);
            let refused = Refused::HeaderSize {
                limit: self.limits.max_header_bytes,
            };
            return Reply::Plain(signed(self.service.refusal(&path, refused)));
        }
        let is_upgrade = handshake::is_asked(&request);
        let origin = match guard(&self.access, request.uri(), request.headers()) {
            Ok(origin) => origin,
            Err(refusal) => return Reply::Plain(self.refuse(refusal, &path, &request)),
        };
        let answer = |mut response: Response| {
            if let Some(origin) = &origin {
                allow(response.headers_mut(), origin);
            }
            Reply::Plain(signed(response.map(|body| counted(body, output.clone()))))
        };
        if origin.is_some() && is_preflight(&request) {
            return answer(preflight(request.headers()));
        }
        let token = token(request.uri(), request.headers());
        // A WebSocket at an open path can ask for everything, so it is no open request.
        let needed = match is_upgrade {
            true => Some(Right::Use),
            false => self.service.needed_right(request.method(), &path),
        };
        let proven = self.identity.right(&self.access, request.headers());
        let right = proven.unwrap_or_else(|| self.access.right(token.as_deref()));
        let right = match (right, needed) {
            (Ok(right), Some(needed)) if right < needed => {
                return answer(self.refuse(Refusal::NotAllowed, &path, &request));
            }
            (Ok(right), _) => right,
            (Err(_), None) => Right::Use,
            (Err(refusal), Some(_)) => {
                return answer(match self.identity.proofs(&self.access, request.headers()) {
                    // It asks who is there, before it shows what it has: not a refusal that anybody should hear of.
                    Some(proofs) if refusal == Refusal::MissingToken => {
                        let mut response = signed(self.service.refusal(&path, refusal.into()));
                        response.headers_mut().insert(PROOF_HEADER, proofs);
                        response
                    }
                    _ => self.refuse(refusal, &path, &request),
                });
            }
        };
        let is_answered_anyway = || is_upgrade || self.service.answers_when_full(request.method(), &path);
        if place == Place::Reserved && !is_answered_anyway() {
            return answer(self.service.refusal(&path, Refused::TooManyConnections));
        }
        if path == "/" && is_upgrade {
            return match handshake::accept(&request) {
                Ok(upgrade) => {
                    peer.set_agent(product(request.headers()));
                    self.counters.websockets.fetch_add(1, Relaxed);
                    Reply::Upgrade(signed(upgrade), right)
                }
                Err(refused) => {
                    let mut response = self.service.refusal(&path, refused);
                    if refused == Refused::HandshakeVersion {
                        handshake::name_version(&mut response);
                    }
                    answer(response)
                }
            };
        }
        // A drain waits for it, until the response has been handed to hyper.
        let _counted = self.life.calls.token();
        request.extensions_mut().insert(Caller {
            connection: peer.connection,
            peer: peer.clone(),
            right,
            limits: self.limits.clone(),
            counters: self.counters.clone(),
            open: self.open(),
            draining: self.life.draining.clone(),
            budget: self.budget.clone(),
            output: output.clone(),
        });
        let routed = AssertUnwindSafe(async { self.routes.call(request).await }).catch_unwind();
        answer(match routed.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!(path, "an HTTP handler panicked");
                self.service.refusal(&path, Refused::Panicked)
            }
        })
    }

    fn refuse<B>(&self, refusal: Refusal, path: &str, request: &Request<B>) -> Response {
        tracing::info!(%refusal, "a request was refused");
        self.counters.refusals.count(match refusal {
            Refusal::MissingHost | Refusal::ForeignHost => Bound::Host,
            Refusal::ForeignOrigin => Bound::Origin,
            Refusal::MissingToken | Refusal::WrongToken | Refusal::NotAllowed => Bound::Token,
        });
        self.service.on_refused(&RefusedRequest {
            refusal,
            path,
            headers: request.headers(),
            is_websocket: handshake::is_asked(request),
        });
        signed(self.service.refusal(path, refusal.into()))
    }
}

/// Bytes of a request's line and headers, as HTTP/1.1 writes them.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let uri = request.uri();
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let target = uri.path().len() + uri.query().map_or(0, |query| query.len() + 1) + authority;
    let headers = request.headers().iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    request.method().as_str().len() + target + "  HTTP/1.1\r\n\r\n".len() + headers
}

/// Whether a browser asks what a page may send.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let asks = |name| request.headers().contains_key(name);
    request.method() == Method::OPTIONS && asks(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight of a page that is let in: it may send whatever headers it asks for, since the page's origin
/// and its token are what is judged. The official clients add headers of their own to every request.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = (StatusCode::NO_CONTENT, CORS).into_response();
    let headers = response.headers_mut();
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    let [ask, allow] = PRIVATE_NETWORK;
    if asked.get(ask).is_some_and(|asked| asked == "true") {
        headers.insert(allow, HeaderValue::from_static("true"));
    }
    response
}

/// Lets a page of `origin` read the response.
fn allow(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("*"),
    );
}

/// The token of a request: a bearer's, Azure's `api-key`, or `token` of the query.
fn token(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    let api_key = || {
        let key = headers.get("api-key")?.to_str().ok()?;
        Some(key.trim().to_owned())
    };
    bearer.or_else(api_key).or_else(|| {
        let pairs = uri.query()?.split('&');
        let token = pairs.filter_map(|pair| pair.strip_prefix("token=")).next()?;
        Some(token.to_owned())
    })
}

fn signed(mut response: Response) -> Response {
    let server = HeaderValue::from_static(SERVER);
    response.headers_mut().insert(header::SERVER, server);
    response
}

/// Checks where a request was sent to and which page it comes from. Returns the origin that needs CORS headers.
fn guard(access: &Access, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let host = only(headers, header::HOST).map_err(|Ambiguous| Refusal::ForeignHost)?;
    let origin = only(headers, header::ORIGIN).map_err(|Ambiguous| Refusal::ForeignOrigin)?;
    let mut is_other = access.admit(host, origin)?;
    // A request line with a whole address overrules the Host header (RFC 9112, section 3.2.2).
    if let Some(authority) = uri.authority() {
        is_other |= access.admit(Some(authority.as_str()), origin)?;
    }
    Ok(headers.get(header::ORIGIN).filter(|_| is_other).cloned())
}

/// The header is there more than once, or is not text.
struct Ambiguous;

fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Ambiguous> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Ambiguous),
        (Some(_), Some(_)) => Err(Ambiguous),
    }
}
