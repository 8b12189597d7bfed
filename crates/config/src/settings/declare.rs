//! What follows from the table of settings, as a macro: the keys, the struct of values, and how one leads to the other.

/// Declares the settings, one block each. A block's English help is also the documentation of its key and its field.
macro_rules! settings {
    ($(
        $field:ident ($key:ident): $kind:ty {
            default: $default:expr,
            expected: $expected:expr,
            scope: $scope:ident,
            en: $en:literal,
            ja: $ja:literal,
            $($further:ident: $value:expr,)*
        }
    )+) => {
        /// A setting.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Key {
            $(#[doc = $en] $key,)+
        }

        impl Key {
            /// Every setting, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$key,)+];

            /// What is declared of it.
            pub const fn declaration(self) -> &'static Declaration {
                const TABLE: &[Declaration] = &[$(
                    Declaration {
                        name: stringify!($field),
                        expected: $expected,
                        scope: Scope::$scope,
                        help: words($en, $ja),
                        $($further: $value,)*
                        ..Declaration::PLAIN
                    },
                )+];
                &TABLE[self as usize]
            }
        }

        /// The value of every setting.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Settings {
            $(#[doc = $en] pub $field: Setting<$kind>,)+
        }

        impl Settings {
            /// Takes each value from `source`.
            pub(crate) fn read_from(source: &mut impl ReadSetting) -> Self {
                Self {
                    $($field: source.read(Key::$key, || $default),)+
                }
            }

            /// Where the value of `key` came from.
            pub fn source(&self, key: Key) -> Source {
                match key {
                    $(Key::$key => self.$field.source,)+
                }
            }

            /// The value of `key` in JSON, as `config.toml` has it; null where there is no value.
            pub fn json(&self, key: Key) -> serde_json::Value {
                match key {
                    $(Key::$key => self.$field.value.json(),)+
                }
            }
        }
    };
}

pub(super) use settings;
