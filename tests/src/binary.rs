//! The program under test.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Names a program to test in place of a fresh build.
const BINARY_VARIABLE: &str = "OKIBI_TEST_BIN";

/// The `okibi` to test: the one `OKIBI_TEST_BIN` names, else the one of the source tree, built once per test program.
pub fn okibi_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os(BINARY_VARIABLE) {
        Some(named) => named.into(),
        None => built(),
    })
}

/// The tray app to test: the one `OKIBI_TEST_TRAY_BIN` names, else the one beside [`okibi_binary`].
#[cfg(target_os = "linux")]
pub(crate) fn tray_binary() -> PathBuf {
    match std::env::var_os("OKIBI_TEST_TRAY_BIN") {
        Some(named) => named.into(),
        None => okibi_binary().with_file_name("okibi-tray"),
    }
}

/// Builds `okibi` beside the running test program: in its target folder, by its profile.
fn built() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/TEST
    let profile = test.ancestors().nth(2).expect("tests run from a target folder");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "okibi", "--target-dir"]);
    build.arg(profile.parent().expect("a profile is in a target folder"));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.current_dir(repository()).status().unwrap();
    assert!(status.success(), "okibi does not build");
    profile.join(format!("okibi{}", std::env::consts::EXE_SUFFIX))
}

/// The root of the source tree.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in the repository")
}
