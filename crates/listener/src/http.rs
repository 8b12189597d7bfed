//! HTTP: the guard, the upgrade, the routes of the service, and what is answered where there is none.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axum::{
    Router,
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
    jsonrpc::RpcError,
};
use tokio_util::sync::CancellationToken;

use crate::{
    batch::too_much_unread,
    bound::{Bound, Refusals},
    budget::{Budget, Reserved},
    counted::counted,
    handshake::{self, Handshake},
    limits::Limits,
    listener::Core,
    refusal::HttpError,
    service::{ConnectionId, Service},
    unread::{Share, UnreadAnswer},
};

/// The `Server` header of every HTTP answer, by which a client knows whom it has reached.
const SERVER: &str = concat!("okibi/", env!("CARGO_PKG_VERSION"));

/// Paths that need no token: whether anybody is there, and how it is, tells no one anything worth hiding.
const OPEN_PATHS: [&str; 3] = ["/", "/livez", "/readyz"];

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

/// What a listener has seen since it began.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Connections turned away because there were too many.
    pub turned_away: AtomicU64,
    /// Requests refused by the guard: host, origin, token.
    pub refused: AtomicU64,
    /// WebSockets opened.
    pub websockets: AtomicU64,
    /// Clients dropped: silent, or not reading.
    pub dropped: AtomicU64,
    /// What each bound has refused.
    pub refusals: Refusals,
}

/// Who sends an HTTP request: an extension of every request that reaches the routes of a service.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The connection it came on.
    pub connection: ConnectionId,
    /// What it may do.
    pub right: Right,
    /// The bounds of the listener.
    pub limits: Arc<Limits>,
    /// What the listener has seen.
    pub counts: Arc<Counts>,
    /// Connections open now.
    pub open: usize,
    /// Cancelled when the listener drains: a stream without end ends then.
    pub draining: CancellationToken,
    budget: Arc<Budget>,
    unread: Arc<Share>,
}

impl Caller {
    /// Bytes that requests hold now.
    pub fn held_bytes(&self) -> usize {
        self.budget.held()
    }

    /// Bytes of answers that wait to be read now, over all connections.
    pub fn unread_bytes(&self) -> usize {
        self.unread.of_all()
    }

    /// A share of the bytes that requests may hold; `None` where they are all held.
    pub fn reserve(&self, bytes: usize) -> Option<Held> {
        self.budget.reserve(bytes).map(Held)
    }

    /// Counts an answer of a batch until the batch is written.
    ///
    /// Errors: −32002 where the answers before it are too large together.
    pub fn hold_answer(&self, bytes: usize) -> Result<HeldAnswer, RpcError> {
        let held = self.unread.try_hold(bytes).map(HeldAnswer);
        held.ok_or_else(|| {
            self.counts.refusals.count(Bound::Unread);
            too_much_unread()
        })
    }
}

/// Bytes held until it is dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "dropping it gives the bytes back")] Reserved);

/// An answer that is counted until it is dropped.
#[derive(Debug)]
pub struct HeldAnswer(#[expect(dead_code, reason = "dropping it gives the bytes back")] UnreadAnswer);

/// The routes of a service and what is answered beside them.
pub(crate) type Routes = TowerToHyperService<Router>;

/// Puts the fallbacks around the routes of a service.
pub(crate) fn routes(service: &impl Service, max_body_bytes: usize) -> Routes {
    let router = service
        .routes()
        .fallback(elsewhere)
        .method_not_allowed_fallback(async |uri: Uri| {
            HttpError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take this method",
            )
            .response(uri.path())
        })
        .layer(DefaultBodyLimit::max(max_body_bytes));
    TowerToHyperService::new(router)
}

async fn elsewhere(uri: Uri) -> Response {
    HttpError::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this path; GET /docs tells what there is",
    )
    .response(uri.path())
}

/// What a request comes to.
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
        unread: &Arc<Share>,
        mut request: Request<Incoming>,
    ) -> Reply {
        let path = request.uri().path().to_owned();
        let origin = match guard(&self.access, request.uri(), request.headers()) {
            Ok(origin) => origin,
            Err(refusal) => return Reply::Plain(self.refuse(refusal, &path)),
        };
        let answer = |mut response: Response| {
            if let Some(origin) = &origin {
                allow(response.headers_mut(), origin);
            }
            Reply::Plain(signed(response.map(|body| counted(body, unread.clone()))))
        };
        if origin.is_some() && is_preflight(&request) {
            return answer((StatusCode::NO_CONTENT, CORS).into_response());
        }
        let right = match self
            .access
            .right(token(request.uri(), request.headers()).as_deref())
        {
            Ok(right) => right,
            Err(_) if OPEN_PATHS.contains(&path.as_str()) && !handshake::is_asked(&request) => Right::Use,
            Err(refusal) => return answer(self.refuse(refusal, &path)),
        };
        if path == "/" && handshake::is_asked(&request) {
            return match handshake::accept(&request) {
                Handshake::Accepted(upgrade) => {
                    self.counts.websockets.fetch_add(1, Relaxed);
                    Reply::Upgrade(signed(upgrade), right)
                }
                Handshake::Refused(refusal) => answer(refusal),
            };
        }
        let _counted = self.life.calls.token();
        request.extensions_mut().insert(Caller {
            connection,
            right,
            limits: self.limits.clone(),
            counts: self.counts.clone(),
            open: self.open(),
            draining: self.life.draining.clone(),
            budget: self.budget.clone(),
            unread: unread.clone(),
        });
        let routed = AssertUnwindSafe(async { self.routes.call(request).await }).catch_unwind();
        answer(match routed.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!(path, "an HTTP handler panicked");
                HttpError::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "the server failed at this request; its log says more",
                )
                .response(&path)
            }
        })
    }

    fn refuse(&self, refusal: Refusal, path: &str) -> Response {
        self.counts.refused.fetch_add(1, Relaxed);
        tracing::info!(%refusal, "a request was refused");
        self.counts.refusals.count(match refusal {
            Refusal::MissingHost | Refusal::ForeignHost => Bound::Host,
            Refusal::ForeignOrigin => Bound::Origin,
            Refusal::MissingToken | Refusal::WrongToken | Refusal::NotAllowed => Bound::Token,
        });
        let (status, code) = match refusal {
            Refusal::MissingHost => (StatusCode::BAD_REQUEST, "missing_host"),
            Refusal::ForeignHost => (StatusCode::FORBIDDEN, "foreign_host"),
            Refusal::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign_origin"),
            Refusal::MissingToken => (StatusCode::UNAUTHORIZED, "missing_token"),
            Refusal::WrongToken => (StatusCode::UNAUTHORIZED, "invalid_api_key"),
            Refusal::NotAllowed => (StatusCode::FORBIDDEN, "not_allowed"),
        };
        signed(HttpError::new(status, code, refusal.to_string()).response(path))
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

/// Judges where a request was sent to and which page it comes from; gives the origin that needs CORS headers.
fn guard(access: &Access, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refusal> {
    let host = only(headers, header::HOST).map_err(|Foreign| Refusal::ForeignHost)?;
    let origin = only(headers, header::ORIGIN).map_err(|Foreign| Refusal::ForeignOrigin)?;
    let mut is_other = access.admit(host, origin)?;
    // A request line with a whole address overrules the Host header (RFC 9112, section 3.2.2).
    if let Some(authority) = uri.authority() {
        is_other |= access.admit(Some(authority.as_str()), origin)?;
    }
    Ok(headers.get(header::ORIGIN).filter(|_| is_other).cloned())
}

/// A header that is there more than once or is no text.
struct Foreign;

fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, Foreign> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Foreign),
        (Some(_), Some(_)) => Err(Foreign),
    }
}
