//! The command line of `cargo xtask`.

use clap::{Parser, Subcommand};

use crate::fuzz;

/// Set-up and chores of Okibi
#[derive(Debug, Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    after_help = "Every chore does the set-up first; when it is done already, that takes milliseconds.\n\
                  What is fetched or built for it lands in assets/, which git ignores."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Build and open the tray app; without a display, `okibi start ARGS…` in this terminal
    Run {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Everything a change must pass: format, structure, pages, lints, documentation, all tests, the package
    Test {
        /// Only the tests with one of these in their names, and without the package
        filters: Vec<String>,
        /// Instead, the launch scenarios of the Windows build, under Wine or on Windows; says what it needs
        #[arg(long)]
        windows: bool,
    },
    /// The quick part of `test`: format, and the structure of the sources
    Check,
    /// Fetch ONNX Runtime, build the embedded model; install missing tools where possible
    Setup {
        /// Also fetch ONNX Runtime for Windows, to run that build under Wine
        #[arg(long)]
        windows: bool,
    },
    /// Measure, in a release build: launch, serve, load, models, encoder, attacks, tray
    Bench {
        /// What to measure
        #[arg(required = true)]
        names: Vec<String>,
        /// Seconds of the soak in `load`
        #[arg(long)]
        soak: Option<u64>,
        /// `encoder` without the large model
        #[arg(long)]
        small: bool,
        /// Draw the last run of `encoder` into docs/pictures instead of measuring it
        #[arg(long)]
        chart: bool,
    },
    /// What takes long and is no part of `test`: clients for minutes, then attacks, with a table of each
    Soak {
        /// Seconds of the clients
        #[arg(default_value_t = 300)]
        seconds: u64,
    },
    /// Point the real clients of other servers at the daemon; part of `test`
    Clients {
        /// Also those that are large to install
        #[arg(long)]
        all: bool,
    },
    /// Feed the request parsing, and the reading of models' files, what a coverage-guided fuzzer comes up with
    Fuzz {
        /// Seconds of all of it
        #[arg(default_value_t = fuzz::SECONDS)]
        seconds: u64,
    },
    /// Run the encoder's tests on emulated 64-bit Arm processors, whose kernel gives the same bits
    Neon,
    /// Run the encoder's tests with AddressSanitizer, which sees an access outside of what was asked for
    Sanitize,
    /// Make this system's packages in target/release/bundle: .deb and .rpm, .exe installer or .dmg
    Dist {
        /// Also install it in a folder of its own and try it there (Linux, Wine)
        #[arg(long)]
        test: bool,
        /// Take the build that the tests use, which is larger and slower, in target/debug/bundle
        #[arg(long)]
        debug: bool,
        /// Make the Windows installer on this system, for `--test` under Wine; says what it needs
        #[arg(long)]
        windows: bool,
    },
    /// Write the tables of the documents that are generated from the code
    Docs,
    /// Draw the programs' icons from src-tauri/icons/okibi.svg
    Icons,
    /// Take the pictures of windows, menu and notification in docs/screenshots
    Screenshots,
}
