//! Errors over HTTP, in the shape that the clients of a dialect understand.

use std::time::Duration;

use axum::{
    Json,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    response::{IntoResponse, Response},
};
use okibi_listener::Refused;
use serde_json::{Value, json};

use crate::Dialect;

/// An error of an HTTP request, before it has a dialect's shape.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpError {
    /// The status.
    pub status: StatusCode,
    /// What went wrong and what to do, for people.
    pub message: String,
    /// One word for programs, such as `model_not_found`.
    pub code: &'static str,
    /// The field of the request that is wrong.
    pub param: Option<&'static str>,
    /// When to ask again.
    pub retry_after: Option<Duration>,
    /// Details for programs.
    pub details: Option<Value>,
}

impl HttpError {
    /// An error without details.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code,
            param: None,
            retry_after: None,
            details: None,
        }
    }

    /// The response in the shape of `dialect`.
    ///
    /// OpenAI's is `{"error": {"message", "type", "param", "code"}}`. Elsewhere `error` is the message, as Ollama and
    /// text-embeddings-inference have it, and `error_type` the latter's word.
    pub fn response(&self, dialect: Dialect) -> Response {
        let body = match dialect {
            Dialect::OpenAi => json!({ "error": {
                "message": self.message,
                "type": self.openai_type(),
                "param": self.param,
                "code": self.code,
                "details": self.details,
            } }),
            Dialect::JsonRpc | Dialect::Ollama | Dialect::Tei => json!({
                "error": self.message,
                "error_type": self.tei_type(),
                "code": self.code,
                "details": self.details,
            }),
        };
        let mut response = (self.status_in(dialect), Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    /// The status in `dialect`: text-embeddings-inference answers a field with a wrong value by 422.
    ///
    /// Source: its `ErrorType::Validation`.
    fn status_in(&self, dialect: Dialect) -> StatusCode {
        let is_of_field = self.status == StatusCode::BAD_REQUEST && self.param.is_some();
        match dialect {
            Dialect::Tei if is_of_field && self.tei_type() == "Validation" => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            _ => self.status,
        }
    }

    /// Source: OpenAI's API reference, "Error codes", and the errors its servers send.
    fn openai_type(&self) -> &'static str {
        match self.status {
            StatusCode::UNAUTHORIZED => "authentication_error",
            StatusCode::FORBIDDEN => "permission_error",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        }
    }

    /// Source: text-embeddings-inference, `ErrorType` in its OpenAPI description.
    fn tei_type(&self) -> &'static str {
        match (self.status, self.code) {
            (_, "empty_input") => "Empty",
            (_, "tokenizer") => "Tokenizer",
            (StatusCode::TOO_MANY_REQUESTS, _) => "Overloaded",
            (StatusCode::SERVICE_UNAVAILABLE, _) => "Unhealthy",
            // The original's for what its model is not made for.
            (StatusCode::FAILED_DEPENDENCY, _) => "Backend",
            (status, _) if status.is_server_error() => "Backend",
            _ => "Validation",
        }
    }
}

/// What the listener itself refuses.
impl From<Refused> for HttpError {
    fn from(refused: Refused) -> Self {
        let message = match refused {
            Refused::NotFound => format!("{refused}; GET /docs lists what there is"),
            refused => refused.to_string(),
        };
        Self::new(refused.status(), refused.code(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_400_and_422_with_text_embeddings_inference() {
        let of_field = |code| HttpError {
            param: Some("inputs"),
            ..HttpError::new(StatusCode::BAD_REQUEST, code, "no")
        };
        for (error, status) in [
            (of_field("invalid_request"), 422),
            // It has 400 for what is empty, and for what is not JSON.
            (of_field("empty_input"), 400),
            (
                HttpError::new(StatusCode::BAD_REQUEST, "invalid_request", "no"),
                400,
            ),
            (
                HttpError::new(StatusCode::FAILED_DEPENDENCY, "not_available", "no"),
                424,
            ),
        ] {
            assert_eq!(
                error.response(Dialect::Tei).status().as_u16(),
                status,
                "{error:?}"
            );
            assert_eq!(
                error.response(Dialect::OpenAi).status(),
                error.status,
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_client_that_has_to_wait_gets_whole_seconds() {
        let mut error = HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "loading", "not yet");
        error.retry_after = Some(Duration::from_millis(200));
        let response = error.response(Dialect::OpenAi);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(
            (error.openai_type(), error.tei_type()),
            ("server_error", "Unhealthy")
        );
    }
}
