//! The writing half of the protobuf wire format, as far as ONNX files need it.
//!
//! Written by hand because the whole need is four field kinds; a code generator would bring in a schema
//! compiler and make the set-up's first build longer. Source: the protobuf encoding guide.

/// The wire type of varint fields.
const VARINT: u64 = 0;
/// The wire type of length-delimited fields: strings, bytes, messages, packed lists.
const LENGTH_DELIMITED: u64 = 2;
/// The wire type of four-byte fields: `float`.
const FIXED32: u64 = 5;

/// A message under construction; fields stand in the file in the order they were added.
#[derive(Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// The encoded message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds an `int32`, `int64` or enum field; a negative value takes ten bytes, as the format says.
    pub(crate) fn int(&mut self, field: u32, value: i64) -> &mut Self {
        self.tag(field, VARINT);
        self.varint(value.cast_unsigned());
        self
    }

    /// Adds a `float` field.
    pub(crate) fn float(&mut self, field: u32, value: f32) -> &mut Self {
        self.tag(field, FIXED32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Adds a `bytes` field.
    pub(crate) fn bytes(&mut self, field: u32, value: &[u8]) -> &mut Self {
        self.tag(field, LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
        self
    }

    /// Adds a `string` field.
    pub(crate) fn string(&mut self, field: u32, value: &str) -> &mut Self {
        self.bytes(field, value.as_bytes())
    }

    /// Adds a nested message.
    pub(crate) fn message(&mut self, field: u32, value: Message) -> &mut Self {
        self.bytes(field, &value.bytes)
    }

    /// Adds a `repeated int64` field in its packed form.
    pub(crate) fn packed_ints(&mut self, field: u32, values: &[i64]) -> &mut Self {
        let mut list = Message::default();
        for value in values {
            list.varint(value.cast_unsigned());
        }
        self.message(field, list)
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.varint((u64::from(field) << 3) | wire_type);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field as a reader sees it.
    #[derive(Debug, PartialEq)]
    enum Field {
        Varint(u32, u64),
        Fixed32(u32, [u8; 4]),
        Bytes(u32, Vec<u8>),
    }

    fn read_varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first < 0x80 {
                return value;
            }
        }
        panic!("a varint has ten bytes at most");
    }

    fn read(mut bytes: &[u8]) -> Vec<Field> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = read_varint(&mut bytes);
            let field = (tag >> 3) as u32;
            fields.push(match tag & 7 {
                VARINT => Field::Varint(field, read_varint(&mut bytes)),
                FIXED32 => {
                    let (value, rest) = bytes.split_first_chunk().unwrap();
                    bytes = rest;
                    Field::Fixed32(field, *value)
                }
                LENGTH_DELIMITED => {
                    let length = read_varint(&mut bytes) as usize;
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    Field::Bytes(field, value.to_vec())
                }
                other => panic!("wire type {other} is never written"),
            });
        }
        fields
    }

    #[test]
    fn every_kind_of_field_reads_back() {
        let mut inner = Message::default();
        inner.int(1, 300);
        let mut message = Message::default();
        message
            .int(1, -1)
            .float(2, 0.5)
            .string(20, "熾火")
            .message(4, inner)
            .packed_ints(5, &[0, 127, 128]);

        let expected = [
            Field::Varint(1, u64::MAX),
            Field::Fixed32(2, 0.5_f32.to_le_bytes()),
            Field::Bytes(20, "熾火".as_bytes().to_vec()),
            Field::Bytes(4, vec![0x08, 0xac, 0x02]),
            Field::Bytes(5, vec![0, 127, 0x80, 0x01]),
        ];
        assert_eq!(read(&message.into_bytes()), expected);
    }
}
