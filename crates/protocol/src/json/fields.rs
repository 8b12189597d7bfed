//! The fields of a type, as its `Deserialize` states them.

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};

/// The names of the fields of `T` in their order, as its `Deserialize` states them; none where `T` is not a struct.
pub fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    /// Reads nothing, and remembers which fields were asked for.
    struct Fields<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("only the fields are asked for"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &[&str] = &[];
    // Always an error: nothing is there to be read.
    let _ = T::deserialize(Fields(&mut fields));
    fields
}
