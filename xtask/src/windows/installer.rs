//! The installer for Windows, which NSIS makes on every system, by `src-tauri/windows/okibi.nsi`.
//!
//! Not by Tauri's bundler, which downloads a plugin of its own.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    dist::contents::beside_programs,
    setup::{self, remove_folder},
    steps::step,
    workspace::{Profile, Workspace, files_below},
};

/// What the tray app loads, where it was not linked with it: beside the program in cargo's folder.
const WEBVIEW_LOADER: &str = "WebView2Loader.dll";

/// Makes the installer from the command line and the tray app, and returns its path. That of a debug build is
/// compressed little.
pub(crate) fn make(workspace: &Workspace, programs: &[PathBuf; 2], profile: Profile) -> Result<PathBuf> {
    setup::ensure_installer_tools()?;
    let version = workspace.version()?;
    let folder = workspace.output_folder(None, profile)?.join("bundle/nsis");
    remove_folder(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let installer = folder.join(format!("Okibi_{version}_x64-setup.exe"));
    let list = folder.join("files.nsh");
    let text = script(&files(workspace, programs)?)?;
    fs::write(&list, text).with_context(|| format!("write {}", list.display()))?;
    let mut command = Command::new("makensis");
    command.args(["-V2", "-WX", "-INPUTCHARSET", "UTF8"]);
    command.arg(format!("-DVERSION={version}"));
    command.arg(format!("-DFILES={}", list.display()));
    command.arg(format!("-DOUTPUT={}", installer.display()));
    if profile == Profile::Debug {
        command.arg("-DFAST");
    }
    if cfg!(windows) {
        // The only kind that NSIS makes there.
        command.arg("-DTARGET=x86-unicode");
    }
    step(
        "installer",
        command.arg(workspace.root().join("src-tauri/windows/okibi.nsi")),
    )?;
    Ok(installer)
}

/// Every file of the installer with its place below the folder that is installed.
fn files(workspace: &Workspace, programs: &[PathBuf; 2]) -> Result<Vec<(PathBuf, PathBuf)>> {
    let mut found = Vec::new();
    let loaders = programs
        .iter()
        .map(|program| program.with_file_name(WEBVIEW_LOADER));
    let loader = loaders.into_iter().find(|loader| loader.is_file());
    for program in programs.iter().cloned().chain(loader) {
        let name = program.file_name().map(PathBuf::from);
        let name = name.with_context(|| format!("{} names no file", program.display()))?;
        found.push((program, name));
    }
    let parts = setup::windows_parts()?;
    for (source, inside) in beside_programs(workspace, &parts, "assets", "licenses") {
        if source.is_file() {
            found.push((source, inside));
            continue;
        }
        for file in files_below(&source, &[])? {
            let place = inside.join(file.strip_prefix(&source)?);
            found.push((file, place));
        }
    }
    Ok(found)
}

/// What the installer's script includes: the files to install, the same files to remove, and their size in kB.
fn script(files: &[(PathBuf, PathBuf)]) -> Result<String> {
    let mut size = 0;
    let (mut installed, mut removed) = (String::new(), String::new());
    let mut folders = BTreeSet::new();
    for (source, place) in files {
        size += source
            .metadata()
            .with_context(|| format!("read {}", source.display()))?
            .len();
        let folder = place.parent().unwrap_or(Path::new(""));
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        writeln!(installed, "  SetOutPath \"{}\"", in_script(folder))?;
        writeln!(installed, "  File \"/oname={name}\" \"{}\"", source.display())?;
        writeln!(removed, "  Delete \"{}\"", in_script(place))?;
        folders.extend(folder.ancestors().filter(|above| *above != Path::new("")));
    }
    // A folder comes after those above it, and has to be removed before them.
    for folder in folders.iter().rev() {
        writeln!(removed, "  RMDir \"{}\"", in_script(folder))?;
    }
    Ok(format!(
        "!define SIZE {}\n\n!macro INSTALL_FILES\n{installed}!macroend\n\n!macro REMOVE_FILES\n{removed}!macroend\n",
        size.div_ceil(1024)
    ))
}

/// A path below the folder that is installed, as the script names it.
fn in_script(place: &Path) -> String {
    let place = place.to_string_lossy().replace('/', r"\");
    format!(r"$INSTDIR\{place}").trim_end_matches('\\').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_removed_and_folders_before_those_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("a file");
        fs::write(&source, [0; 1025]).unwrap();
        let files = ["okibi.exe", "assets/models/one/config.json", "assets/models/x"];
        let files: Vec<_> = files
            .iter()
            .map(|place| (source.clone(), PathBuf::from(place)))
            .collect();
        let text = script(&files).unwrap();
        let (installed, removed) = text.split_once("!macro REMOVE_FILES\n").unwrap();
        assert!(installed.starts_with("!define SIZE 4\n"), "{installed}");
        assert_eq!(installed.matches("  File \"/oname=").count(), 3);
        assert!(installed.contains("  SetOutPath \"$INSTDIR\"\n  File \"/oname=okibi.exe\""));
        let lines: Vec<_> = removed.lines().collect();
        assert_eq!(
            lines,
            [
                r#"  Delete "$INSTDIR\okibi.exe""#,
                r#"  Delete "$INSTDIR\assets\models\one\config.json""#,
                r#"  Delete "$INSTDIR\assets\models\x""#,
                r#"  RMDir "$INSTDIR\assets\models\one""#,
                r#"  RMDir "$INSTDIR\assets\models""#,
                r#"  RMDir "$INSTDIR\assets""#,
                "!macroend",
            ]
        );
    }
}
