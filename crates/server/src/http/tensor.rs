//! Vectors as bytes, for bulk: little-endian f32, bare or as a NumPy file.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

/// Shape of a binary answer: texts, dimensions.
pub(super) const SHAPE: HeaderName = HeaderName::from_static("x-okibi-shape");

/// How the client wants its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As the dialect's JSON.
    Json,
    /// Bare little-endian f32.
    Bytes,
    /// A NumPy file, version 1.0.
    Npy,
}

impl Form {
    /// The form that `Accept` names; JSON where it names none of ours.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
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

/// The vectors in a binary form; `None` for JSON, which is the dialect's.
pub(super) fn response(form: Form, vectors: &[Vec<f32>]) -> Option<Response> {
    let dimension = vectors.first().map_or(0, Vec::len);
    let (mut bytes, kind) = match form {
        Form::Json => return None,
        Form::Bytes => (Vec::new(), "application/octet-stream"),
        Form::Npy => (npy_header(vectors.len(), dimension), "application/x-npy"),
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

/// Source: NumPy, `numpy.lib.format`, version 1.0: magic, length, a Python dict, padded to 64 bytes.
fn npy_header(count: usize, dimension: usize) -> Vec<u8> {
    let dict = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {dimension}), }}");
    let prefix = 10;
    let padded = (prefix + dict.len() + 1).next_multiple_of(64) - prefix;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(padded as u16).to_le_bytes());
    header.extend_from_slice(dict.as_bytes());
    header.resize(prefix + padded - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numpy_file_begins_at_a_multiple_of_64() {
        for count in [1, 10, 100_000] {
            let header = npy_header(count, 384);
            assert_eq!((header.len() % 64, header.last()), (0, Some(&b'\n')));
        }
    }

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
