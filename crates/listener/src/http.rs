//! HTTP: the guard, the upgrade to a WebSocket, the routes of the service, and what is answered beside them.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering::Relaxed},
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
use okibi_protocol::guard::{Access, Refusal, Right};

use crate::{
    bound::Bound,
    caller::Caller,
    connection_id::ConnectionId,
    core::{Core, Routes},
    counted_body::counted,
    handshake,
    refusal::Refused,
    service::Service,
    unread::ConnectionOutput,
};

/// The `Server` header of every HTTP answer, by which a client knows what it has reached.
const SERVER: &str = concat!("okibi/", env!("CARGO_PKG_VERSION"));

/// Methods and headers that a page of an allowed origin may use.
const CORS: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, accept",
    ),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "*"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
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
    /// Answers a request: the guard first, then the WebSocket, then the routes.
    pub(crate) async fn reply(
        &self,
        connection: ConnectionId,
        output: &Arc<ConnectionOutput>,
        mut request: Request<Incoming>,
    ) -> Reply {
        let path = request.uri().path().to_owned();
        let is_upgrade = handshake::is_asked(&request);
        let origin = match guard(&self.access, request.uri(), request.headers()) {
            Ok(origin) => origin,
            Err(refusal) => return Reply::Plain(self.refuse(refusal, &path)),
        };
        let answer = |mut response: Response| {
            if let Some(origin) = &origin {
                allow(response.headers_mut(), origin);
            }
            Reply::Plain(signed(response.map(|body| counted(body, output.clone()))))
        };
        if origin.is_some() && is_preflight(&request) {
            return answer((StatusCode::NO_CONTENT, CORS).into_response());
        }
        let token = token(request.uri(), request.headers());
        let right = match self.access.right(token.as_deref()) {
            Ok(right) => right,
            // Only as plain HTTP: a WebSocket at the same path can ask for everything.
            Err(_) if !is_upgrade && self.service.is_open(&path) => Right::Use,
            Err(refusal) => return answer(self.refuse(refusal, &path)),
        };
        if path == "/" && is_upgrade {
            return match handshake::accept(&request) {
                Ok(upgrade) => {
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
            connection,
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

    fn refuse(&self, refusal: Refusal, path: &str) -> Response {
        tracing::info!(%refusal, "a request was refused");
        self.counters.refusals.count(match refusal {
            Refusal::MissingHost | Refusal::ForeignHost => Bound::Host,
            Refusal::ForeignOrigin => Bound::Origin,
            Refusal::MissingToken | Refusal::WrongToken | Refusal::NotAllowed => Bound::Token,
        });
        signed(self.service.refusal(path, refusal.into()))
    }
}

/// Whether a browser asks what a page may send.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let asks = |name| request.headers().contains_key(name);
    request.method() == Method::OPTIONS && asks(header::ACCESS_CONTROL_REQUEST_METHOD)
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

/// The token of a request: a bearer's, or `token` of the query.
fn token(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    });
    bearer.or_else(|| {
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
