//! The chores behind `cargo xtask`: each makes sure of the set-up, then hands over to cargo.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::clients;
use crate::dist;
use crate::fuzz;
use crate::setup::{Platforms, ensure_bundler_tools, ensure_desktop, ensure_pictures, is_on_path, setup};
use crate::ui;
use crate::windows;
use crate::workspace::{Profile, Workspace, step};

/// The headless executable: command line and daemon.
const OKIBI: &str = "okibi";
/// The tray app.
const TRAY: &str = "okibi-tray";
/// The program that takes the documentation's pictures.
const SCREENSHOTS: &str = "okibi-screenshots";
/// The package that measures it.
const BENCH: &str = "okibi-bench";

/// Seconds of the fuzzer among the tests.
const FUZZ_IN_TESTS: u64 = 60;

/// Its seconds when it is asked for.
const FUZZ: u64 = 600;

/// Text of `cargo xtask help`.
pub(crate) const HELP: &str = "\
Set-up and chores of Okibi.

cargo xtask run [ARGS…]      build and open the tray app; without a display, `okibi start ARGS…` in this terminal
cargo xtask test [FILTER…]   format, the pages' checks, lints, documentation, build, all tests, then the package's (or
                             only the tests named like FILTER)
cargo xtask test --windows [SCENARIO…]
                             the Windows build's launch scenarios, under Wine or on Windows; says what it needs
cargo xtask setup            fetch ONNX Runtime, build the embedded model; install missing tools where possible
cargo xtask setup --windows  also fetch ONNX Runtime for Windows, to run that build under Wine
cargo xtask bench NAME…      measure, in a release build: launch, serve, load (--soak SECONDS), models, tray
cargo xtask clients          point the real clients of other servers at the daemon; part of `test`
cargo xtask fuzz [SECONDS]   feed the request parsing what a coverage-guided fuzzer comes up with; 600 s by default
cargo xtask dist             make this system's package in target/release/bundle: .deb, .exe installer or .dmg
cargo xtask dist --test      also install it in a folder of its own and try it there (Linux)
cargo xtask icons            draw the programs' icons anew from src-tauri/icons/okibi.svg
cargo xtask screenshots      take the pictures of windows, menu and notification in docs/screenshots anew
cargo xtask help             this text

Every chore does the set-up first; when it is done already that takes milliseconds.
What is fetched or built for it lands in assets/, which git ignores.";

/// Does the chore that `arguments` name.
pub(crate) fn dispatch(arguments: &[String]) -> Result<()> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", arguments),
    };
    let asks_help = rest
        .first()
        .is_some_and(|first| first == "--help" || first == "-h");
    match name {
        "help" | "--help" | "-h" => help(),
        "run" | "setup" | "test" | "bench" | "dist" | "fuzz" | "clients" | "icons" | "screenshots"
            if asks_help =>
        {
            help()
        }
        "setup" => run_setup(rest),
        "run" => run(rest),
        "test" => test(rest),
        "bench" => bench(rest),
        "dist" => run_dist(rest),
        "fuzz" => run_fuzz(rest),
        "clients" => run_clients(),
        "icons" => icons(),
        "screenshots" => screenshots(),
        other => bail!("unknown chore {other:?}\n\n{HELP}"),
    }
}

fn help() -> Result<()> {
    println!("{HELP}");
    Ok(())
}

fn run_setup(arguments: &[String]) -> Result<()> {
    let platforms = match arguments {
        [] => Platforms::Host,
        [flag] if flag == "--windows" => Platforms::HostAndWindows,
        other => bail!("setup does not know {:?}\n\n{HELP}", other.join(" ")),
    };
    let started = Instant::now();
    setup(&Workspace::find()?.assets(), platforms)?;
    println!("set-up complete ({} ms)", started.elapsed().as_millis());
    Ok(())
}

fn run(arguments: &[String]) -> Result<()> {
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    if !has_display() {
        println!("there is no display for the tray app: starting the daemon from this terminal");
        step(
            "build",
            workspace.cargo().args(["build", "--release", "--bin", OKIBI]),
        )?;
        let mut command = workspace.command(workspace.executable(OKIBI, Profile::Release)?);
        return finish(command.arg("start").args(arguments));
    }
    ui::build(&workspace)?;
    build_app(&workspace)?;
    println!("the tray app is open; its icon is in the panel");
    let mut command = workspace.command(workspace.executable(TRAY, Profile::Release)?);
    finish(command.args(arguments))
}

/// Whether windows can be shown here.
fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["WAYLAND_DISPLAY", "DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn test(arguments: &[String]) -> Result<()> {
    let (flags, filters): (Vec<_>, Vec<_>) = arguments
        .iter()
        .cloned()
        .partition(|argument| argument.starts_with("--"));
    match flags.as_slice() {
        [] => test_host(&filters),
        [flag] if flag == "--windows" => windows::test(&filters),
        other => bail!("test does not know {:?}\n\n{HELP}", other.join(" ")),
    }
}

fn test_host(filters: &[String]) -> Result<()> {
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    ensure_desktop()?;
    step("format", workspace.cargo().args(["fmt", "--all", "--check"]))?;
    ui::build(&workspace)?;
    ui::check(&workspace)?;
    let mut clippy = workspace.cargo();
    step(
        "lints",
        clippy.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    let mut doc = workspace.cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    step("documentation", doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    build_all(&workspace)?;
    let mut tests = workspace.cargo();
    tests.args(["test", "--workspace", "--"]).args(filters);
    name_programs(&workspace, Profile::Debug, &mut tests)?;
    step("tests", &mut tests)?;
    if !filters.is_empty() {
        return Ok(());
    }
    test_clients(&workspace)?;
    fuzz::run(&workspace, FUZZ_IN_TESTS, false)?;
    if !is_on_path("dpkg") {
        println!("the package is not tried: there is no dpkg to install it with");
        return Ok(());
    }
    test_package(&workspace)
}

fn run_fuzz(arguments: &[String]) -> Result<()> {
    let seconds = match arguments {
        [] => FUZZ,
        [seconds] => seconds
            .parse()
            .with_context(|| format!("{seconds:?} are no seconds"))?,
        other => bail!("fuzz does not know {:?}\n\n{HELP}", other.join(" ")),
    };
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    fuzz::run(&workspace, seconds, true)
}

fn run_clients() -> Result<()> {
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    ui::build(&workspace)?;
    build_all(&workspace)?;
    test_clients(&workspace)
}

/// Points real clients at the daemon, and other programs that know nothing of it.
fn test_clients(workspace: &Workspace) -> Result<()> {
    let Some(clients) = clients::ensure(workspace)? else {
        return Ok(());
    };
    let mut tests = workspace.cargo();
    tests.args([
        "test",
        "--workspace",
        "--exclude",
        "xtask",
        "--test",
        "clients",
        "--",
        "--ignored",
    ]);
    name_programs(workspace, Profile::Debug, &mut tests)?;
    clients.name_to(&mut tests);
    step("clients", &mut tests)
}

fn run_dist(arguments: &[String]) -> Result<()> {
    let is_tried = match arguments {
        [] => false,
        [flag] if flag == "--test" && cfg!(target_os = "linux") => true,
        [flag] if flag == "--test" => bail!("the package is tried on Linux only"),
        other => bail!("dist does not know {:?}\n\n{HELP}", other.join(" ")),
    };
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    ui::build(&workspace)?;
    if is_tried {
        ensure_desktop()?;
        return test_package(&workspace);
    }
    dist::tell(&build_package(&workspace)?)
}

/// Makes the package; the pages are built already.
fn build_package(workspace: &Workspace) -> Result<PathBuf> {
    ensure_bundler_tools()?;
    build_app(workspace)?;
    dist::bundle(workspace, OKIBI)
}

/// Builds the tray app and the executable it starts, as users get them.
fn build_app(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo();
    step(
        "build",
        build.args(["build", "--release", "-p", OKIBI, "-p", TRAY]),
    )
}

/// Makes the package, installs it away from the source tree, and runs the tests that are about it there.
fn test_package(workspace: &Workspace) -> Result<()> {
    let package = build_package(workspace)?;
    let root = tempfile::Builder::new().prefix("okibi-installed-").tempdir();
    let root = root.context("make a folder to install the package in")?;
    dist::install(&package, root.path())?;
    let programs = root.path().join("usr/bin");
    let mut tests = workspace.cargo();
    tests.args([
        "test",
        "--workspace",
        "--exclude",
        "xtask",
        "--test",
        "package",
        "--",
        "--ignored",
    ]);
    tests.env("OKIBI_TEST_BIN", programs.join(OKIBI));
    tests.env("OKIBI_TEST_TRAY_BIN", programs.join(TRAY));
    step("package", &mut tests)?;
    dist::tell(&package)
}

fn icons() -> Result<()> {
    let workspace = Workspace::find()?;
    ui::ensure_packages(&workspace)?;
    dist::icons(&workspace)
}

/// Builds all but this program, which is running: Windows does not let a running executable be replaced.
fn build_all(workspace: &Workspace) -> Result<()> {
    let mut build = workspace.cargo();
    step(
        "build",
        build.args(["build", "--workspace", "--exclude", "xtask"]),
    )
}

/// Tells the test harness in `command` which programs to start.
fn name_programs(workspace: &Workspace, profile: Profile, command: &mut Command) -> Result<()> {
    command.env("OKIBI_TEST_BIN", workspace.executable(OKIBI, profile)?);
    command.env("OKIBI_TEST_TRAY_BIN", workspace.executable(TRAY, profile)?);
    Ok(())
}

fn screenshots() -> Result<()> {
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    ensure_pictures()?;
    ui::build(&workspace)?;
    build_all(&workspace)?;
    let mut pictures = workspace.command(workspace.executable(SCREENSHOTS, Profile::Debug)?);
    pictures.arg(workspace.screenshots());
    name_programs(&workspace, Profile::Debug, &mut pictures)?;
    step("pictures", &mut pictures)
}

fn bench(arguments: &[String]) -> Result<()> {
    if arguments.is_empty() {
        bail!("bench needs a name\n\n{HELP}");
    }
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    let with_tray = arguments.iter().any(|name| name == "tray");
    if with_tray {
        ensure_desktop()?;
        ui::build(&workspace)?;
    }
    // In one build, so that both have their libraries with the same features, and those are built once.
    let mut build = workspace.cargo();
    build.args(["build", "--release", "-p", OKIBI, "-p", BENCH]);
    if with_tray {
        build.args(["-p", TRAY]);
    }
    step("build", &mut build)?;
    // Not by `cargo run`, which would resolve the features of its package alone and build anew.
    let mut bench = workspace.command(workspace.executable(BENCH, Profile::Release)?);
    bench.args(arguments);
    bench.env("OKIBI_BIN", workspace.executable(OKIBI, Profile::Release)?);
    name_programs(&workspace, Profile::Release, &mut bench)?;
    finish(&mut bench)
}

/// Runs the program that a chore is about, which ends this one with its own exit code.
fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    if status.success() {
        return Ok(());
    }
    std::process::exit(status.code().unwrap_or(1))
}
