//! The settings as the settings window and the menu change them.

use std::path::Path;

use okibi_config::{
    DeviceChoice as Device, Flags, KeepAlive, Key, LangChoice, NotificationChoice as Notifications,
    Problem as SettingProblem, ProgressChoice as Progress, Settings, Source,
    edit::{self, EditError, NewValue},
};
use okibi_messages::{Lang, LoadProblem, Message, chain, settings::unfit};

use crate::{
    contract::{
        DeviceChoice, Field, FieldProblem, FixedField, LanguageChoice, NotificationChoice, ProgressChoice,
        SettingsForm,
    },
    machine::Machine,
};

/// Fields that `config.toml` keeps, and their setting; the rest is the OS's.
const KEYS: [(Field, Key); 11] = [
    (Field::Model, Key::Model),
    (Field::Port, Key::Port),
    (Field::Threads, Key::Threads),
    (Field::Variant, Key::Variant),
    (Field::Device, Key::Device),
    (Field::KeepAlive, Key::KeepAlive),
    (Field::Lang, Key::Lang),
    (Field::Notifications, Key::Notifications),
    (Field::ProgressWindow, Key::ProgressWindow),
    (Field::StartDaemon, Key::StartDaemon),
    (Field::Restart, Key::RestartDaemon),
];

/// Fields that a running daemon takes up only when it is restarted.
const NEED_RESTART: [Field; 6] = [
    Field::Model,
    Field::Port,
    Field::Threads,
    Field::Variant,
    Field::Device,
    Field::KeepAlive,
];

/// The settings as the form has them.
pub(crate) fn form(settings: &Settings, start_at_login: bool) -> SettingsForm {
    SettingsForm {
        model: settings.model.value.clone(),
        port: settings.port.value.to_string(),
        threads: settings
            .threads
            .value
            .map_or_else(String::new, |threads| threads.to_string()),
        variant: settings.variant.value,
        device: match settings.device.value {
            Device::Auto => DeviceChoice::Auto,
            Device::Cpu => DeviceChoice::Cpu,
            Device::Cuda => DeviceChoice::Cuda,
            Device::CoreMl => DeviceChoice::CoreMl,
            Device::DirectMl => DeviceChoice::DirectMl,
        },
        keep_alive: settings.keep_alive.value.map_or_else(String::new, keep_alive),
        lang: language(settings.lang.value),
        notifications: match settings.notifications.value {
            Notifications::All => NotificationChoice::All,
            Notifications::Errors => NotificationChoice::Errors,
            Notifications::None => NotificationChoice::None,
        },
        progress_window: match settings.progress_window.value {
            Progress::Always => ProgressChoice::Always,
            Progress::Slow => ProgressChoice::Slow,
            Progress::Never => ProgressChoice::Never,
        },
        start_at_login,
        start_daemon: settings.start_daemon.value,
        restart: settings.restart_daemon.value,
    }
}

/// A time as one types it: in the largest unit that leaves no rest.
fn keep_alive(time: KeepAlive) -> String {
    match time {
        KeepAlive::Always => time.to_string(),
        KeepAlive::For(time) => match time.as_secs() {
            seconds if seconds > 0 && seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
            seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
            seconds => format!("{seconds}s"),
        },
    }
}

/// The language of the settings as the pages have it.
pub(crate) fn language(choice: LangChoice) -> LanguageChoice {
    match choice {
        LangChoice::Auto => LanguageChoice::Auto,
        LangChoice::En => LanguageChoice::En,
        LangChoice::Ja => LanguageChoice::Ja,
    }
}

/// The fields that the environment decides.
pub(crate) fn fixed(settings: &Settings) -> Vec<FixedField> {
    KEYS.iter()
        .filter(|(_, key)| source(settings, *key) == Source::Environment)
        .map(|(field, key)| FixedField {
            field: *field,
            variable: key.variable(),
        })
        .collect()
}

fn source(settings: &Settings, key: Key) -> Source {
    match key {
        Key::Model => settings.model.source,
        Key::Port => settings.port.source,
        Key::Threads => settings.threads.source,
        Key::Variant => settings.variant.source,
        Key::Device => settings.device.source,
        Key::KeepAlive => settings.keep_alive.source,
        Key::Lang => settings.lang.source,
        Key::Notifications => settings.notifications.source,
        Key::ProgressWindow => settings.progress_window.source,
        Key::StartDaemon => settings.start_daemon.source,
        Key::RestartDaemon => settings.restart_daemon.source,
        _ => Source::Default,
    }
}

/// What is wrong with the form; empty where it can be saved.
pub(crate) fn check(form: &SettingsForm, lang: Lang) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for (field, key, value) in [
        (Field::Model, Key::Model, &form.model),
        (Field::Port, Key::Port, &form.port),
        (Field::Threads, Key::Threads, &form.threads),
        (Field::KeepAlive, Key::KeepAlive, &form.keep_alive),
    ] {
        if matches!(field, Field::Threads | Field::KeepAlive) && value.trim().is_empty() {
            continue;
        }
        let flags = Flags::default().with(key, Some(value.into()));
        let loaded = Settings::from_flags(&flags);
        let wrong = loaded.problems.into_iter().find_map(|problem| match problem {
            SettingProblem::BadValue { wanted, .. } => Some(unfit(value, wanted, lang)),
            _ => None,
        });
        let model = loaded.settings.model.value;
        let missing = (field == Field::Model
            && Path::new(&model).is_absolute()
            && !Path::new(&model).is_dir())
        .then(|| {
            let folder = model.into();
            Message::Load(LoadProblem::MissingFolder { folder }).text(lang)
        });
        problems.extend(wrong.or(missing).map(|message| FieldProblem { field, message }));
    }
    problems
}

/// What changes in `config.toml` from `before` to `form`, field by field; only these are written.
pub(crate) fn changes(before: &SettingsForm, form: &SettingsForm) -> Vec<(Field, Key, NewValue)> {
    let text = |text: &str| NewValue::Text(text.trim().to_owned());
    let number = |text: &str| text.trim().parse().map_or(NewValue::Unset, NewValue::Number);
    let values = |form: &SettingsForm| {
        [
            (Field::Model, text(&form.model)),
            (Field::Port, number(&form.port)),
            (Field::Threads, number(&form.threads)),
            (Field::Variant, text(form.variant.name())),
            (
                Field::Device,
                text(match form.device {
                    DeviceChoice::Auto => Device::Auto.name(),
                    DeviceChoice::Cpu => Device::Cpu.name(),
                    DeviceChoice::Cuda => Device::Cuda.name(),
                    DeviceChoice::CoreMl => Device::CoreMl.name(),
                    DeviceChoice::DirectMl => Device::DirectMl.name(),
                }),
            ),
            (
                Field::KeepAlive,
                match form.keep_alive.trim() {
                    "" => NewValue::Unset,
                    time => text(time),
                },
            ),
            (
                Field::Lang,
                text(match form.lang {
                    LanguageChoice::Auto => LangChoice::Auto.name(),
                    LanguageChoice::En => LangChoice::En.name(),
                    LanguageChoice::Ja => LangChoice::Ja.name(),
                }),
            ),
            (
                Field::Notifications,
                text(match form.notifications {
                    NotificationChoice::All => Notifications::All.name(),
                    NotificationChoice::Errors => Notifications::Errors.name(),
                    NotificationChoice::None => Notifications::None.name(),
                }),
            ),
            (
                Field::ProgressWindow,
                text(match form.progress_window {
                    ProgressChoice::Always => Progress::Always.name(),
                    ProgressChoice::Slow => Progress::Slow.name(),
                    ProgressChoice::Never => Progress::Never.name(),
                }),
            ),
            (Field::StartDaemon, NewValue::Switch(form.start_daemon)),
            (Field::Restart, NewValue::Switch(form.restart)),
        ]
    };
    values(before)
        .into_iter()
        .zip(values(form))
        .filter(|(old, new)| old != new)
        .filter_map(|(_, (field, value))| {
            let (_, key) = KEYS.iter().find(|(known, _)| *known == field)?;
            Some((field, *key, value))
        })
        .collect()
}

/// Of changed fields those that need a restart.
pub(crate) fn need_restart(changed: &[(Field, Key, NewValue)]) -> Vec<Field> {
    changed
        .iter()
        .map(|(field, ..)| *field)
        .filter(|field| NEED_RESTART.contains(field))
        .collect()
}

/// Writes changed values. The error is a sentence.
pub(crate) fn write(machine: &Machine, values: &[(Key, NewValue)], lang: Lang) -> Result<(), String> {
    edit::save(&machine.folders.config_file, values).map_err(|error| {
        let what = machine.folders.config_file.display().to_string();
        let cause = match &error {
            EditError::Broken { source, .. } => source.message().to_owned(),
            EditError::Io { source, .. } => chain(source),
        };
        tracing::warn!(error = chain(&error), "the settings were not saved");
        Message::Io { what, cause }.text(lang)
    })
}

#[cfg(test)]
mod tests {
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
        let written: Vec<_> = changed
            .iter()
            .map(|(_, key, value)| (*key, value.clone()))
            .collect();
        assert_eq!(
            written,
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
            [Field::Port, Field::Variant, Field::Device, Field::KeepAlive]
        );
    }

    #[test]
    fn a_time_reads_as_it_was_typed() {
        for typed in ["2h", "90m", "45s", "0s", "always"] {
            let time = KeepAlive::read(typed).unwrap();
            assert_eq!(keep_alive(time), typed);
        }
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
        assert_eq!(
            fields,
            [Field::Model, Field::Port, Field::Threads, Field::KeepAlive]
        );
        assert_eq!(check(&form(), Lang::Ja), []);
    }
}
