//! Vectors as bytes, for bulk: little-endian f32, bare or as a NumPy file.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use okibi_engine::Embedded;
use okibi_protocol::npy;

use super::headers;

/// Shape of a binary answer: texts, dimensions.
const SHAPE: HeaderName = HeaderName::from_static("x-okibi-shape");

/// How the client wants its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// As the dialect's JSON.
    Json,
    /// Bare little-endian f32.
    Bytes,
    /// A NumPy file, version 1.0.
    Npy,
}

impl Form {
    /// The form that `Accept` names; JSON where it names none of ours.
    fn wanted(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(header::ACCEPT);
        let mut kinds = accept
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|kind| {
                kind.split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase()
            });
        kinds
            .find_map(|kind| match kind.as_str() {
                "application/octet-stream" => Some(Self::Bytes),
                "application/x-npy" | "application/npy" => Some(Self::Npy),
                "application/json" | "*/*" => Some(Self::Json),
                _ => None,
            })
            .unwrap_or(Self::Json)
    }
}

/// The answer to a request for embeddings: in the binary form that `Accept` names, else as the dialect's `json`, with the
/// headers that every such answer has. Takes the vectors out of `embedded`.
pub(super) fn answer(
    headers: &HeaderMap,
    embedded: &mut Embedded,
    json: impl FnOnce(Vec<Vec<f32>>, &Embedded) -> Response,
) -> Response {
    let vectors = std::mem::take(&mut embedded.vectors);
    let response = match binary(Form::wanted(headers), &vectors) {
        Some(response) => response,
        None => json(vectors, embedded),
    };
    headers::add(response, embedded)
}

/// The vectors in a binary form; `None` for JSON, whose shape is the dialect's.
fn binary(form: Form, vectors: &[Vec<f32>]) -> Option<Response> {
    let dimension = vectors.first().map_or(0, Vec::len);
    let (mut bytes, kind) = match form {
        Form::Json => return None,
        Form::Bytes => (Vec::new(), "application/octet-stream"),
        Form::Npy => (npy::header(vectors.len() as u64, dimension), "application/x-npy"),
    };
    bytes.reserve(vectors.len() * dimension * size_of::<f32>());
    for value in vectors.iter().flatten() {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(shape) = HeaderValue::try_from(format!("{},{dimension}", vectors.len())) {
        headers.insert(SHAPE, shape);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_kind_counts() {
        let wanted = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            Form::wanted(&headers)
        };
        assert_eq!(wanted("application/octet-stream"), Form::Bytes);
        assert_eq!(wanted("text/html, application/x-npy;q=0.9, */*"), Form::Npy);
        assert_eq!(wanted("application/json, application/octet-stream"), Form::Json);
        assert_eq!(Form::wanted(&HeaderMap::new()), Form::Json);
    }
}
