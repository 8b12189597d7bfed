//! Lists the app's commands, so that each window is granted those it needs and no others.

const COMMANDS: [&str; 23] = [
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
    "get_models",
    "pull_model",
    "cancel_pull",
    "remove_model",
    "use_model",
    "dismiss_switch",
    "dismiss_offers",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(&COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        panic!("{error:#}");
    }
}
