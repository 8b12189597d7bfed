//! The header of a NumPy file, format 1.0. Source: numpy.org, `numpy.lib.format`.

/// The header of a C-order, little-endian f32 array of shape [`count`, `dimension`].
///
/// Magic, version, the length of what follows, and a Python dict padded with spaces so that the data begins at a
/// multiple of 64 bytes.
pub fn header(count: u64, dimension: usize) -> Vec<u8> {
    const MAGIC_AND_LENGTH: usize = 10;
    const ALIGNMENT: usize = 64;
    let mut dict =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, {dimension}), }}").into_bytes();
    // One byte for the newline that ends the dict.
    let unpadded = MAGIC_AND_LENGTH + dict.len() + 1;
    dict.resize(dict.len() + unpadded.next_multiple_of(ALIGNMENT) - unpadded, b' ');
    dict.push(b'\n');
    let length = u16::try_from(dict.len()).expect("two numbers do not fill 64 KiB");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend(length.to_le_bytes());
    header.extend(dict);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_numpy_writes_it() {
        // numpy.save(file, numpy.zeros((3, 384), dtype="<f4"))
        let mut expected =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 384), }".to_vec();
        expected.resize(127, b' ');
        expected.push(b'\n');
        assert_eq!(header(3, 384), expected);
        for (count, dimension) in [(0, 0), (1, 1), (u64::MAX, usize::MAX), (123_456, 1024)] {
            assert_eq!(header(count, dimension).len() % 64, 0);
        }
    }
}
