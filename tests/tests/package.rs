//! The programs as a package installs them: with what came in the package, without the source tree.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf};

use okibi_tests::{desktop::Desktop, okibi_binary};
use serde_json::Value;

/// The folder that the package was installed below, in place of `/`.
fn root() -> PathBuf {
    okibi_binary().ancestors().nth(3).unwrap().to_owned()
}

#[tokio::test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
async fn the_installed_app_starts_its_own_daemon_without_any_variable() {
    let mut desktop = Desktop::new().await;
    for variable in ["ASSETS", "DATA_DIR", "CACHE_DIR", "CONFIG", "PORT"] {
        desktop.machine.unset(&format!("OKIBI_{variable}"));
    }
    let port = desktop.machine.port().to_string();
    let settings = desktop.machine.path("config/okibi");
    fs::create_dir_all(&settings).unwrap();
    let text = format!("port = {port}\nstart_daemon = false\nlang = \"en\"\n");
    fs::write(settings.join("config.toml"), text).unwrap();

    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready: multilingual-e5-small").await;
    let embedded = desktop
        .machine
        .run(["embed", "熾火", "--input-type", "document", "--port", &port])
        .await;
    let line: Value = serde_json::from_slice(&embedded.expect(0).stdout).unwrap();
    assert_eq!(line["vector"].as_array().unwrap().len(), 384);
    assert_eq!(line["tokens"], 7);
    desktop.press(&tray, "Stop the daemon and quit").await;
    assert!(tray.ended().await.success());
    desktop.machine.nothing_left().await;
}

#[test]
#[ignore = "about an installed package, which `cargo xtask dist --test` makes and installs"]
fn the_desktop_finds_the_app_its_icon_and_the_licenses() {
    let root = root();
    let entry = fs::read_to_string(root.join("usr/share/applications/Okibi.desktop")).unwrap();
    let value = |key: &str| {
        let line = entry
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}=")));
        line.unwrap_or_else(|| panic!("no {key} in {entry}")).to_owned()
    };
    assert_eq!(value("Name"), "Okibi");
    assert!(value("Comment[ja]").contains("埋め込み"));
    assert!(root.join("usr/bin").join(value("Exec")).is_file());
    let icon = format!("usr/share/icons/hicolor/128x128/apps/{}.png", value("Icon"));
    assert!(root.join(icon).is_file());
    for notice in ["LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY.md"] {
        assert!(
            root.join("usr/share/doc/okibi").join(notice).is_file(),
            "{notice}"
        );
    }
}
