//! The tray app on a real desktop: its menu pressed over the bus, its notifications received, the daemon asked.
#![cfg(target_os = "linux")]

use std::fs;

use okibi_tests::{
    desktop::{Desktop, Lack, Tray},
    eventually,
    foreign::{Foreign, Manner},
    model, pty, vector, within,
};

/// A desktop on which the tray loads the tiny model and starts no daemon by itself.
async fn desktop() -> Desktop {
    lacking(Lack::Nothing).await
}

async fn lacking(lack: Lack) -> Desktop {
    let desktop = Desktop::lacking(lack).await;
    configure(&desktop, "start_daemon = false");
    desktop
}

/// Writes the settings: the tiny model, English, and `lines`.
fn configure(desktop: &Desktop, lines: &str) {
    let text = format!("# mine\nmodel = {:?}\nlang = \"en\"\n{lines}\n", model::tiny());
    desktop.machine.write_config(&text);
}

/// Starts, from the menu, a load that stands in the tokenizer stage as long as the last of these lives.
async fn start_stuck(desktop: &Desktop) -> (Tray, model::StuckModel, fs::File) {
    let stuck = model::StuckModel::make(&desktop.machine.path("model"));
    let text = format!(
        "model = {:?}\nstart_daemon = false\nlang = \"en\"\n",
        stuck.folder()
    );
    desktop.machine.write_config(&text);
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    let hold = stuck.hold().await;
    (tray, stuck, hold)
}

#[tokio::test]
async fn start_and_stop_from_the_menu_with_one_notification_that_moves_on() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    let menu = desktop.state(&tray, "Stopped").await;
    let enabled = |label: &str| menu.iter().find(|line| line.label == label).unwrap().enabled;
    assert_eq!(
        ["Start", "Stop", "Restart"].map(enabled),
        [true, false, false],
        "{menu:#?}"
    );
    desktop.press(&tray, "Start").await;
    let menu = desktop.state(&tray, "Ready: tiny-ruri").await;
    let enabled = |label: &str| menu.iter().find(|line| line.label == label).unwrap().enabled;
    assert_eq!(["Start", "Stop", "Restart"].map(enabled), [false, true, true]);
    assert!(desktop.tooltip(&tray).await.contains("tiny-ruri"));

    let ready = desktop.notified("Ready in").await;
    let shown = desktop.shown();
    assert!(
        shown.iter().all(|each| each.id == ready.id),
        "one place: {shown:#?}"
    );
    let values: Vec<i32> = shown.iter().filter_map(|each| each.value).collect();
    assert!(!values.is_empty() && values.is_sorted(), "{values:?}");

    let client = desktop.machine.client().await;
    let found = within("a vector", client.embed_text("熾火")).await.unwrap();
    assert!((vector::length(&found) - 1.0).abs() < 1e-3);

    desktop.press(&tray, "Stop").await;
    desktop.state(&tray, "Stopped").await;
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn each_step_of_a_load_is_told_in_order() {
    let desktop = desktop().await;
    let (tray, stuck, hold) = start_stuck(&desktop).await;
    desktop.state(&tray, "Loading model").await;
    assert!(desktop.tooltip(&tray).await.contains("Loading model"));
    desktop.window("Okibi – Starting").await;
    stuck.feed().await;
    drop(hold);
    desktop.notified("Ready in").await;
    desktop.state(&tray, "Ready").await;
    // Steps that are over before they could be shown are left out; those that are shown come in order.
    let order = [
        &["Finding the model files", "Model files found"][..],
        // The tokenizer is read on a thread of its own, from the same moment on.
        &[
            "Loading ONNX Runtime",
            "ONNX Runtime loaded",
            "Loading the tokenizer",
            "Loading the model",
            "Tokenizer loaded",
            "Model loaded",
        ],
        &["Warming up", "Warmed up"],
        &["Taking the port over", "Listening"],
        &["model at ws://"],
    ];
    let steps: Vec<String> = desktop.shown().into_iter().map(|shown| shown.body).collect();
    let rank = |step: &String| {
        order
            .iter()
            .position(|names| names.iter().any(|name| step.starts_with(name)))
            .unwrap_or_else(|| panic!("{step:?} in {steps:#?}"))
    };
    assert!(steps.iter().is_sorted_by_key(rank), "{steps:#?}");
    let while_held = ["Loading the tokenizer", "Loading the model"];
    assert!(
        steps.iter().any(|step| while_held.contains(&step.as_str())),
        "{steps:#?}"
    );
    let tooltip = desktop.tooltip(&tray).await;
    assert!(
        tooltip.contains("Memory") && tooltip.contains("requests 0"),
        "{tooltip}"
    );
}

#[tokio::test]
async fn what_starts_at_login_is_the_app() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start at login").await;
    desktop.checked(&tray, "Start at login", true).await;
    desktop.press(&tray, "Quit (the daemon keeps running)").await;
    assert!(tray.ended().await.success());
    let tray = desktop.log_in().await;
    desktop.press(&tray, "Start at login").await;
    desktop.checked(&tray, "Start at login", false).await;
    // The mark goes with the press, the file after it.
    let folder = desktop.machine.path("config/autostart");
    eventually("the file is gone", || {
        (fs::read_dir(&folder).unwrap().count() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_app_lives_on_without_windows_only_where_its_icon_brings_them_back() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.click(&tray).await;
    desktop.window("Okibi – Status").await;
    desktop.close_window("Okibi – Status").await;
    desktop.click(&tray).await;
    desktop.window("Okibi – Status").await;

    let bare = lacking(Lack::Panel).await;
    let app = bare.open_tray(&[]);
    bare.window("Okibi – Status").await;
    bare.close_window("Okibi – Status").await;
    assert!(app.ended().await.success());
}

#[tokio::test]
async fn a_window_is_no_larger_than_the_screen_and_nobodys_window_takes_the_keyboard() {
    let desktop = Desktop::on_screen(800, 480).await;
    configure(&desktop, "start_daemon = false\nprogress_window = \"always\"");
    let tray = desktop.tray().await;
    desktop.click(&tray).await;
    desktop.window("Okibi – Status").await;
    let (_, _, width, height) = desktop.place_of("Okibi – Status");
    assert!(width <= 800 && height <= 480, "{width} x {height}");
    desktop.give_keyboard_to("Okibi – Status");
    desktop.press(&tray, "Start").await;
    desktop.window("Okibi – Starting").await;
    desktop.state(&tray, "Ready").await;
    assert_eq!(desktop.keyboard().as_deref(), Some("Okibi – Status"));
    tray.kill().await;
}

#[tokio::test]
async fn a_folder_that_is_chosen_in_the_menu_is_shown_among_the_models() {
    let mut desktop = desktop().await;
    let user = desktop.choose_by_hand().await;
    let own = model::copy_tiny(&desktop.machine.path("mine"));
    let tray = desktop.tray().await;
    user.chooses(&own);
    desktop.press(&tray, "Choose a folder…").await;
    desktop.window("Okibi – Models").await;
    desktop
        .until("the menu has it", async |desktop| {
            let menu = desktop.menu_now(&tray).await?;
            menu.iter().any(|line| line.label == "mine").then_some(())
        })
        .await;
    tray.kill().await;
}

#[tokio::test]
async fn a_load_that_lost_its_front_is_shown_and_can_be_stopped() {
    let desktop = desktop().await;
    let (tray, _stuck, hold) = start_stuck(&desktop).await;
    tray.kill().await;
    let tray = desktop.tray().await;
    desktop.state(&tray, "Loading").await;
    desktop.press(&tray, "Stop").await;
    desktop.state(&tray, "Stopped").await;
    drop(hold);
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn a_press_on_a_notification_opens_the_page_that_it_is_about() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    let ready = desktop.notified("Ready in").await;
    // The app hears of presses from a moment after it has shown the notification.
    desktop
        .until("the page opens", async |desktop| {
            desktop.press_button(ready.id, "default").await;
            desktop.has_window("Okibi – Status").then_some(())
        })
        .await;
    tray.kill().await;
}

#[tokio::test]
async fn a_display_that_cannot_be_opened_is_said_in_words() {
    let desktop = lacking(Lack::Bus).await;
    let (code, said) = desktop.said_by_tray(&[], Some(":4711")).await;
    assert!(code == 1 && said.contains("okibi start"), "{code}: {said}");
    let (code, said) = desktop.said_by_tray(&["--help"], None).await;
    assert!(code == 0 && said.contains("--page"), "{code}: {said}");
    let (code, said) = desktop.said_by_tray(&["--page", "cellar"], None).await;
    assert!(code == 2 && said.contains("cellar"), "{code}: {said}");
}

#[tokio::test]
async fn a_daemon_of_the_command_line_shows_in_the_tray_and_goes_again() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.machine.start_tiny().await;
    desktop.state(&tray, "Ready: tiny-ruri").await;
    desktop.machine.run(["stop"]).await.expect(0);
    desktop.state(&tray, "Stopped").await;
    assert!(
        desktop.shown().is_empty(),
        "nothing went wrong: {:#?}",
        desktop.shown()
    );
}

#[tokio::test]
async fn a_killed_daemon_is_told_and_started_again() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready").await;
    let first = desktop.machine.status().await.pid;
    pty::signal(first as i32, 9);
    desktop.notified("stopped unexpectedly").await;
    desktop.notified("Restarted").await;
    desktop.state(&tray, "Ready").await;
    assert_ne!(desktop.machine.status().await.pid, first);
}

#[tokio::test]
async fn quit_leaves_the_daemon_and_stop_and_quit_ends_it() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready").await;
    let daemon = desktop.machine.status().await.pid;
    desktop.press(&tray, "Quit (the daemon keeps running)").await;
    assert!(tray.ended().await.success());
    assert_eq!(desktop.machine.status().await.pid, daemon);

    let tray = desktop.tray().await;
    desktop.state(&tray, "Ready").await;
    desktop.press(&tray, "Stop the daemon and quit").await;
    assert!(tray.ended().await.success());
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn the_app_killed_in_the_middle_of_a_load_leaves_the_daemon_to_come_up() {
    let desktop = desktop().await;
    let (tray, stuck, hold) = start_stuck(&desktop).await;
    desktop.state(&tray, "Loading model").await;
    tray.kill().await;
    stuck.feed().await;
    drop(hold);
    desktop.machine.ready().await;
}

#[tokio::test]
async fn a_load_can_be_stopped_from_the_menu() {
    let desktop = desktop().await;
    let (tray, _stuck, hold) = start_stuck(&desktop).await;
    // A load of more than a second opens the progress window.
    desktop.window("Okibi – Starting").await;
    let told = desktop.notified("Loading").await;
    desktop.press(&tray, "Stop").await;
    desktop.state(&tray, "Stopped").await;
    desktop.taken_away(told.id).await;
    drop(hold);
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn a_broken_model_is_told_and_retry_with_a_good_one_works() {
    let desktop = desktop().await;
    let folder = model::copy_tiny(&desktop.machine.path("model"));
    let model_file = folder.join("onnx/model.onnx");
    let whole = fs::read(&model_file).unwrap();
    fs::write(&model_file, b"garbage").unwrap();
    let text = format!("model = {folder:?}\nstart_daemon = false\nlang = \"en\"\n");
    desktop.machine.write_config(&text);
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    let failed = desktop.notified("could not start").await;
    assert!(failed.body.contains("model.onnx"), "{failed:?}");
    assert_eq!(
        failed.actions,
        ["default", "Show", "retry", "Retry", "open-log", "Open log"]
    );
    desktop.state(&tray, "Not running").await;
    desktop.window("Okibi – Starting").await;
    fs::write(&model_file, whole).unwrap();
    desktop.press_button(failed.id, "retry").await;
    desktop.state(&tray, "Ready").await;
}

#[tokio::test]
async fn another_program_on_the_port_is_named() {
    let desktop = desktop().await;
    let foreign = Foreign::listen(desktop.machine.port(), Manner::Http).await;
    let tray = desktop.tray().await;
    desktop.state(&tray, "is used by another program").await;
    desktop.press(&tray, "Start").await;
    desktop.notified("could not start").await;
    assert!(foreign.lives());
}

#[tokio::test]
async fn the_models_that_are_here_are_in_the_menu_and_one_is_chosen_there() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.checked(&tray, "tiny-ruri", true).await;
    desktop.checked(&tray, "multilingual-e5-small", false).await;
    desktop.press(&tray, "multilingual-e5-small").await;
    desktop.checked(&tray, "multilingual-e5-small", true).await;
    desktop.state(&tray, "Stopped").await;
    // A choice makes the app read the list of models again, and a menu that is rebuilt at this moment ignores a press: a
    // person would press again.
    let ready = async || {
        desktop.press(&tray, "Start").await;
        let begins = desktop.until("the load begins", async |desktop| {
            let lines = desktop.menu_now(&tray).await?;
            (!lines[0].label.contains("Stopped")).then_some(())
        });
        tokio::time::timeout(std::time::Duration::from_secs(10), begins)
            .await
            .is_ok()
    };
    assert!(ready().await || ready().await, "the daemon starts");
    desktop.state(&tray, "Ready: multilingual-e5-small").await;
    desktop.press(&tray, "Models…").await;
    desktop.window("Okibi – Models").await;
}

#[tokio::test]
async fn a_press_on_what_is_marked_changes_nothing() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.checked(&tray, "tiny-ruri", true).await;
    desktop.press(&tray, "tiny-ruri").await;
    desktop.press(&tray, "English").await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready: tiny-ruri").await;
    desktop.checked(&tray, "tiny-ruri", true).await;
    desktop.checked(&tray, "English", true).await;
    desktop.press(&tray, "Connect an app…").await;
    desktop.window("Okibi – Connect an app").await;
}

#[tokio::test]
async fn a_restart_brings_back_the_model_that_ran_and_the_menu_marks_it() {
    let desktop = Desktop::new().await;
    desktop
        .machine
        .write_config("lang = \"en\"\nstart_daemon = false\n");
    desktop.machine.start_tiny().await;
    let tray = desktop.tray().await;
    let first = desktop.machine.status().await.pid;
    for restart in ["Restart", "kill"] {
        desktop.state(&tray, "Ready: tiny-ruri").await;
        desktop.checked(&tray, "tiny-ruri", true).await;
        desktop.checked(&tray, "multilingual-e5-small", false).await;
        match restart {
            "kill" => {
                pty::signal(desktop.machine.status().await.pid as i32, 9);
                desktop.notified("Restarted").await;
            }
            entry => {
                desktop.press(&tray, entry).await;
                desktop.notified("Ready in").await;
            }
        }
    }
    let status = desktop.machine.ready().await;
    assert!(status.model == "tiny-ruri" && status.pid != first, "{status:?}");
}

#[tokio::test]
async fn a_second_app_brings_the_first_ones_window_up() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    let second = desktop.open_tray(&[]);
    assert!(second.ended().await.success());
    desktop.window("Okibi – Status").await;
    desktop.click(&tray).await;
    let second = desktop.open_tray(&["--page", "settings"]);
    assert!(second.ended().await.success());
    desktop.window("Okibi – Settings").await;
}

#[tokio::test]
async fn where_a_token_is_required_the_tray_brings_it_by_itself() {
    let desktop = desktop().await;
    configure(&desktop, "start_daemon = false\nrequire_token = true");
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready").await;
    let reply = okibi_tests::http::get(desktop.machine.port(), "/v1/models").await;
    assert_eq!(reply.status, 401, "others have to bring it");
    desktop.press(&tray, "Stop").await;
    desktop.state(&tray, "Stopped").await;
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn language_and_switches_of_the_menu_are_kept_in_the_file_with_its_comments() {
    let desktop = desktop().await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "日本語").await;
    desktop.state(&tray, "停止中").await;
    desktop.press(&tray, "アプリの起動時にデーモンも起動").await;
    let written = within("the switch is written", async {
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
        loop {
            looks.tick().await;
            let written = desktop.machine.config();
            if written.contains("start_daemon = true") {
                return written;
            }
        }
    })
    .await;
    assert!(
        written.starts_with("# mine\n") && written.contains("lang = \"ja\""),
        "{written}"
    );
    desktop.press(&tray, "終了 (デーモンは動き続けます)").await;
    assert!(tray.ended().await.success());
    let tray = desktop.tray().await;
    desktop.state(&tray, "準備完了: tiny-ruri").await;
}

#[tokio::test]
async fn the_setting_for_notifications_is_obeyed() {
    let desktop = desktop().await;
    configure(&desktop, "start_daemon = false\nnotifications = \"none\"");
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready").await;
    assert_eq!(desktop.shown(), []);
}

#[tokio::test]
async fn without_a_bus_the_app_starts_and_its_window_says_what_is_missing() {
    let desktop = lacking(Lack::Bus).await;
    let _tray = desktop.open_tray(&[]);
    desktop.window("Okibi – Status").await;
    assert!(
        desktop.tray_log().contains("no D-Bus session"),
        "{}",
        desktop.tray_log()
    );
}

#[tokio::test]
async fn without_a_panel_the_window_opens_and_a_late_panel_gets_the_icon() {
    let mut desktop = lacking(Lack::Panel).await;
    let tray = desktop.open_tray(&[]);
    desktop.window("Okibi – Status").await;
    desktop.open_panel().await;
    desktop.state(&tray, "Stopped").await;
}

#[tokio::test]
async fn without_a_notification_server_everything_else_works() {
    let desktop = lacking(Lack::Notifications).await;
    let tray = desktop.tray().await;
    desktop.press(&tray, "Start").await;
    desktop.state(&tray, "Ready").await;
    let log = desktop.tray_log();
    assert_eq!(log.matches("notifications cannot be shown").count(), 1, "{log}");
}
