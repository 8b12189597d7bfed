//! The settings as a table in Markdown, for `docs/configuration.md`.

use serde_json::Value as Json;

use super::{
    declaration::{Expected, Scope},
    table::{Key, Settings},
};

/// The table, a row for each setting.
pub fn settings_table() -> String {
    let usual = Settings::default();
    let head = "| `config.toml` | variable | flag | default | |\n| --- | --- | --- | --- | --- |\n";
    let rows = Key::ALL.iter().map(|key| row(*key, &usual.json(*key)));
    std::iter::once(head.to_owned()).chain(rows).collect()
}

fn row(key: Key, default: &Json) -> String {
    let declaration = key.declaration();
    let flag = match (declaration.scope, declaration.short) {
        (Scope::Tray, _) => "–".into(),
        (_, Some(short)) => format!("`-{short}`, `{}`", key.flag()),
        (_, None) => format!("`{}`", key.flag()),
    };
    let default = match (default_text(default), declaration.unset) {
        (Some(text), _) => format!("`{text}`"),
        (None, Some(rule)) => rule.en.to_owned(),
        (None, None) => "none".into(),
    };
    let values = match declaration.expected {
        Expected::Number { min, max } => format!(": {min} to {max}"),
        Expected::Port => ": 1 to 65535".into(),
        Expected::OneOf(names) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(": {}", names.join(", "))
        }
        _ => String::new(),
    };
    let note = declaration
        .note
        .map_or_else(String::new, |note| format!(". {note}"));
    format!(
        "| `{key}` | `{}` | {flag} | {default} | {}{values}{note} |\n",
        key.variable(),
        declaration.help.en
    )
}

/// A default as one would write it; `None` where there is none.
pub fn default_text(default: &Json) -> Option<String> {
    match default {
        Json::Null => None,
        Json::Array(items) if items.is_empty() => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
