//! The types that settings have: how each is read from what was written, and how it is written in JSON.

use std::{
    ffi::{OsStr, OsString},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use okibi_protocol::{
    guard::is_origin,
    models::{Variant, is_path},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::{
    choices::{BackendChoice, DeviceChoice, KeepAlive, LangChoice, NotificationChoice, ProgressChoice},
    declaration::Expected,
};
use crate::folders::absolute;

/// A value as it was written, wherever that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// A text, or a whole number as text. All that flags and variables can be.
    Text(OsString),
    /// `true` or `false`.
    Switch(bool),
    /// A list of texts.
    List(Vec<String>),
    /// Something that no setting can be.
    Other(String),
}

impl Written {
    /// The text without the space around it, where it is one.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.to_str()?.trim()),
            _ => None,
        }
    }

    /// A name out of a list, in lower case.
    fn name(&self) -> Option<String> {
        Some(self.text()?.to_ascii_lowercase())
    }
}

/// As in an error.
impl std::fmt::Display for Written {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => out.write_str(&text.to_string_lossy()),
            Self::Switch(switch) => switch.fmt(out),
            Self::List(texts) => out.write_str(&texts.join(",")),
            Self::Other(text) => out.write_str(text),
        }
    }
}

/// A type that settings have.
pub trait Value: Sized {
    /// Reads what was written; `None` where it is not what was expected. A relative path starts at `base`, or at the
    /// working directory where that is empty.
    fn read(written: &Written, expected: Expected, base: &Path) -> Option<Self>;

    /// The value in JSON, as [`Value::read`] reads it there; null is no value.
    fn json(&self) -> Json;
}

impl<T: Value> Value for Option<T> {
    fn read(written: &Written, expected: Expected, base: &Path) -> Option<Self> {
        T::read(written, expected, base).map(Some)
    }

    fn json(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::json)
    }
}

impl Value for u64 {
    fn read(written: &Written, expected: Expected, _: &Path) -> Option<Self> {
        let (min, max) = match expected {
            Expected::Number { min, max } => (min, max),
            _ => (1, u16::MAX.into()),
        };
        let number = written.text()?.parse().ok()?;
        (min..=max).contains(&number).then_some(number)
    }

    fn json(&self) -> Json {
        (*self).into()
    }
}

/// Numbers that are read as [`u64`].
macro_rules! number {
    ($($number:ty)*) => {$(
        impl Value for $number {
            fn read(written: &Written, expected: Expected, base: &Path) -> Option<Self> {
                u64::read(written, expected, base)?.try_into().ok()
            }

            fn json(&self) -> Json {
                (*self).into()
            }
        }
    )*};
}

number! { u16 usize }

impl Value for bool {
    fn read(written: &Written, _: Expected, _: &Path) -> Option<Self> {
        if let Written::Switch(switch) = written {
            return Some(*switch);
        }
        match written.name()?.as_str() {
            "true" | "1" | "yes" | "on" => Some(true),
            "false" | "0" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    fn json(&self) -> Json {
        (*self).into()
    }
}

impl Value for String {
    fn read(written: &Written, expected: Expected, base: &Path) -> Option<Self> {
        let text = written.text().filter(|text| !text.is_empty())?;
        if expected == Expected::Model && is_path(text) {
            return path_text(text, base);
        }
        Some(text.to_owned())
    }

    fn json(&self) -> Json {
        self.as_str().into()
    }
}

impl Value for Vec<String> {
    fn read(written: &Written, expected: Expected, base: &Path) -> Option<Self> {
        let texts = match written {
            Written::List(texts) => texts.clone(),
            // A text with a comma in it can only be written in the file.
            _ => written.text()?.split(',').map(str::to_owned).collect(),
        };
        let texts = texts
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty());
        match expected {
            Expected::Folders => texts.map(|text| path_text(text, base)).collect(),
            Expected::Origins => texts
                .map(|text| text.trim_end_matches('/'))
                .map(|text| is_origin(text).then(|| text.to_owned()))
                .collect(),
            _ => Some(texts.map(str::to_owned).collect()),
        }
    }

    fn json(&self) -> Json {
        self.as_slice().into()
    }
}

impl Value for PathBuf {
    fn read(written: &Written, _: Expected, base: &Path) -> Option<Self> {
        match written {
            Written::Text(text) => path(text, base),
            _ => None,
        }
    }

    /// A text, or, where the path is not Unicode, its bytes.
    fn json(&self) -> Json {
        match self.to_str() {
            Some(text) => text.into(),
            None => json_of(self.as_os_str()),
        }
    }
}

impl Value for IpAddr {
    fn read(written: &Written, _: Expected, _: &Path) -> Option<Self> {
        match written.text()? {
            "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
            text => text.parse().ok(),
        }
    }

    fn json(&self) -> Json {
        self.to_string().into()
    }
}

impl Value for KeepAlive {
    fn read(written: &Written, _: Expected, _: &Path) -> Option<Self> {
        Self::read(&written.name()?)
    }

    fn json(&self) -> Json {
        self.to_string().into()
    }
}

/// Enums, by the names they have in JSON.
macro_rules! choice {
    ($($choice:ty)*) => {$(
        impl Value for $choice {
            fn read(written: &Written, _: Expected, _: &Path) -> Option<Self> {
                named(written)
            }

            fn json(&self) -> Json {
                json_of(self)
            }
        }
    )*};
}

choice! { BackendChoice LangChoice DeviceChoice NotificationChoice ProgressChoice Variant }

fn named<T: DeserializeOwned>(written: &Written) -> Option<T> {
    serde_json::from_value(written.name()?.into()).ok()
}

fn json_of<T: Serialize + ?Sized>(value: &T) -> Json {
    serde_json::to_value(value).expect("names and byte strings have a JSON")
}

fn path_text(text: &str, base: &Path) -> Option<String> {
    path(OsStr::new(text), base)?.into_os_string().into_string().ok()
}

/// A path made absolute by `base` (the working directory where that is empty), `~/` by the home folder.
fn path(value: &OsStr, base: &Path) -> Option<PathBuf> {
    if value.is_empty() {
        return None;
    }
    let rest = value.to_str().and_then(|text| text.strip_prefix("~/"));
    let whole = match rest.zip(directories::BaseDirs::new()) {
        // A further slash would make it an absolute path, which replaces the home folder.
        Some((rest, home)) => home.home_dir().join(rest.trim_start_matches('/')),
        None => absolute(&base.join(value)),
    };
    // `dir`, `dir/` and `dir/.` are one folder and shall have one name.
    Some(whole.components().collect())
}
