//! The settings as the settings window and the menu change them. Which settings the window shows, and how, their
//! declarations say.

use std::path::Path;

use okibi_config::{Expected, Flags, Key, Problem, Settings, Source, edit::NewValue};
use okibi_messages::{Lang, load::model_error, settings::invalid_value};
use okibi_models::ModelError;
use serde_json::{Map, Value as Json};

use crate::contract::{Field, FieldProblem, FixedField, SettingsForm};

/// The settings that the window shows.
fn shown() -> impl Iterator<Item = Key> {
    Key::ALL
        .iter()
        .copied()
        .filter(|key| key.declaration().window.is_some())
}

fn field(key: Key) -> Field {
    Field(key.name())
}

/// The settings as the form has them.
pub(crate) fn form(settings: &Settings, start_at_login: bool) -> SettingsForm {
    let typed = |key: Key| match settings.json(key) {
        Json::Null => "".into(),
        Json::Number(number) => number.to_string().into(),
        Json::Array(items) => items
            .iter()
            .filter_map(Json::as_str)
            .collect::<Vec<_>>()
            .join(", ")
            .into(),
        other => other,
    };
    let mut form: Map<String, Json> = shown().map(|key| (key.name().into(), typed(key))).collect();
    form.insert("start_at_login".into(), start_at_login.into());
    serde_json::from_value(form.into()).expect("the form has a field for each setting that the window shows")
}

/// The fields that the environment decides.
pub(crate) fn fixed(settings: &Settings) -> Vec<FixedField> {
    shown()
        .filter(|key| settings.source(*key) == Source::Environment)
        .map(|key| FixedField {
            field: field(key),
            variable: key.variable(),
        })
        .collect()
}

/// What is wrong with the form; empty where it can be saved.
pub(crate) fn check(form: &SettingsForm, lang: Lang) -> Vec<FieldProblem> {
    let form = fields(form);
    shown()
        .filter_map(|key| {
            let value = form.get(key.name())?.as_str()?;
            let is_list = matches!(key.declaration().expected, Expected::List | Expected::Origins);
            let is_left_to_the_daemon =
                value.trim().is_empty() && (is_list || key.declaration().unset.is_some());
            let message = if is_left_to_the_daemon {
                None
            } else {
                problem(key, value, lang)
            }?;
            let field = field(key);
            Some(FieldProblem { field, message })
        })
        .collect()
}

fn problem(key: Key, value: &str, lang: Lang) -> Option<String> {
    let loaded = Settings::from_flags(&Flags::default().with(key, Some(value.into())));
    let wrong = loaded.problems.into_iter().find_map(|problem| match problem {
        Problem::BadValue { expected, .. } => Some(invalid_value(value, expected, lang)),
        _ => None,
    });
    wrong.or_else(|| {
        let model = Path::new(&loaded.settings.model.value);
        let is_missing = key == Key::Model && model.is_absolute() && !model.is_dir();
        let folder = model.to_owned();
        is_missing.then(|| model_error(&ModelError::MissingFolder { folder }, lang))
    })
}

/// What changes in `config.toml` from `before` to `form`; only these values are written.
pub(crate) fn changes(before: &SettingsForm, form: &SettingsForm) -> Vec<(Key, NewValue)> {
    let (before, form) = (fields(before), fields(form));
    let value =
        |fields: &Map<String, Json>, key: Key| match (fields.get(key.name()), key.declaration().expected) {
            (Some(Json::Bool(switch)), _) => NewValue::Switch(*switch),
            (Some(Json::String(text)), expected) => match (text.trim(), expected) {
                ("", _) => NewValue::Unset,
                (number, Expected::Number { .. } | Expected::Port) => {
                    number.parse().map_or(NewValue::Unset, NewValue::Number)
                }
                (list, Expected::List | Expected::Origins) => {
                    let items = list.split([',', '\n']).map(str::trim);
                    NewValue::List(items.filter(|item| !item.is_empty()).map(str::to_owned).collect())
                }
                (text, _) => NewValue::Text(text.into()),
            },
            _ => NewValue::Unset,
        };
    shown()
        .map(|key| (key, value(&before, key), value(&form, key)))
        .filter(|(_, old, new)| old != new)
        .map(|(key, _, new)| (key, new))
        .collect()
}

/// The form's values by the settings' names.
fn fields(form: &SettingsForm) -> Map<String, Json> {
    match serde_json::to_value(form) {
        Ok(Json::Object(fields)) => fields,
        _ => unreachable!("a struct of texts, names and switches is an object"),
    }
}

/// Of changed settings those that a running daemon takes up only when it is restarted.
pub(crate) fn need_restart(changed: &[(Key, NewValue)]) -> Vec<Field> {
    let keys = changed.iter().map(|(key, _)| *key);
    keys.filter(|key| key.declaration().scope.needs_restart())
        .map(field)
        .collect()
}

#[cfg(test)]
mod tests {
    use okibi_config::{DeviceChoice, NotificationChoice};
    use okibi_protocol::models::Variant;

    use super::*;

    fn form() -> SettingsForm {
        super::form(&Settings::from_flags(&Flags::default()).settings, false)
    }

    #[test]
    fn only_what_differs_is_written() {
        let before = form();
        let after = SettingsForm {
            port: " 9000 ".into(),
            notifications: NotificationChoice::Errors,
            variant: Variant::Int8,
            device: DeviceChoice::CoreMl,
            keep_alive: "2h".into(),
            start_at_login: true,
            ..before.clone()
        };
        let changed = changes(&before, &after);
        assert_eq!(
            changed,
            [
                (Key::Port, NewValue::Number(9000)),
                (Key::Variant, NewValue::Text("int8".into())),
                (Key::Device, NewValue::Text("coreml".into())),
                (Key::KeepAlive, NewValue::Text("2h".into())),
                (Key::Notifications, NewValue::Text("errors".into()))
            ]
        );
        assert_eq!(
            need_restart(&changed),
            ["port", "variant", "device", "keep_alive"].map(Field)
        );
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_field() {
        let wrong = SettingsForm {
            model: "/no/such/folder".into(),
            port: "0".into(),
            threads: "many".into(),
            keep_alive: "soon".into(),
            ..form()
        };
        let fields: Vec<Field> = check(&wrong, Lang::En)
            .into_iter()
            .map(|problem| problem.field)
            .collect();
        assert_eq!(fields, ["model", "port", "threads", "keep_alive"].map(Field));
        assert_eq!(check(&form(), Lang::Ja), []);
    }
}
