//! Whether the app starts when the user logs in, on Linux: a file that every desktop reads (XDG Autostart).
//!
//! Desktops have dialogs in which such an app is switched off; they leave the file and write a key into it. Switching it
//! on here writes the whole file again.

use std::{
    env,
    ffi::OsString,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// Says that the desktop has started the app, and not the user.
pub(crate) const AT_LOGIN: &str = "--at-login";

/// The same as in the desktop's menu, by which desktops know that both are one app.
const FILE: &str = "Okibi.desktop";

/// The icon's name, as the package installs it.
const ICON: &str = "okibi-tray";

const COMMENT: &str = "Keeps a text-embedding model warm for local search";
const COMMENT_JA: &str = "ローカル検索用のテキスト埋め込みモデルを常駐させます";

/// Seconds that GNOME waits, so that what shows tray icons is there before the icon.
const DELAY: u8 = 5;

/// What an argument with one of these in it has to be quoted for (Desktop Entry Specification, "The Exec key").
const RESERVED: &str = " \t\n\"'\\><~|&;$*?#()`";

/// What the kernel adds to the path of a program whose file was replaced, which an upgrade does.
const DELETED: &str = " (deleted)";

/// Whether the desktop starts the app when the user logs in.
///
/// Errors: the file cannot be read, or the user has no home folder.
pub(crate) fn is_enabled() -> io::Result<bool> {
    match fs::read_to_string(file()?) {
        Ok(text) => Ok(is_on(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Has the desktop start this program when the user logs in.
///
/// Errors: the file cannot be written, the user has no home folder, or the program's path cannot be written into it.
pub(crate) fn enable() -> io::Result<()> {
    let program = env::current_exe()?;
    let program = replaced(&program).unwrap_or(program);
    okibi_files::write_atomically(&file()?, entry(&program)?.as_bytes())
}

/// Has the desktop no longer start it.
///
/// Errors: the file cannot be removed, or the user has no home folder.
pub(crate) fn disable() -> io::Result<()> {
    match fs::remove_file(file()?) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn file() -> io::Result<PathBuf> {
    let folder = config_folder(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME"));
    let folder = folder.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "HOME names no folder"))?;
    Ok(folder.join("autostart").join(FILE))
}

/// The folder of the user's settings, from the two variables that say where it is. One that is relative says nothing.
fn config_folder(config: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(config).or_else(|| Some(absolute(home)?.join(".config")))
}

/// Whether no dialog of a desktop has switched the file off.
fn is_on(text: &str) -> bool {
    !text.lines().any(|line| {
        let (key, value) = line.split_once('=').unwrap_or_default();
        matches!(
            (key.trim(), value.trim()),
            ("Hidden", "true") | ("X-GNOME-Autostart-enabled", "false")
        )
    })
}

/// The path at which a program stands whose file was replaced while it ran; `None` for any other.
fn replaced(program: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(program.to_str()?.strip_suffix(DELETED)?);
    (!program.exists() && path.exists()).then_some(path)
}

/// The text of the file that starts `program`.
fn entry(program: &Path) -> io::Result<String> {
    let program = program.to_str().ok_or_else(|| {
        let what = format!("{} is not UTF-8", program.display());
        io::Error::new(io::ErrorKind::InvalidFilename, what)
    })?;
    Ok(format!(
        "[Desktop Entry]\n\
         Type=Application\n\
         Name=Okibi\n\
         Name[ja]=Okibi\n\
         Comment={COMMENT}\n\
         Comment[ja]={COMMENT_JA}\n\
         Exec={} {AT_LOGIN}\n\
         Icon={ICON}\n\
         Terminal=false\n\
         StartupNotify=false\n\
         X-GNOME-Autostart-enabled=true\n\
         X-GNOME-Autostart-Delay={DELAY}\n",
        quoted(program)
    ))
}

/// An argument as the key Exec has it.
///
/// Two rules apply, one after the other: that of the arguments, and that of all strings.
fn quoted(argument: &str) -> String {
    let argument = argument.replace('%', "%%");
    if !argument.is_empty() && !argument.contains(|letter: char| RESERVED.contains(letter)) {
        return escaped(&argument);
    }
    let mut quoted = String::from('"');
    for letter in argument.chars() {
        if "\"`$\\".contains(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    escaped(&quoted)
}

/// A string as any key has it.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, letter| {
        // Writing into a `String` cannot fail.
        let _ = match letter {
            '\\' => escaped.write_str(r"\\"),
            '\n' => escaped.write_str(r"\n"),
            '\t' => escaped.write_str(r"\t"),
            '\r' => escaped.write_str(r"\r"),
            other => escaped.write_char(other),
        };
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a value of a key as a desktop does.
    fn unescaped(value: &str) -> String {
        let mut letters = value.chars();
        let mut text = String::new();
        while let Some(letter) = letters.next() {
            text.push(match (letter, letter == '\\') {
                (_, true) => match letters.next().expect("a letter after the backslash") {
                    's' => ' ',
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '\\' => '\\',
                    other => panic!("unknown: \\{other}"),
                },
                (letter, false) => letter,
            });
        }
        text
    }

    /// Reads the arguments of the key Exec as a desktop does.
    fn arguments(value: &str) -> Vec<String> {
        let value = unescaped(value);
        let mut letters = value.chars().peekable();
        let mut found = Vec::new();
        while letters.peek().is_some() {
            let mut argument = String::new();
            if letters.next_if_eq(&'"').is_some() {
                loop {
                    match letters.next().expect("the end of the quotes") {
                        '"' => break,
                        '\\' => argument.push(letters.next().expect("a letter after the backslash")),
                        letter => argument.push(letter),
                    }
                }
                assert!(letters.peek().is_none_or(|letter| *letter == ' '));
            } else {
                while let Some(letter) = letters.next_if(|letter| *letter != ' ') {
                    assert!(!RESERVED.contains(letter), "{letter:?} is not quoted");
                    argument.push(letter);
                }
            }
            letters.next();
            // No field code may be left, only the one that is a percent sign.
            assert_eq!(argument.matches('%').count() % 2, 0);
            found.push(argument.replace("%%", "%"));
        }
        found
    }

    fn value<'a>(text: &'a str, key: &str) -> &'a str {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("no {key} in {text}"))
    }

    #[test]
    fn a_plain_path_stays_as_it_is_and_one_with_a_space_is_quoted() {
        assert_eq!(quoted("/usr/bin/okibi-tray"), "/usr/bin/okibi-tray");
        assert_eq!(quoted("/a b/okibi-tray"), r#""/a b/okibi-tray""#);
        assert_eq!(quoted(r"/a\$/100%"), r#""/a\\\\\\$/100%%""#);
    }

    proptest! {
        #[test]
        fn every_path_is_read_as_it_was(path in "(/[^\0/]{1,12}){1,4}") {
            let text = entry(Path::new(&path)).unwrap();
            prop_assert_eq!(arguments(value(&text, "Exec")), [path.as_str(), AT_LOGIN]);
        }
    }

    #[test]
    fn the_entry_has_all_that_desktops_show_in_both_languages() {
        let text = entry(Path::new("/usr/bin/okibi-tray")).unwrap();
        assert!(text.starts_with("[Desktop Entry]\nType=Application\n"));
        for key in ["Name", "Comment"] {
            assert_ne!(value(&text, key), "");
            assert_ne!(value(&text, &format!("{key}[ja]")), "");
        }
        assert_eq!(value(&text, "Icon"), "okibi-tray");
        assert_eq!(value(&text, "X-GNOME-Autostart-Delay"), "5");
        assert!(is_on(&text));
    }

    #[test]
    fn the_sentences_are_those_of_the_menu_and_the_package() {
        let menu = include_str!("../../linux/okibi.desktop");
        assert_eq!(value(menu, "Comment[ja]"), COMMENT_JA);
        let package = include_str!("../../tauri.conf.json");
        assert!(package.contains(&format!("\"shortDescription\": \"{COMMENT}\"")));
    }

    #[test]
    fn a_dialog_of_the_desktop_switches_it_off() {
        for line in ["Hidden=true", "X-GNOME-Autostart-enabled=false", "Hidden = true"] {
            assert!(!is_on(&format!("[Desktop Entry]\n{line}\n")), "{line}");
        }
        assert!(is_on("[Desktop Entry]\nHidden=false\n"));
    }

    #[test]
    fn the_settings_are_where_the_variable_says() {
        let folder = |config: &str, home: &str| config_folder(Some(config.into()), Some(home.into()));
        assert_eq!(folder("/elsewhere", "/home/me"), Some("/elsewhere".into()));
        assert_eq!(folder("", "/home/me"), Some("/home/me/.config".into()));
        assert_eq!(folder("relative", "/home/me"), Some("/home/me/.config".into()));
        assert_eq!(
            config_folder(None, Some("/home/me".into())),
            Some("/home/me/.config".into())
        );
        assert_eq!(config_folder(None, None), None);
    }

    #[test]
    fn the_program_of_an_upgrade_is_found_by_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("okibi-tray");
        fs::write(&program, "").unwrap();
        let seen = folder.path().join("okibi-tray (deleted)");
        assert_eq!(replaced(&seen), Some(program.clone()));
        assert_eq!(replaced(&program), None);
        fs::write(&seen, "").unwrap();
        assert_eq!(replaced(&seen), None);
    }
}
