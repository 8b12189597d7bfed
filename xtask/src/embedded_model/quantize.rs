//! From the weight file's 4-bit blocks to what ONNX Runtime's operators take.
//!
//! Only additions, products, divisions and `round` of f32, each exactly defined: every machine makes the
//! same bytes.

/// Weights in a block, consecutive along a row.
pub(crate) const BLOCK: usize = 32;
/// Bytes of a block: an f16 scale, then two weights a byte.
pub(crate) const BLOCK_BYTES: usize = 2 + BLOCK / 2;

/// What a nibble means by zero.
const NIBBLE_ZERO: f32 = 8.0;

/// A linear layer's weights in the layout of `MatMulIntegerToFloat`'s second operand.
#[derive(Debug, PartialEq)]
pub(crate) struct LinearWeights {
    /// Shape `[inputs, outputs]`: the weight file's matrix turned over.
    pub(crate) values: Vec<i8>,
    /// One per output; weight = value × scale.
    pub(crate) scales: Vec<f32>,
}

/// Requantizes blocks of shape `[outputs, inputs / 32]` with one scale per output, so that the largest
/// weight of each output becomes ±`largest`.
pub(crate) fn requantize(blocks: &[[u8; BLOCK_BYTES]], outputs: usize, largest: f32) -> LinearWeights {
    let inputs = blocks.len() / outputs * BLOCK;
    let mut values = vec![0; inputs * outputs];
    let mut scales = Vec::with_capacity(outputs);
    for (output, row) in blocks.chunks_exact(inputs / BLOCK).enumerate() {
        let weights: Vec<f32> = row.iter().flat_map(dequantize).collect();
        let scale = weights
            .iter()
            .fold(0.0_f32, |most, weight| most.max(weight.abs()))
            / largest;
        // A row of zeros has no scale of its own; any will do.
        let scale = if scale > 0.0 { scale } else { 1.0 };
        for (input, weight) in weights.iter().enumerate() {
            values[input * outputs + output] = (weight / scale).round() as i8;
        }
        scales.push(scale);
    }
    LinearWeights { values, scales }
}

/// A block's weights: scale × (nibble − 8). Byte j holds weight j in its low nibble and j + 16 in its high one.
fn dequantize(block: &[u8; BLOCK_BYTES]) -> [f32; BLOCK] {
    let scale = f16_to_f32(u16::from_le_bytes([block[0], block[1]]));
    let mut weights = [0.0; BLOCK];
    for (index, byte) in block[2..].iter().enumerate() {
        weights[index] = scale * (f32::from(byte & 0x0f) - NIBBLE_ZERO);
        weights[index + BLOCK / 2] = scale * (f32::from(byte >> 4) - NIBBLE_ZERO);
    }
    weights
}

/// The block's nibbles repacked for `GatherBlockQuantized`: byte k holds weight 2k low and 2k + 1 high.
pub(crate) fn pair_neighbors(block: &[u8; BLOCK_BYTES]) -> [u8; BLOCK / 2] {
    let packed = &block[2..];
    let nibble = |weight: usize| match weight.checked_sub(BLOCK / 2) {
        None => packed[weight] & 0x0f,
        Some(byte) => packed[byte] >> 4,
    };
    std::array::from_fn(|index| nibble(2 * index) | nibble(2 * index + 1) << 4)
}

/// The block's scale as the two bytes of an f16.
pub(crate) fn scale_bytes(block: &[u8; BLOCK_BYTES]) -> [u8; 2] {
    [block[0], block[1]]
}

/// The exact value of an IEEE 754 half.
fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction × 2⁻²⁴, exact in f32.
        0 => {
            let magnitude = fraction as f32 * f32::from_bits((127 - 24) << 23);
            f32::from_bits(magnitude.to_bits() | sign)
        }
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of scale 0.5 whose weight j is 0.5 × (nibbles[j] − 8).
    fn block(nibbles: [u8; BLOCK]) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        block[..2].copy_from_slice(&0x3800_u16.to_le_bytes());
        for index in 0..BLOCK / 2 {
            block[2 + index] = nibbles[index] | nibbles[index + BLOCK / 2] << 4;
        }
        block
    }

    #[test]
    fn halves_have_their_exact_values() {
        let cases = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 2.0_f32.powi(-24)),
            (0x7bff, 65504.0),
        ];
        for (bits, value) in cases {
            assert_eq!(f16_to_f32(bits), value, "half {bits:#06x}");
        }
        assert_eq!(f16_to_f32(0xfc00), f32::NEG_INFINITY);
        assert!(f16_to_f32(0x7e00).is_nan());
    }

    #[test]
    fn low_nibbles_are_the_first_half_of_a_block() {
        let weights = dequantize(&block(std::array::from_fn(|index| (index % 16) as u8)));
        assert_eq!(weights[..3], [-4.0, -3.5, -3.0]);
        assert_eq!(weights[15..18], [3.5, -4.0, -3.5]);
    }

    #[test]
    fn repacking_puts_neighbors_in_one_byte() {
        let nibbles: [u8; BLOCK] = std::array::from_fn(|index| (index * 7 % 16) as u8);
        for (index, byte) in pair_neighbors(&block(nibbles)).into_iter().enumerate() {
            assert_eq!(
                (byte & 0x0f, byte >> 4),
                (nibbles[2 * index], nibbles[2 * index + 1]),
                "byte {index}"
            );
        }
    }

    #[test]
    fn each_output_is_scaled_by_its_own_largest_weight() {
        // Output 0 spans −4 … 3.5; output 1 is 0 but for one 0.5.
        let mut second = [8; BLOCK];
        second[31] = 9;
        let blocks = [
            block(std::array::from_fn(|index| (index % 16) as u8)),
            block(second),
        ];
        let linear = requantize(&blocks, 2, 127.0);

        assert_eq!(linear.scales, [4.0 / 127.0, 0.5 / 127.0]);
        assert_eq!(
            linear.values[..4],
            [-127, 0, -111, 0],
            "inputs 0 and 1 of outputs 0 and 1"
        );
        assert_eq!(linear.values[31 * 2 + 1], 127);
    }

    #[test]
    fn outputs_of_zeros_stay_zero() {
        let linear = requantize(&[block([8; BLOCK])], 1, 127.0);
        assert_eq!(linear.values, [0; BLOCK]);
        assert!(linear.scales[0].is_finite());
    }
}
