use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::{
    choices::LangChoice,
    declaration::Expected,
    document::DocumentError,
    load::{Flags, Loaded},
    setting::Source,
    table::{Key, Settings},
    value::Written,
};
use crate::{
    folders::absolute,
    problem::{Origin, Problem},
};

struct Machine {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

impl Machine {
    fn new(config: &str, variables: &[(&'static str, &'static str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self {
            folder,
            variables: variables.to_vec(),
        }
    }

    fn load(&self, flags: &Flags) -> Loaded {
        let environment = |name: &str| {
            let (_, value) = self.variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(value))
        };
        Settings::load(flags, &environment, &self.folder.path().join("config.toml"))
    }
}

#[test]
fn flag_goes_before_environment_before_file_before_default() {
    let machine = Machine::new(
        "port = 3\nmodel = 'c'\nlog = 'debug'",
        &[("OKIBI_PORT", "2"), ("OKIBI_MODEL", "b")],
    );
    let Loaded { settings, problems } = machine.load(&Flags::default().with(Key::Port, Some("1".into())));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((settings.port.value, settings.port.source), (1, Source::Flag));
    assert_eq!(
        (settings.model.value.as_str(), settings.model.source),
        ("b", Source::Environment)
    );
    assert_eq!(
        (settings.log.value.as_str(), settings.log.source),
        ("debug", Source::File)
    );
    assert_eq!(
        (settings.drain_seconds.value, settings.drain_seconds.source),
        (10, Source::Default)
    );
    assert_eq!(settings.threads.value, None);
}

#[test]
fn a_bad_value_names_its_source_and_the_next_source_is_used() {
    let machine = Machine::new(
        "port = 9000\nthreads = 0\ndrain_seconds = true",
        &[("OKIBI_PORT", "99999")],
    );
    let Loaded { settings, problems } = machine.load(&Flags::default().with(Key::Lang, Some("fr".into())));
    assert_eq!((settings.port.value, settings.port.source), (9000, Source::File));
    let seen: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::BadValue {
                key, origin, value, ..
            } => {
                let line = match origin {
                    Origin::File(place) => place.line,
                    Origin::Flag | Origin::Environment => 0,
                };
                (*key, line, value.as_str(), problem.is_error(), problem.is_usage())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Key::Port, 0, "99999", true, false),
            (Key::Threads, 2, "0", false, false),
            (Key::DrainSeconds, 3, "true", false, false),
            (Key::Lang, 0, "fr", true, true),
        ]
    );
}

#[test]
fn a_broken_file_leaves_the_defaults() {
    let Loaded { settings, problems } = Machine::new("port = \n", &[]).load(&Flags::default());
    assert_eq!(settings, Settings::from_flags(&Flags::default()).settings);
    assert!(matches!(&problems[..], [Problem::BrokenFile { place, .. }] if place.line == 1));
}

#[test]
fn folders_become_absolute_and_names_stay_names() {
    let machine = Machine::new("model = './m/'\nassets = 'a'", &[]);
    let Loaded { settings, .. } = machine.load(&Flags::default());
    assert_eq!(
        PathBuf::from(&settings.model.value),
        absolute(&machine.folder.path().join("m")),
        "a path in the file is relative to the file"
    );
    assert_eq!(
        settings.assets.value,
        Some(absolute(&machine.folder.path().join("a")))
    );

    let by_flag = |value: &str| {
        let flags = Flags::default().with(Key::Model, Some(value.into()));
        machine.load(&flags).settings.model.value
    };
    let here = std::env::current_dir().unwrap();
    assert_eq!(PathBuf::from(by_flag("./dir")), here.join("dir"));
    assert_eq!(PathBuf::from(by_flag("dir/")), here.join("dir"));
    assert_eq!(
        by_flag("intfloat/multilingual-e5-small"),
        "intfloat/multilingual-e5-small"
    );
}

#[test]
fn an_address_beyond_this_machine_needs_a_token() {
    let flags = Flags::default().with(Key::Host, Some("0.0.0.0".into()));
    let loaded = Settings::from_flags(&flags);
    assert_eq!(loaded.settings.host.value, None);
    assert!(
        matches!(
            loaded.problems[..],
            [Problem::RemoteHostNeedsToken { is_asked: true, .. }]
        ),
        "{:?}",
        loaded.problems
    );
    let flags = flags.with(Key::RequireToken, Some("true".into()));
    let loaded = Settings::from_flags(&flags);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    assert_eq!(loaded.settings.host.value, Some("0.0.0.0".parse().unwrap()));
}

#[test]
fn a_list_is_an_array_in_the_file_and_has_commas_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(
        &file,
        "allowed_origins = ['app://obsidian.md', 'tauri://localhost']\nmodel_names = [1]\n",
    )
    .unwrap();
    let loaded = Settings::load(&Flags::default(), &|_| None, &file);
    assert_eq!(
        loaded.settings.allowed_origins.value,
        ["app://obsidian.md", "tauri://localhost"]
    );
    assert_eq!(loaded.problems.len(), 1, "{:?}", loaded.problems);
    let environment = |name: &str| (name == "OKIBI_MODEL_NAMES").then(|| "a, b".into());
    let loaded = Settings::load(&Flags::default(), &environment, &file);
    assert_eq!(loaded.settings.model_names.value, ["a", "b"]);
}

#[test]
fn an_origin_with_a_star_in_its_name_is_refused() {
    for (written, is_right) in [
        ("['app://obsidian.md/', 'chrome-extension://*']", true),
        ("['http://localhost*']", false),
        ("['*']", false),
        ("['localhost:3000']", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, format!("allowed_origins = {written}\n")).unwrap();
        let loaded = Settings::load(&Flags::default(), &|_| None, &file);
        let origins = &loaded.settings.allowed_origins.value;
        assert_eq!(
            loaded.problems.is_empty(),
            is_right,
            "{written}: {:?}",
            loaded.problems
        );
        let expected: &[&str] = if is_right {
            &["app://obsidian.md", "chrome-extension://*"]
        } else {
            &[]
        };
        assert_eq!(origins, expected, "{written}");
    }
}

#[test]
fn two_slashes_do_not_lead_out_of_the_home_folder() {
    let folder = |model: &str| {
        let flags = Flags::default().with(Key::Model, Some(model.into()));
        Settings::from_flags(&flags).settings.model.value
    };
    assert_eq!(folder("~//m"), folder("~/m"));
}

#[test]
fn a_folder_may_have_a_comma_in_its_name() {
    let machine = Machine::new("model_folders = ['/models/a, b', '/c']", &[]);
    let Loaded { settings, problems } = machine.load(&Flags::default());
    assert!(problems.is_empty(), "{problems:?}");
    let folders = ["/models/a, b", "/c"].map(|folder| absolute(Path::new(folder)).display().to_string());
    assert_eq!(settings.model_folders.value, folders);
}

#[test]
fn a_switch_in_the_file_is_no_text_and_a_flag_is() {
    let loaded = Machine::new("require_token = 'true'", &[]).load(&Flags::default());
    assert!(
        matches!(
            loaded.problems[..],
            [Problem::BadValue {
                expected: Expected::Switch,
                ..
            }]
        ),
        "{:?}",
        loaded.problems
    );
    let flags = Flags::default().with(Key::RequireToken, Some("Yes".into()));
    assert!(Settings::from_flags(&flags).settings.require_token.value);
}

#[test]
fn the_bounds_are_checked() {
    let wrong = |key: Key, value: &str| {
        let loaded = Settings::from_flags(&Flags::default().with(key, Some(value.into())));
        assert_eq!(loaded.problems.len(), 1, "{key} {value}: {:?}", loaded.problems);
        assert!(loaded.problems[0].is_error());
    };
    for key in [
        Key::HeaderSeconds,
        Key::BodySeconds,
        Key::WriteSeconds,
        Key::PingSeconds,
    ] {
        for value in ["0", "3601", "-1", "2.5", "long"] {
            wrong(key, value);
        }
        let loaded = Settings::from_flags(&Flags::default().with(key, Some("3600".into())));
        assert!(loaded.problems.is_empty(), "{key}: {:?}", loaded.problems);
    }
    wrong(Key::MaxBatch, "0");
    wrong(Key::MaxBatch, "65537");
    wrong(Key::MaxBufferedMb, "0");
}

#[test]
fn all_requests_together_hold_at_least_two() {
    let load = |buffered: &str, request: Option<&str>| {
        let flags = Flags::default()
            .with(Key::MaxBufferedMb, Some(buffered.into()))
            .with(Key::MaxRequestMb, request.map(Into::into));
        Settings::from_flags(&flags)
    };
    let loaded = load("63", None);
    assert_eq!(loaded.settings.max_buffered_mb.value, None);
    assert!(
        matches!(
            loaded.problems[..],
            [Problem::BufferedTooSmall {
                buffered: 63,
                request: 32,
                is_asked: true
            }]
        ),
        "{:?}",
        loaded.problems
    );
    assert_eq!(load("64", None).settings.max_buffered_mb.value, Some(64));
    assert_eq!(load("2", Some("1")).settings.max_buffered_mb.value, Some(2));
    assert_eq!(load("2047", Some("1024")).problems.len(), 1);
}

/// A value that fits. Space around a name is not part of it.
fn fitting(expected: Expected) -> BoxedStrategy<Written> {
    let texts = |pattern: &'static str| {
        let fits = |text: &String| !text.trim().is_empty();
        pattern.prop_filter("some text", fits)
    };
    fn text(text: impl Into<OsString>) -> Written {
        Written::Text(text.into())
    }
    match expected {
        Expected::Number { min, max } => (min..=max).prop_map(|number| text(number.to_string())).boxed(),
        Expected::Port => (1..=u16::MAX).prop_map(|port| text(port.to_string())).boxed(),
        Expected::Text | Expected::Path => texts(r#"[-a-z日=,"'{} \\$/]{1,20}"#).prop_map(text).boxed(),
        Expected::Model => texts(r"(\./|~/|/)?[-a-z日@/]{1,9}( [-a-z日@]{1,9})?/?")
            .prop_map(text)
            .boxed(),
        Expected::OneOf(names) => prop::sample::select(names).prop_map(text).boxed(),
        Expected::Switch => any::<bool>().prop_map(Written::Switch).boxed(),
        Expected::List | Expected::Folders => prop::collection::vec(texts(r#"[-a-z日:/*,"]{1,12}"#), 0..4)
            .prop_map(Written::List)
            .boxed(),
        Expected::Origins => {
            prop::collection::vec(texts(r"[a-z]{1,8}://([a-z.]{1,12}(:[1-9][0-9]{0,3})?|\*)"), 0..4)
                .prop_map(Written::List)
                .boxed()
        }
        Expected::Time => texts("[0-9]{1,4}[smh]?|always").prop_map(text).boxed(),
        Expected::Address => any::<std::net::IpAddr>()
            .prop_map(|address| text(address.to_string()))
            .boxed(),
    }
}

/// A value for some of the settings.
fn some_settings() -> impl Strategy<Value = Flags> {
    let each = |key: &Key| {
        let key = *key;
        prop::option::of(fitting(key.declaration().expected).prop_map(move |written| (key, written)))
    };
    let values: Vec<_> = Key::ALL.iter().map(each).collect();
    values.prop_map(|values| {
        let mut flags = Flags::default();
        flags.extend(values.into_iter().flatten());
        flags
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_daemon_has_the_settings_of_its_front(flags in some_settings()) {
        let front = Settings::from_flags(&flags).settings;
        let Loaded { settings, problems } = Settings::from_document(&front.document(LangChoice::Ja)).unwrap();
        prop_assert!(problems.is_empty(), "{:?}", problems);
        for key in Key::ALL.iter().filter(|key| key.declaration().scope.needs_restart()) {
            prop_assert_eq!(settings.json(*key), front.json(*key), "{}", key);
        }
        prop_assert_eq!(settings.lang.value, LangChoice::Ja);
    }
}

#[test]
fn a_daemon_is_not_told_what_is_the_default() {
    assert_eq!(Settings::default().document(LangChoice::En), r#"{"lang":"en"}"#);
    let flags = Flags::default().with(Key::Port, Some("9001".into()));
    let settings = Settings::from_flags(&flags).settings;
    assert_eq!(settings.document(LangChoice::En), r#"{"lang":"en","port":9001}"#);
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_unicode_reaches_the_daemon() {
    use std::os::unix::ffi::OsStringExt;

    let path = OsString::from_vec(b"/assets/\xff".to_vec());
    let flags = Flags::default().with(Key::Assets, Some(path.clone()));
    let front = Settings::from_flags(&flags).settings;
    let told = Settings::from_document(&front.document(LangChoice::En)).unwrap();
    assert_eq!(told.settings.assets.value, Some(path.into()));
}

#[test]
fn a_document_that_is_not_understood_is_an_error() {
    for not_an_object in ["", "[]", "{"] {
        let error = Settings::from_document(not_an_object).unwrap_err();
        assert!(matches!(error, DocumentError::NotAnObject { .. }), "{error:?}");
    }
    let error = Settings::from_document(r#"{"prot": 1}"#).unwrap_err();
    assert!(
        matches!(&error, DocumentError::UnknownKey { key } if key == "prot"),
        "{error:?}"
    );
    let loaded = Settings::from_document(r#"{"port": "x"}"#).unwrap();
    assert!(loaded.problems[0].is_error(), "{:?}", loaded.problems);
}

#[test]
fn every_setting_is_declared_whole() {
    let usual = Settings::default();
    let mut names = BTreeSet::new();
    for key in Key::ALL {
        let declaration = key.declaration();
        assert!(names.insert(declaration.name), "{key} is declared twice");
        assert!(
            !declaration.help.en.ends_with('.'),
            "{key}: it is a line and not a sentence"
        );
        let Some(value) = super::docs::default_text(&usual.json(*key)) else {
            continue;
        };
        assert_eq!(declaration.unset, None, "{key} has a default value");
        let loaded = Settings::from_flags(&Flags::default().with(*key, Some(value.into())));
        assert!(loaded.problems.is_empty(), "{key}: {:?}", loaded.problems);
        assert_eq!(loaded.settings.json(*key), usual.json(*key));
    }
}
