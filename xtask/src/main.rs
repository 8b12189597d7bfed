//! Set-up and chores of the Okibi workspace, one program for every system: `cargo xtask help`.

mod arguments;
mod build;
mod checks;
mod chores;
mod clients;
mod compiler;
mod dist;
mod embedded_model;
mod fuzz;
mod gate;
mod history;
mod neon;
mod nextest;
mod sanitize;
mod setup;
mod steps;
mod ui;
mod windows;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    if let Some(ended) = compiler::compile() {
        return ended;
    }
    match chores::run(arguments::Arguments::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
