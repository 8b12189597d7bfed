//! What is declared of a setting.

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: &'static str,
    /// Japanese.
    pub ja: &'static str,
}

/// A text in English and Japanese.
pub(super) const fn words(en: &'static str, ja: &'static str) -> Words {
    Words { en, ja }
}

/// Everything that is declared of a setting, apart from its type and its default value.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Its name in `config.toml`, from which the variable's and the flag's follow.
    pub name: &'static str,
    /// What a value has to be.
    pub expected: Expected,
    /// Who reads it, and when.
    pub scope: Scope,
    /// What it does, as a line of the command line's help, in the documentation and in a screen of settings.
    pub help: Words,
    /// What holds where no value is set and the default is not a value but a rule.
    pub unset: Option<Words>,
    /// The flag's short form.
    pub short: Option<char>,
    /// What stands for the value in the help, where that does not follow from [`Declaration::expected`].
    pub placeholder: Option<&'static str>,
    /// What the documentation says beside the help.
    pub note: Option<&'static str>,
    /// How the settings window shows it; it does not show the others.
    pub window: Option<Window>,
}

impl Declaration {
    /// What most settings do not say.
    pub(super) const PLAIN: Self = Self {
        name: "",
        expected: Expected::Text,
        scope: Scope::Daemon,
        help: words("", ""),
        unset: None,
        short: None,
        placeholder: None,
        note: None,
        window: None,
    };

    /// What stands for the value in the help.
    pub fn placeholder(&self) -> String {
        match (self.placeholder, self.expected) {
            (Some(placeholder), _) => placeholder.into(),
            (None, Expected::Number { .. } | Expected::Port) => "N".into(),
            (None, Expected::OneOf(names)) => names.join("|"),
            (None, Expected::Switch) => "true|false".into(),
            (None, Expected::Time) => "always|TIME".into(),
            (None, Expected::Address) => "IP".into(),
            (None, Expected::Text | Expected::Model) => "TEXT".into(),
            (None, Expected::Path) => "PATH".into(),
            (None, Expected::List | Expected::Folders | Expected::Origins) => "A,…".into(),
        }
    }
}

/// Who reads a setting, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The daemon, when it starts. A flag of the commands that start one.
    Daemon,
    /// The daemon, when it starts, and everything that asks it. A flag of every command.
    DaemonAndClients,
    /// The command line and the tray app; a daemon is told the outcome. A flag of every command.
    Front,
    /// The tray app. Not a flag.
    Tray,
}

impl Scope {
    /// Whether a running daemon takes up a changed value only when it is restarted.
    pub const fn needs_restart(self) -> bool {
        matches!(self, Self::Daemon | Self::DaemonAndClients)
    }

    /// Whether every command has the flag.
    pub const fn is_of_every_command(self) -> bool {
        matches!(self, Self::DaemonAndClients | Self::Front)
    }
}

/// How the settings window shows a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The field's name.
    pub label: Words,
    /// A sentence below the field.
    pub hint: Option<Words>,
}

/// A field of the settings window.
pub(super) const fn field(label: Words) -> Option<Window> {
    Some(Window { label, hint: None })
}

/// A field of the settings window, with a sentence below it.
pub(super) const fn field_with_hint(label: Words, hint: Words) -> Option<Window> {
    Some(Window {
        label,
        hint: Some(hint),
    })
}

/// What a setting's value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A whole number, both ends included.
    Number {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A port.
    Port,
    /// Any text but the empty one.
    Text,
    /// A model's name, or the path of its folder.
    Model,
    /// A path.
    Path,
    /// One of these names, in any case.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// Texts: an array in the file, with commas between elsewhere.
    List,
    /// A [`Expected::List`] of folders.
    Folders,
    /// A [`Expected::List`] of origins of web pages; see [`is_origin`](okibi_protocol::guard::is_origin).
    Origins,
    /// A time such as `30m`, or `always`.
    Time,
    /// An IP address.
    Address,
}
