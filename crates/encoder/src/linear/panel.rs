//! How sixteen outputs' weights are laid out in lines.

use crate::lanes::{Line, WIDTH, Words};

/// An input of sixteen outputs a line.
pub(super) fn pack_f32(inputs: &[[f32; WIDTH]], lines: &mut Vec<Line>) {
    lines.extend(inputs.iter().map(|outputs| {
        let mut line = Line([0; 64]);
        let (places, _) = line.0.as_chunks_mut::<4>();
        for (place, value) in places.iter_mut().zip(outputs) {
            *place = value.to_le_bytes();
        }
        line
    }));
}

/// Two inputs of sixteen outputs a line, rounded to their upper halves.
pub(super) fn pack_bf16(inputs: &[[f32; WIDTH]], lines: &mut Vec<Line>) {
    let (pairs, _) = inputs.as_chunks::<2>();
    lines.extend(pairs.iter().map(|pair| {
        let mut line = Line([0; 64]);
        let (places, _) = line.0.as_chunks_mut::<2>();
        for (place, value) in places.iter_mut().zip(pair.as_flattened()) {
            *place = half::bf16::from_f32(*value).to_le_bytes();
        }
        line
    }));
}

/// Sixteen outputs as 8-bit integers.
pub(super) struct Quantized {
    /// What an integer of each output is worth.
    pub(super) scales: [f32; WIDTH],
    /// The sum of each output's integers.
    pub(super) sums: [i32; WIDTH],
}

/// Four inputs of sixteen outputs a line: word after word, and in a word the inputs of an output beside each other.
pub(super) fn pack_int8(inputs: &[[f32; WIDTH]], words: Words, lines: &mut Vec<Line>) -> Quantized {
    let mut most = [0.0f32; WIDTH];
    for outputs in inputs {
        for (most, value) in most.iter_mut().zip(outputs) {
            // Keeps NaN, which then spoils its own output.
            if value.abs() > *most || value.is_nan() {
                *most = value.abs();
            }
        }
    }
    let scales = most.map(|most| most / 127.0);
    let mut sums = [0; WIDTH];
    let (fours, _) = inputs.as_chunks::<4>();
    lines.extend(fours.iter().map(|four| {
        let mut line = Line([0; 64]);
        for (input, outputs) in four.iter().enumerate() {
            let (word, place) = (input / words.group, input % words.group);
            for (lane, value) in outputs.iter().enumerate() {
                let integer = if scales[lane] > 0.0 {
                    (value / scales[lane]).round_ties_even() as i8
                } else {
                    0
                };
                sums[lane] += i32::from(integer);
                line.0[(word * WIDTH + lane) * words.group + place] = integer as u8;
            }
        }
        line
    }));
    Quantized { scales, sums }
}
