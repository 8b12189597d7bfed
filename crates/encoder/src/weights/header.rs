//! The header of a safetensors file: which tensors it has, and where.
//!
//! The file is the header's length in eight bytes, the header as JSON, and the tensors one after the other. The reader of
//! the format's makers is not used: it takes the last of two tensors with one name, and its sums can overflow.

use std::{collections::HashMap, fmt, ops::Range};

use serde::{
    Deserialize,
    de::{Deserializer, Error, MapAccess, Visitor},
};

use crate::parameters::BLOCK;

/// A header is at most this long, as the format says.
const MOST_BYTES: u64 = 100_000_000;

/// Where a tensor is, in the whole file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) bytes: Range<usize>,
    pub(super) shape: Vec<u64>,
    pub(super) number_type: String,
}

#[derive(Deserialize)]
struct Told {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// What the metadata says matrices of bytes are, and the type that such a matrix then has here.
pub(super) const BLOCKS: &str = "q4_0";

/// The key of that.
const MATRICES: &str = "matrices";

/// The tensors, each once, and whether matrices of bytes are blocks.
struct Tensors {
    told: HashMap<String, Told>,
    has_blocks: bool,
}

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Tensors;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object with the tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensors, A::Error> {
                let (mut told, mut has_blocks) = (HashMap::new(), false);
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        let metadata: HashMap<String, String> = map.next_value()?;
                        has_blocks = metadata.get(MATRICES).is_some_and(|kind| kind == BLOCKS);
                        continue;
                    }
                    if told.insert(name.clone(), map.next_value()?).is_some() {
                        return Err(A::Error::custom(format_args!("two tensors are called {name}")));
                    }
                }
                Ok(Tensors { told, has_blocks })
            }
        }

        deserializer.deserialize_map(Each)
    }
}

/// Reads the header of a file, whole; every range that is returned is within the file and as long as its tensor.
///
/// Errors: what is wrong.
pub(super) fn read(file: &[u8]) -> Result<HashMap<String, Entry>, String> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        return Err(format!("it has {} bytes and no header", file.len()));
    };
    let length = u64::from_le_bytes(*length);
    if length > MOST_BYTES {
        return Err(format!(
            "it is not a file of safetensors: its header would have {length} bytes"
        ));
    }
    // Not more than the limit, so it is a `usize`.
    let length = length as usize;
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err(format!("its header has {length} bytes, and the file ends before"));
    };
    let Tensors {
        told: tensors,
        has_blocks,
    } = serde_json::from_slice(header).map_err(|error| format!("its header: {error}"))?;

    let mut order: Vec<_> = tensors
        .iter()
        .map(|(name, told)| (told.data_offsets, name))
        .collect();
    order.sort_unstable();
    let mut end = 0;
    for ((first, last), name) in order {
        if first != end || last < first {
            return Err(format!(
                "its tensor {name} begins at {first}, where the one before ends at {end}"
            ));
        }
        end = last;
    }
    if end != data.len() as u64 {
        return Err(format!(
            "its tensors have {end} bytes, and the file has {} for them",
            data.len()
        ));
    }

    let begin = 8 + length;
    let mut entries = HashMap::with_capacity(tensors.len());
    for (name, told) in tensors {
        let (first, last) = told.data_offsets;
        if let Some(bits) = bits(&told.dtype) {
            let numbers = told
                .shape
                .iter()
                .try_fold(1u64, |all, size| all.checked_mul(*size));
            let bits = numbers.and_then(|numbers| numbers.checked_mul(bits));
            if bits != (last - first).checked_mul(8) {
                let (shape, kind) = (&told.shape, &told.dtype);
                return Err(format!(
                    "its tensor {name} has the shape {shape:?} of {kind}, and {} bytes",
                    last - first
                ));
            }
        }
        let mut entry = Entry {
            // Both are at most the file's length, which is a `usize`.
            bytes: begin + first as usize..begin + last as usize,
            shape: told.shape,
            number_type: told.dtype,
        };
        if let ([_, columns], "U8", true) =
            (entry.shape.as_mut_slice(), entry.number_type.as_str(), has_blocks)
        {
            let (numbers, bytes) = (BLOCK.0 as u64, BLOCK.1 as u64);
            // A tensor without rows has rows of any length.
            let all = (*columns / bytes).checked_mul(numbers);
            let Some(all) = all.filter(|_| columns.is_multiple_of(bytes)) else {
                return Err(format!(
                    "its tensor {name} has {columns} bytes a row, which are no whole blocks"
                ));
            };
            *columns = all;
            entry.number_type = BLOCKS.to_owned();
        }
        entries.insert(name, entry);
    }
    Ok(entries)
}

/// Bits of a number; `None` for a type that the format has learned since, which is not computed anyway.
fn bits(number_type: &str) -> Option<u64> {
    match number_type {
        "F4" => Some(4),
        "F6_E2M3" | "F6_E3M2" => Some(6),
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => Some(8),
        "I16" | "U16" | "F16" | "BF16" => Some(16),
        "I32" | "U32" | "F32" => Some(32),
        "I64" | "U64" | "F64" | "C64" => Some(64),
        _ => None,
    }
}
