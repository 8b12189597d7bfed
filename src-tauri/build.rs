//! Lists the app's commands, so that each window is granted those it needs and no others.

const COMMANDS: [&str; 44] = [
    "get_view",
    "get_page",
    "get_status",
    "start_daemon",
    "stop_daemon",
    "restart_daemon",
    "cancel_load",
    "start_on_port",
    "open_page",
    "close_window",
    "set_unsaved",
    "end_welcome",
    "open_place",
    "open_link",
    "check_update",
    "copy_text",
    "get_about",
    "get_activity",
    "allow_origin",
    "get_tokens",
    "rotate_tokens",
    "embed",
    "get_search",
    "search_in",
    "search_in_files",
    "clear_search",
    "search",
    "get_log",
    "get_report",
    "save_report",
    "dismiss_crash",
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
    "keep_hub_token",
    "look_up_model",
    "unload_model",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(&COMMANDS);
    if let Err(error) = tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)) {
        panic!("{error:#}");
    }
}
