//! Lists the app's commands, so that each window is granted those it needs and no others.

const COMMANDS: [&str; 16] = [
    "get_view",
    "get_status",
    "start_daemon",
    "stop_daemon",
    "restart_daemon",
    "cancel_load",
    "start_on_port",
    "open_window",
    "close_window",
    "open_place",
    "copy_text",
    "get_about",
    "embed",
    "get_settings",
    "save_settings",
    "choose_model_folder",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(&COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        panic!("{error:#}");
    }
}
