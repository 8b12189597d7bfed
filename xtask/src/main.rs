//! Set-up and chores of the Okibi workspace, one program for every system: `cargo xtask help`.

mod chores;
mod clients;
mod dist;
mod embedded_model;
mod fuzz;
mod setup;
mod ui;
mod windows;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match chores::dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
