use super::*;

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
            (Key::Lang, 0, "fr", true, true),
            (Key::DrainSeconds, 3, "true", false, false),
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
            [Problem::HostWithoutToken { is_asked: true, .. }]
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
