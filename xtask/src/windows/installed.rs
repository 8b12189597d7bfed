//! The installer, tried: what it installs works, and its uninstaller leaves only what is the user's.
//!
//! It changes the registry and the folders of the user of that Wine, whose PATH is put back at the end.

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{
    run::LIMIT,
    scenarios::vectors_are_right,
    stage::{INSTALLER, Scene},
};

const ENVIRONMENT: &str = r"HKCU\Environment";
const UNINSTALL: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Okibi";

/// Below the folder of the programs, where the daemon has its own without a setting.
const USERS_FILE: &str = r"Okibi\data\logs\kept.log";

/// So many folders in the PATH make it longer than a variable of NSIS.
const FOLDERS: usize = 150;

/// Installs, uses, installs once more, and removes.
///
/// Errors: something is not as it should be; what was installed is removed then where that works.
pub(super) fn test(scene: &Scene<'_>, version: &str) -> Result<()> {
    let folder = scene.installed_folder();
    ensure!(
        files_below(scene, folder)?.is_empty(),
        "there are files in {folder} already, which are not this test's"
    );
    let path = value(scene, ENVIRONMENT, "Path")?;
    let result = install_and_remove(scene, version);
    if result.is_err() {
        // Whether that works is not what this test is about now.
        let _ = scene.system(
            &format!(r"{folder}\uninstall.exe"),
            &["/S", &format!("_?={folder}")],
        );
    }
    scene.system("cmd", &["/c", "rmdir", "/s", "/q", folder])?;
    match path {
        Some((kind, text)) => set_path(scene, &kind, &text)?,
        None => {
            scene.system("reg", &["delete", ENVIRONMENT, "/v", "Path", "/f"])?;
        }
    }
    result
}

fn install_and_remove(scene: &Scene<'_>, version: &str) -> Result<()> {
    let folder = scene.installed_folder();
    let before: Vec<_> = (0..FOLDERS).map(|n| format!(r"C:\a folder\number {n}")).collect();
    let before = format!(r"%USERPROFILE%\bin;{}", before.join(";"));
    set_path(scene, "REG_EXPAND_SZ", &before)?;
    let menu = scene.system("cmd", &["/c", "echo %APPDATA%"])?.out;
    let menu = format!(r"{}\Microsoft\Windows\Start Menu\Programs", menu.trim());

    scene.system(INSTALLER, &["/S"])?.expect(0, "")?;
    let files = files_below(scene, folder)?;
    for name in [
        "okibi.exe",
        "okibi-tray.exe",
        "uninstall.exe",
        r"assets\models\multilingual-e5-small\model.safetensors",
        r"licenses\LICENSE-MIT",
    ] {
        let file = format!(r"{folder}\{name}");
        ensure!(files.contains(&file), "{file} is not installed: {files:#?}");
    }
    let path = Some(("REG_EXPAND_SZ".to_owned(), format!("{before};{folder}")));
    expect_path(scene, &path)?;
    let shortcut = format!(r"{menu}\Okibi.lnk");
    ensure!(
        files_below(scene, &menu)?.contains(&shortcut),
        "there is no {shortcut}"
    );
    let shown = value(scene, UNINSTALL, "DisplayVersion")?;
    ensure!(
        shown == Some(("REG_SZ".into(), version.into())),
        "the system's list of programs says {shown:?}"
    );
    let (start, _) = scene.launch(&[], &[])?;
    start.ended()?.expect(0, r#""outcome":"launched""#)?;
    vectors_are_right(scene)?;

    // The same version once more, while the daemon runs.
    scene.system(INSTALLER, &["/S"])?.expect(0, "")?;
    scene.was_stopped()?;
    ensure!(
        files_below(scene, folder)? == files,
        "other files after an upgrade"
    );
    expect_path(scene, &path)?;
    let (start, _) = scene.launch(&[], &[])?;
    start.ended()?.expect(0, r#""outcome":"launched""#)?;
    scene.stop()?;

    let (start, _) = scene.launch(&[], &[])?;
    start.ended()?.expect(0, r#""outcome":"launched""#)?;
    let kept = format!(r"{folder}\{USERS_FILE}");
    let (of_user, _) = kept.rsplit_once('\\').context("a file in a folder")?;
    scene.system("cmd", &["/c", "mkdir", of_user])?.expect(0, "")?;
    scene
        .system("cmd", &["/c", &format!("echo kept>{kept}")])?
        .expect(0, "")?;
    // It goes on in a copy of itself, which can remove the file.
    scene
        .system(&format!(r"{folder}\uninstall.exe"), &["/S"])?
        .expect(0, "")?;
    let began = Instant::now();
    while value(scene, UNINSTALL, "DisplayVersion")?.is_some()
        || value(scene, ENVIRONMENT, "Path")? == path
        || files_below(scene, folder)?.len() > 1
    {
        if began.elapsed() > LIMIT {
            bail!(
                "the uninstaller leaves {:#?} and the PATH {:?}",
                files_below(scene, folder)?,
                value(scene, ENVIRONMENT, "Path")?
            );
        }
    }
    scene.was_stopped()?;
    let left = files_below(scene, folder)?;
    ensure!(left == BTreeSet::from([kept]), "left: {left:#?}");
    ensure!(
        !files_below(scene, &menu)?.contains(&shortcut),
        "{shortcut} is left"
    );
    expect_path(scene, &Some(("REG_EXPAND_SZ".into(), before)))
}

fn expect_path(scene: &Scene<'_>, wanted: &Option<(String, String)>) -> Result<()> {
    let found = value(scene, ENVIRONMENT, "Path")?;
    ensure!(found == *wanted, "the PATH is {found:?}\ninstead of {wanted:?}");
    Ok(())
}

fn set_path(scene: &Scene<'_>, kind: &str, text: &str) -> Result<()> {
    let args = ["add", ENVIRONMENT, "/v", "Path", "/t", kind, "/d", text, "/f"];
    scene.system("reg", &args)?.expect(0, "").map(drop)
}

/// The kind and the text of a value in the registry; `None` where there is none.
fn value(scene: &Scene<'_>, key: &str, name: &str) -> Result<Option<(String, String)>> {
    let asked = scene.system("reg", &["query", key, "/v", name])?;
    // `    NAME    KIND    TEXT`
    let found = asked.out.lines().find_map(|line| {
        let (kind, text) = line.trim().strip_prefix(name)?.trim().split_once("    ")?;
        Some((kind.to_owned(), text.to_owned()))
    });
    Ok(found)
}

/// The files below a folder by their whole names; none where there is no such folder.
fn files_below(scene: &Scene<'_>, folder: &str) -> Result<BTreeSet<String>> {
    let listed = scene.system("cmd", &["/c", "dir", "/s", "/b", "/a-d", folder])?;
    let names = listed.out.lines().map(str::trim);
    Ok(names
        .filter(|name| name.contains(r":\"))
        .map(str::to_owned)
        .collect())
}
