//! An encoder's learned values, by the part they belong to, as their file has them.
//!
//! A family says which tensor is which part; from here on nobody knows its names. Nothing is copied: a matrix is a view of
//! a mapped file, and is converted row by row where it is packed or looked up.

/// A matrix in a file: row-major, little-endian.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    rows: usize,
    columns: usize,
    kind: Kind,
    bytes: &'a [u8],
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    F32,
    /// IEEE 754's 16 bits.
    F16,
    /// The upper 16 bits of 32.
    Bf16,
    /// Blocks of 32 along a row, each a scale of 16 bits and then 4 bits a number: byte `j` has the number `j` in its low
    /// half and `j + 16` in its high one, and a number is `scale · (bits − 8)`. Source: GGML's `Q4_0`.
    Q4,
}

/// Numbers of a block of [`Kind::Q4`], and its bytes.
pub(crate) const BLOCK: (usize, usize) = (32, 18);

impl Kind {
    /// Bytes of a row of so many numbers; `None` where no row has so many.
    pub fn row_bytes(self, columns: usize) -> Option<usize> {
        match self {
            Self::F32 => columns.checked_mul(4),
            Self::F16 | Self::Bf16 => columns.checked_mul(2),
            Self::Q4 if columns.is_multiple_of(BLOCK.0) => (columns / BLOCK.0).checked_mul(BLOCK.1),
            Self::Q4 => None,
        }
    }
}

impl<'a> Matrix<'a> {
    /// Looks at bytes as a matrix; `None` where they are not `rows × columns` numbers of the kind.
    pub fn new(rows: usize, columns: usize, kind: Kind, bytes: &'a [u8]) -> Option<Self> {
        let expected = rows.checked_mul(kind.row_bytes(columns)?)?;
        (bytes.len() == expected).then_some(Self {
            rows,
            columns,
            kind,
            bytes,
        })
    }

    /// Its number of rows; those of a product are its outputs.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its number of columns; those of a product are its inputs.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How its numbers are written.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its numbers as they are written.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Some of its rows, as a matrix; `None` where it has fewer.
    pub fn slice(&self, first: usize, count: usize) -> Option<Self> {
        let row = self.kind.row_bytes(self.columns)?;
        let end = first.checked_add(count)?;
        let bytes = self.bytes.get(first.checked_mul(row)?..end.checked_mul(row)?)?;
        Self::new(count, self.columns, self.kind, bytes)
    }

    /// Writes a row to `out`, which has as many places as the matrix has columns.
    ///
    /// Panics where there is no such row.
    pub fn read_row(&self, row: usize, out: &mut [f32]) {
        let width = self.bytes.len() / self.rows;
        let bytes = &self.bytes[row * width..][..width];
        let pairs = || bytes.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
        match self.kind {
            Kind::F32 => {
                for (out, four) in out.iter_mut().zip(bytes.chunks_exact(4)) {
                    *out = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
                }
            }
            Kind::F16 => {
                for (out, pair) in out.iter_mut().zip(pairs()) {
                    *out = half::f16::from_le_bytes(pair).to_f32();
                }
            }
            Kind::Bf16 => {
                for (out, pair) in out.iter_mut().zip(pairs()) {
                    *out = half::bf16::from_le_bytes(pair).to_f32();
                }
            }
            Kind::Q4 => {
                for (out, block) in out.chunks_exact_mut(BLOCK.0).zip(bytes.chunks_exact(BLOCK.1)) {
                    read_block(block, out);
                }
            }
        }
    }
}

/// Writes the numbers of a block of [`Kind::Q4`].
fn read_block(block: &[u8], out: &mut [f32]) {
    let (scale, bits) = block.split_at(2);
    let scale = half::f16::from_le_bytes([scale[0], scale[1]]).to_f32();
    let number = |bits: u8| scale * (f32::from(bits) - 8.0);
    let (low, high) = out.split_at_mut(bits.len());
    for ((byte, low), high) in bits.iter().zip(low).zip(high) {
        *low = number(byte & 0x0f);
        *high = number(byte >> 4);
    }
}

/// A linear layer: `y = weights · x + bias`.
#[derive(Clone, Debug)]
pub struct Product<'a> {
    /// Outputs × inputs.
    pub weights: Matrix<'a>,
    /// One value an output.
    pub bias: Option<Vec<f32>>,
}

/// The learned values of a norm; `bias` is there where its formula has one.
#[derive(Clone, Debug)]
pub struct NormParameters {
    /// One value a place.
    pub weight: Vec<f32>,
    /// One value a place.
    pub bias: Option<Vec<f32>>,
}

/// The learned values of an encoder: a part is there where its description has it.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    /// Vocabulary × hidden.
    pub tokens: Matrix<'a>,
    /// Positions × hidden.
    pub positions: Option<Matrix<'a>>,
    /// The row of token type 0.
    pub token_type: Option<Vec<f32>>,
    /// After the sum of the embeddings.
    pub embedding_norm: Option<NormParameters>,
    /// Buckets × heads: the bias of the scores that all layers share.
    pub relative: Option<Matrix<'a>>,
    /// From the first to the last.
    pub layers: Vec<LayerParameters<'a>>,
    /// After the last layer.
    pub final_norm: Option<NormParameters>,
}

/// The learned values of one layer.
#[derive(Clone, Debug)]
pub struct LayerParameters<'a> {
    /// Of queries.
    pub query: Product<'a>,
    /// Of keys.
    pub key: Product<'a>,
    /// Of values.
    pub value: Product<'a>,
    /// After the heads.
    pub output: Product<'a>,
    /// Of each head's query, where there is such a norm.
    pub query_norm: Option<NormParameters>,
    /// Of each head's key, where there is such a norm.
    pub key_norm: Option<NormParameters>,
    /// Going up, without the activation where there is a gate, and with it where there is none.
    pub up: Product<'a>,
    /// Going up, with the activation.
    pub gate: Option<Product<'a>>,
    /// Going down.
    pub down: Product<'a>,
    /// Those that the description has.
    pub norms: LayerNorms,
}

/// The learned values of a layer's norms: each place is filled where the description's [`Norms`](crate::description::Norms) has it.
#[derive(Clone, Debug, Default)]
pub struct LayerNorms {
    /// `Before` and `Around`: before attention.
    pub before_attention: Option<NormParameters>,
    /// `After` (after the sum) and `Around` (before it): after attention.
    pub after_attention: Option<NormParameters>,
    /// `Before` and `Around`: before feed-forward.
    pub before_feed_forward: Option<NormParameters>,
    /// `After` (after the sum) and `Around` (before it): after feed-forward.
    pub after_feed_forward: Option<NormParameters>,
}
