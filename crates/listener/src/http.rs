//! HTTP: the guard, the upgrade, the routes of the service, and what is answered where there is none.

use std::panic::AssertUnwindSafe;

use axum::{
    Json, Router,
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
use okibi_protocol::guard::{Refusal, admit};

use crate::{handshake, listener::Core, service::Service};

/// The `Server` header of every HTTP answer, by which a client knows whom it has reached.
const SERVER: &str = concat!("okibi/", env!("CARGO_PKG_VERSION"));

/// What `GET /` says to people.
const INFO: &str = concat!(
    "Okibi ",
    env!("CARGO_PKG_VERSION"),
    ": JSON-RPC over WebSocket here; GET /health\n"
);

/// The routes of a service and what is answered beside them.
pub(crate) type Routes = TowerToHyperService<Router>;

/// Puts the fallbacks around the routes of a service.
pub(crate) fn routes(service: &impl Service, max_body_bytes: usize) -> Routes {
    let router = service
        .routes()
        .fallback(elsewhere)
        .method_not_allowed_fallback(|| async {
            refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path does not take this method",
            )
        })
        .layer(DefaultBodyLimit::max(max_body_bytes));
    TowerToHyperService::new(router)
}

async fn elsewhere(method: Method, uri: Uri) -> Response {
    match (uri.path(), method) {
        ("/", Method::GET | Method::HEAD) => INFO.into_response(),
        ("/", _) => refuse(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path does not take this method",
        ),
        _ => refuse(StatusCode::NOT_FOUND, "there is nothing at this path"),
    }
}

/// What a request comes to.
pub(crate) enum Reply {
    /// A response.
    Plain(Response),
    /// The response that makes the connection a WebSocket.
    Upgrade(Response),
}

impl<S: Service> Core<S> {
    /// Answers a request: the guard first, then the WebSocket, then the routes.
    pub(crate) async fn reply(&self, request: Request<Incoming>) -> Reply {
        if let Err(refusal) = guard(request.uri(), request.headers()) {
            tracing::info!(%refusal, "a request was refused");
            let status = match refusal {
                Refusal::MissingHost => StatusCode::BAD_REQUEST,
                Refusal::ForeignHost | Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
            };
            return Reply::Plain(signed(refuse(status, &refusal.to_string())));
        }
        if request.uri().path() == "/" && handshake::is_asked(&request) {
            return match handshake::accept(&request) {
                Reply::Upgrade(upgrade) => Reply::Upgrade(signed(upgrade)),
                Reply::Plain(refusal) => Reply::Plain(signed(refusal)),
            };
        }
        let _counted = self.life.calls.token();
        let routed = AssertUnwindSafe(async { self.routes.call(request).await }).catch_unwind();
        Reply::Plain(signed(match routed.await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!("an HTTP handler panicked");
                refuse(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the server failed at this request; its log says more",
                )
            }
        }))
    }
}

/// An answer of `status` whose body is `{"error": message}`.
pub(crate) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(serde_json::json!({ "error": message }))).into_response()
}

fn signed(mut response: Response) -> Response {
    let server = HeaderValue::from_static(SERVER);
    response.headers_mut().insert(header::SERVER, server);
    response
}

/// Judges where a request was sent to and which page it comes from.
fn guard(uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = only(headers, header::HOST).map_err(|Foreign| Refusal::ForeignHost)?;
    let origin = only(headers, header::ORIGIN).map_err(|Foreign| Refusal::ForeignOrigin)?;
    admit(host, origin)?;
    // A request line with a whole address overrules the Host header (RFC 9112, section 3.2.2).
    match uri.authority() {
        Some(authority) => admit(Some(authority.as_str()), origin),
        None => Ok(()),
    }
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
