//! The chores behind `cargo xtask`: each makes sure of the set-up, then hands over to cargo.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result, ensure};

use crate::{
    arguments::Chore,
    build::{self, BENCH, OKIBI, TRAY},
    clients, dist, fuzz, gate,
    history::LongChore,
    neon, sanitize,
    setup::{Platforms, ensure_desktop, ensure_graph, ensure_pictures, setup},
    steps::step,
    ui, windows,
    workspace::{Profile, Workspace},
};

/// The program that takes the documentation's pictures.
const SCREENSHOTS: &str = "okibi-screenshots";

/// Does a chore.
pub(crate) fn run(chore: Chore) -> Result<()> {
    match chore {
        Chore::Run { args } => open(&args),
        Chore::Test {
            filters,
            windows: true,
        } => windows::test(&filters),
        Chore::Test {
            filters,
            windows: false,
        } => gate::run(&filters),
        Chore::Check => gate::check(&Workspace::find()?),
        Chore::Setup { windows } => set_up(windows),
        Chore::Bench {
            names,
            soak,
            small,
            chart,
        } => {
            let soak = soak.iter().flat_map(|seconds| soak_of(*seconds));
            let flags = [("--small", small), ("--chart", chart)];
            let flags = flags.iter().filter(|(_, is_wanted)| *is_wanted);
            let flags = flags.map(|(flag, _)| (*flag).to_owned());
            bench(&names, &soak.chain(flags).collect::<Vec<_>>())
        }
        Chore::Soak { seconds } => bench(&["load".into(), "attacks".into()], &soak_of(seconds)),
        Chore::Clients { all } => real_clients(all),
        Chore::Fuzz { seconds } => {
            let workspace = prepared()?;
            fuzz::run(&workspace, seconds)?;
            LongChore::Fuzz.remember(&workspace)
        }
        Chore::Neon => {
            let workspace = Workspace::find()?;
            neon::run(&workspace)?;
            LongChore::Neon.remember(&workspace)
        }
        Chore::Sanitize => {
            let workspace = Workspace::find()?;
            sanitize::run(&workspace)?;
            LongChore::Sanitize.remember(&workspace)
        }
        Chore::Dist { test, debug, windows } => {
            let profile = if debug { Profile::Debug } else { Profile::Release };
            match windows {
                true => dist::describe(&[windows::package(profile, test)?]),
                false => package(test, profile),
            }
        }
        Chore::Docs => docs(),
        Chore::Icons => icons(),
        Chore::Screenshots => screenshots(),
    }
}

/// The workspace, after the set-up.
fn prepared() -> Result<Workspace> {
    let workspace = Workspace::find()?;
    setup(&workspace.assets(), Platforms::Host)?;
    Ok(workspace)
}

fn set_up(windows: bool) -> Result<()> {
    let platforms = if windows {
        Platforms::HostAndWindows
    } else {
        Platforms::Host
    };
    let started = Instant::now();
    setup(&Workspace::find()?.assets(), platforms)?;
    println!("set-up complete ({} ms)", started.elapsed().as_millis());
    Ok(())
}

/// Opens the tray app; where nothing can be shown, starts the daemon.
fn open(arguments: &[String]) -> Result<()> {
    let workspace = prepared()?;
    if !has_display() {
        println!("there is no display for the tray app: starting the daemon from this terminal");
        build::release(&workspace, &[OKIBI])?;
        let mut command = workspace.command(workspace.executable(OKIBI, Profile::Release)?);
        return finish(command.arg("start").args(arguments));
    }
    ui::build(&workspace)?;
    build::release(&workspace, &[OKIBI, TRAY])?;
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

fn real_clients(all: bool) -> Result<()> {
    let workspace = prepared()?;
    ui::build(&workspace)?;
    build::debug(&workspace)?;
    let Some(clients) = clients::install(&workspace)? else {
        return Ok(());
    };
    clients::test(&workspace, &clients)?;
    if all {
        clients::test_heavy(&workspace)?;
        LongChore::HeavyClients.remember(&workspace)?;
    }
    Ok(())
}

fn package(is_tried: bool, profile: Profile) -> Result<()> {
    ensure!(
        !is_tried || cfg!(target_os = "linux"),
        "the package is tried on Linux only"
    );
    let workspace = prepared()?;
    ui::build(&workspace)?;
    match profile {
        Profile::Debug => build::debug(&workspace)?,
        Profile::Release => build::release(&workspace, &[OKIBI, TRAY])?,
    }
    if is_tried {
        ensure_desktop()?;
        return dist::test(&workspace, profile).map(drop);
    }
    dist::describe(&dist::bundle(&workspace, profile)?)
}

/// Has the test that compares the tables write them.
fn docs() -> Result<()> {
    let workspace = Workspace::find()?;
    let mut tests = workspace.cargo();
    tests.args(["test", "--workspace", "--exclude", "xtask", "--test", "docs"]);
    step("documents", tests.env("OKIBI_WRITE_DOCS", "1"))
}

fn icons() -> Result<()> {
    let workspace = Workspace::find()?;
    ui::ensure_packages(&workspace)?;
    dist::icons(&workspace)
}

fn screenshots() -> Result<()> {
    let workspace = prepared()?;
    ensure_pictures()?;
    ui::build(&workspace)?;
    build::debug(&workspace)?;
    let mut pictures = workspace.command(workspace.executable(SCREENSHOTS, Profile::Debug)?);
    pictures.arg(workspace.screenshots());
    build::name_programs(&workspace, Profile::Debug, &mut pictures)?;
    step("pictures", &mut pictures)
}

/// The flag for the length of the soak.
fn soak_of(seconds: u64) -> [String; 2] {
    ["--soak".to_owned(), seconds.to_string()]
}

fn bench(names: &[String], flags: &[String]) -> Result<()> {
    let workspace = prepared()?;
    ensure_graph(&workspace.assets())?;
    let mut packages = vec![BENCH];
    // The encoder is measured as a library.
    if names.iter().any(|name| name != "encoder") {
        packages.push(OKIBI);
    }
    if names.iter().any(|name| name == "tray") {
        ensure_desktop()?;
        ui::build(&workspace)?;
        packages.push(TRAY);
    }
    build::release(&workspace, &packages)?;
    // Not by `cargo run`, which would resolve the features of its package alone and build once more.
    let mut bench = workspace.command(workspace.executable(BENCH, Profile::Release)?);
    bench.args(names).args(flags);
    bench.env("OKIBI_BIN", workspace.executable(OKIBI, Profile::Release)?);
    build::name_programs(&workspace, Profile::Release, &mut bench)?;
    finish(&mut bench)?;
    if names.iter().any(|name| name == "load") {
        LongChore::Soak.remember(&workspace)?;
    }
    Ok(())
}

/// Runs the program that a chore is about, which ends this one with its own exit code.
fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("run {command:?}"))?;
    if status.success() {
        return Ok(());
    }
    std::process::exit(status.code().unwrap_or(1))
}
