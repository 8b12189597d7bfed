//! Numbers of other types than ours, as files and graphs have them.

use half::{bf16, f16};

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    F32,
    F16,
    BF16,
    F64,
}

/// Reads numbers from bytes, the lowest byte of each first.
pub(crate) fn read(numbers: Numbers, bytes: &[u8]) -> Vec<f32> {
    match numbers {
        Numbers::F32 => each(bytes, f32::from_le_bytes),
        Numbers::F16 => each(bytes, |bytes| f16::from_le_bytes(bytes).to_f32()),
        Numbers::BF16 => each(bytes, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Numbers::F64 => each(bytes, |bytes| f64::from_le_bytes(bytes) as f32),
    }
}

fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (numbers, _) = bytes.as_chunks::<N>();
    numbers.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_gives_the_same_number() {
        let expected = [1.5, -0.25];
        assert_eq!(
            read(Numbers::F32, &expected.map(f32::to_le_bytes).concat()),
            expected
        );
        assert_eq!(
            read(
                Numbers::F64,
                &expected.map(|value| f64::from(value).to_le_bytes()).concat()
            ),
            expected
        );
        assert_eq!(
            read(
                Numbers::F16,
                &expected.map(|value| f16::from_f32(value).to_le_bytes()).concat()
            ),
            expected
        );
        assert_eq!(
            read(
                Numbers::BF16,
                &expected.map(|value| bf16::from_f32(value).to_le_bytes()).concat()
            ),
            expected
        );
    }
}
