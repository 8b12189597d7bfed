//! The parameters of a call: kept as JSON text, and read from it straight into their type.
//!
//! Lists of texts are the main load of the server, so no tree of values is built in between.

use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor, value::MapDeserializer};
use serde_json::{error::Category, value::RawValue};

use super::error::{RpcError, code, without_texts};

/// The `params` of a call: an array by position, an object by name, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Params(Option<Box<RawValue>>);

/// `params` that are neither an array nor an object.
#[derive(Debug)]
pub(super) struct NotParams;

impl Params {
    /// Takes `params` as they stand in a message; `null` is the same as none.
    pub(super) fn new(params: Option<&RawValue>) -> Result<Self, NotParams> {
        match params.map(|params| (params, params.get().as_bytes()[0])) {
            None | Some((_, b'n')) => Ok(Self(None)),
            Some((params, b'[' | b'{')) => Ok(Self(Some(params.to_owned()))),
            Some(_) => Err(NotParams),
        }
    }

    /// The parameters as JSON text, where there are any.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref().map(RawValue::get)
    }

    /// Reads the parameters as `T`, whose fields in their order are the parameters by position.
    ///
    /// Errors: −32602 that names the parameter that is wrong; −32700 for a text with a broken escape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, RpcError> {
        match self.text() {
            Some(text) if text.starts_with('[') => {
                let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| wrong("", &error))?;
                let names = field_names::<T>();
                if names.is_empty() {
                    // A method without parameters ignores those that come.
                    return read(&mut serde_json::Deserializer::from_str("{}"));
                }
                if values.len() > names.len() {
                    return Err(RpcError::invalid_params(format!(
                        "{} parameters are too many: this method takes {} ({})",
                        values.len(),
                        names.len(),
                        names.join(", ")
                    )));
                }
                read(MapDeserializer::new(names.iter().copied().zip(values)))
            }
            text => read(&mut serde_json::Deserializer::from_str(text.unwrap_or("{}"))),
        }
    }
}

fn read<'de, T: DeserializeOwned>(
    from: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, RpcError> {
    serde_path_to_error::deserialize(from).map_err(|error| {
        // Only the parameter is named: what stands deeper in it may be a text of the user's.
        let path = error.path().to_string();
        let parameter = path.split(['.', '[']).next().unwrap_or_default();
        let is_named = field_names::<T>().contains(&parameter);
        wrong(if is_named { parameter } else { "" }, error.inner())
    })
}

fn wrong(parameter: &str, error: &serde_json::Error) -> RpcError {
    let message = without_texts(error);
    // The position counts from the start of `params`, which means nothing to a client.
    let position = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&position).unwrap_or(&message);
    let code = match error.classify() {
        Category::Data => code::INVALID_PARAMS,
        // The message was scanned for its structure only; a broken escape in a text shows here.
        Category::Syntax | Category::Eof | Category::Io => code::PARSE_ERROR,
    };
    match parameter {
        "" => RpcError::new(code, message),
        parameter => RpcError::new(code, format!("{parameter}: {message}")),
    }
}

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
