//! The binary `okibi-tray`.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    okibi_tray::run()
}
