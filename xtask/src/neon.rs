//! The encoder's tests on emulated 64-bit Arm processors: its kernels for NEON run where nobody has such a processor.
//!
//! The emulator of QEMU runs a program of another processor as one of this system. The vectors of the small models are
//! compared with the committed ones, and those are compared on this machine's processor by `cargo xtask test`, so that
//! both give the same bits.

use anyhow::{Result, ensure};

use crate::{setup, steps::step, workspace::Workspace};

const PACKAGE: &str = "okibi-encoder";

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// An emulated processor.
struct Processor {
    /// As QEMU calls it.
    name: &'static str,
    /// The kernels that have to be chosen on it, the fastest first.
    kernels: &'static str,
    /// Whether all tests run on it, or only those of the vectors.
    has_all: bool,
}

const PROCESSORS: [Processor; 3] = [
    // Of the first with products of int8 (`sdot`).
    Processor {
        name: "neoverse-n1",
        kernels: "neon-dot,neon,plain",
        has_all: true,
    },
    // Everything that is emulated.
    Processor {
        name: "max",
        kernels: "neon-dot,neon,plain",
        has_all: false,
    },
    // Without these products, as a Raspberry Pi 4.
    Processor {
        name: "cortex-a72",
        kernels: "neon,plain",
        has_all: false,
    },
];

/// Runs them.
///
/// Errors: something that they need is missing, or a test fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    ensure!(
        cfg!(target_os = "linux") && !cfg!(target_arch = "aarch64"),
        "processors are emulated on Linux, and not on 64-bit Arm: there `cargo test -p {PACKAGE}` runs the same tests"
    );
    setup::ensure_emulator()?;
    setup::rust::ensure_target(TARGET)?;
    for processor in PROCESSORS {
        let Processor {
            name,
            kernels,
            has_all,
        } = processor;
        let runner = format!("qemu-aarch64 -cpu {name} -L /usr/aarch64-linux-gnu");
        let mut tests = workspace.cargo();
        tests.args(["test", "--package", PACKAGE, "--target", TARGET]);
        if !has_all {
            tests.args(["--test", "vectors", "--", "--nocapture"]);
        }
        tests
            .env(
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                "aarch64-linux-gnu-gcc",
            )
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner)
            .env("OKIBI_TEST_KERNELS", kernels);
        step(&format!("tests on {name} ({kernels})"), &mut tests)?;
    }
    Ok(())
}
