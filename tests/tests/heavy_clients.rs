//! Clients of other servers that are large to install: `cargo xtask clients --all`.
#![cfg(unix)]

use std::path::PathBuf;

use okibi_tests::repository;

use crate::clients::{all_work, expected, machine, succeeds};

/// Where the clients are.
fn heavy_clients() -> PathBuf {
    std::env::var_os("OKIBI_TEST_HEAVY_CLIENTS")
        .expect("`cargo xtask clients --all` installs the clients and names their folder")
        .into()
}

#[tokio::test]
#[ignore = "needs the clients, which `cargo xtask clients --all` installs"]
async fn large_python_clients_of_other_servers_work_unchanged() {
    let machine = machine().await;
    let mut command = machine.command_of("python3");
    command
        .env("PYTHONPATH", heavy_clients())
        .arg(repository().join("tests/clients/python/heavy.py"))
        .arg(machine.port().to_string());
    let printed = succeeds(command, &expected(&machine).await.to_string()).await;
    all_work(&printed, 5);
}
