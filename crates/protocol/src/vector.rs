//! How vectors are written on the wire.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

/// How the vectors of a result are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON arrays of numbers.
    #[default]
    Float,
    /// One base64 text per vector: its f32 values, little-endian.
    Base64,
    /// One base64 text for all: a safetensors file with one F32 tensor `vector` of shape [count, dimension].
    Safetensors,
}

/// The vectors of a result in one of the [`Encoding`]s; the shape of the JSON shows which one. `None` stands for the
/// vector of a text that has none, which [`Encoding::Safetensors`] cannot express.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Vectors {
    /// [`Encoding::Float`].
    Float(Vec<Option<Vec<f32>>>),
    /// [`Encoding::Base64`].
    Base64(Vec<Option<String>>),
    /// [`Encoding::Safetensors`].
    Safetensors(String),
}

/// The text is not vectors in the encoding it claims.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the vector is not base64")]
    Base64(#[from] base64::DecodeError),
    /// Not a safetensors file.
    #[error("the vector is not a safetensors file")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// A safetensors file of another shape or type.
    #[error("the safetensors file has no F32 tensor `vector` of two dimensions")]
    Shape,
    /// A byte length that is not a multiple of four.
    #[error("{0} bytes are not a whole number of f32 values")]
    Length(usize),
    /// A text has no vector.
    #[error("text {0} has no vector")]
    Missing(usize),
}

impl Vectors {
    /// Writes `vectors`, all of the same dimension, in `encoding`.
    pub fn encode(vectors: Vec<Vec<f32>>, encoding: Encoding) -> Self {
        match encoding {
            Encoding::Float => Self::Float(vectors.into_iter().map(Some).collect()),
            Encoding::Base64 => Self::Base64(
                vectors
                    .iter()
                    .map(|vector| Some(STANDARD.encode(f32_bytes(vector))))
                    .collect(),
            ),
            Encoding::Safetensors => Self::Safetensors(safetensors_base64(&vectors)),
        }
    }

    /// Takes the vectors of the texts `failed` out; a safetensors file stays as it is.
    pub fn without(mut self, failed: &[usize]) -> Self {
        for index in failed {
            match &mut self {
                Self::Float(vectors) => vectors[*index] = None,
                Self::Base64(texts) => texts[*index] = None,
                Self::Safetensors(_) => {}
            }
        }
        self
    }

    /// Reads the vectors back; `None` for a text that has none.
    pub fn decode_each(self) -> Result<Vec<Option<Vec<f32>>>, DecodeError> {
        match self {
            Self::Float(vectors) => Ok(vectors),
            Self::Base64(texts) => {
                let read = |text: &String| f32_values(&STANDARD.decode(text)?);
                texts
                    .iter()
                    .map(|text| text.as_ref().map(read).transpose())
                    .collect()
            }
            Self::Safetensors(text) => Ok(from_safetensors_base64(&text)?.into_iter().map(Some).collect()),
        }
    }

    /// Reads the vectors back, one for every text.
    pub fn decode(self) -> Result<Vec<Vec<f32>>, DecodeError> {
        let each = self.decode_each()?.into_iter().enumerate();
        each.map(|(index, vector)| vector.ok_or(DecodeError::Missing(index)))
            .collect()
    }
}

/// Writes `vectors` as base64 of a safetensors file with one F32 tensor `vector` of shape [count, dimension].
///
/// The format of the original daemon's `embed_text`. Source: github.com/huggingface/safetensors, README.
pub fn safetensors_base64(vectors: &[Vec<f32>]) -> String {
    let dimension = vectors.first().map_or(0, Vec::len);
    let bytes: Vec<u8> = vectors.iter().flat_map(|vector| f32_bytes(vector)).collect();
    let view = TensorView::new(Dtype::F32, vec![vectors.len(), dimension], &bytes)
        .expect("the vectors of one model have one dimension");
    STANDARD.encode(safetensors::serialize([("vector", view)], None).expect("one tensor with a short name"))
}

/// Reads what [`safetensors_base64`] wrote.
pub fn from_safetensors_base64(text: &str) -> Result<Vec<Vec<f32>>, DecodeError> {
    let file = STANDARD.decode(text)?;
    let tensors = SafeTensors::deserialize(&file)?;
    let tensor = tensors.tensor("vector")?;
    let &[count, dimension] = tensor.shape() else {
        return Err(DecodeError::Shape);
    };
    if tensor.dtype() != Dtype::F32 {
        return Err(DecodeError::Shape);
    }
    if dimension == 0 {
        return Ok(vec![Vec::new(); count]);
    }
    Ok(f32_values(tensor.data())?
        .chunks(dimension)
        .map(<[f32]>::to_vec)
        .collect())
}

fn f32_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn f32_values(bytes: &[u8]) -> Result<Vec<f32>, DecodeError> {
    let (values, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
    } else {
        Err(DecodeError::Length(bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_reads_back_what_it_wrote() {
        let vectors = vec![vec![0.1, -2.5e-8, 3.0], vec![1.0, f32::MIN_POSITIVE, -0.0]];
        for encoding in [Encoding::Float, Encoding::Base64, Encoding::Safetensors] {
            let json = serde_json::to_string(&Vectors::encode(vectors.clone(), encoding)).unwrap();
            let read: Vectors = serde_json::from_str(&json).unwrap();
            assert_eq!(read.decode().unwrap(), vectors, "{encoding:?}");
        }
    }

    #[test]
    fn a_text_without_a_vector_has_null_in_its_place() {
        for encoding in [Encoding::Float, Encoding::Base64] {
            let vectors = Vectors::encode(vec![vec![1.0], vec![f32::NAN], vec![2.0]], encoding).without(&[1]);
            let json = serde_json::to_value(vectors).unwrap();
            assert!(json[1].is_null(), "{json}");
            let read: Vectors = serde_json::from_value(json).unwrap();
            let expected = [Some(vec![1.0]), None, Some(vec![2.0])];
            assert_eq!(read.clone().decode_each().unwrap(), expected);
            assert!(matches!(read.decode(), Err(DecodeError::Missing(1))));
        }
    }

    #[test]
    fn safetensors_text_has_the_original_layout() {
        let file = STANDARD.decode(safetensors_base64(&[vec![1.0, 2.0]])).unwrap();
        let header_length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&file[8..8 + header_length]).unwrap();
        assert_eq!(header["vector"]["dtype"], "F32");
        assert_eq!(header["vector"]["shape"], serde_json::json!([1, 2]));
        assert_eq!(file[8 + header_length..], [0, 0, 128, 63, 0, 0, 0, 64]);
    }

    #[test]
    fn broken_texts_are_errors() {
        assert!(matches!(
            Vectors::Base64(vec![Some("*".into())]).decode(),
            Err(DecodeError::Base64(_))
        ));
        assert!(matches!(
            Vectors::Base64(vec![Some("AAAA".into())]).decode(),
            Err(DecodeError::Length(3))
        ));
        assert!(matches!(
            Vectors::Safetensors("AAAA".into()).decode(),
            Err(DecodeError::Safetensors(_))
        ));
    }
}
