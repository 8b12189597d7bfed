//! The tray app's windows, looked into while they run: what they show, what they do, what they write.
#![cfg(target_os = "linux")]

use std::fs;

use okibi_tests::{desktop::Desktop, model};
use serde_json::json;

/// A desktop on which the tray loads the tiny model and starts no daemon by itself; the port is in the file.
async fn desktop() -> Desktop {
    let mut desktop = Desktop::new().await;
    desktop.machine.unset("OKIBI_PORT");
    let text = format!(
        "# mine\nmodel = {:?}\nport = {} # not Anki\nlang = \"en\"\nstart_daemon = false\n",
        model::tiny(),
        desktop.machine.port()
    );
    desktop.machine.write_config(&text);
    desktop
}

#[tokio::test]
async fn one_window_has_all_pages_and_goes_where_one_asks() {
    let desktop = desktop().await;
    let page = desktop.page("status").await;
    page.shows("stopped").await;
    for (name, title) in [
        ("progress", "Last start"),
        ("models", "Models"),
        ("try", "Try it"),
        ("connect", "Connect an app"),
        ("activity", "Activity"),
        ("logs", "Log"),
        ("settings", "Settings"),
        ("about", "About"),
        ("status", "Status"),
    ] {
        page.click(&format!("go-{name}")).await;
        desktop.window(&format!("Okibi – {title}")).await;
        page.until(&format!(
            "return document.querySelector('[data-testid=\"go-{name}\"]').ariaCurrent === 'page' && document.querySelector('main h1') !== null"
        ))
        .await;
    }
    // A page that is asked for from outside comes in the same window.
    let second = desktop.open_tray(&["--page", "models"]);
    assert!(second.ended().await.success());
    page.until("return document.title === 'Okibi – Models'").await;
    page.close().await;
}

#[tokio::test]
async fn what_is_typed_and_not_saved_is_asked_about_before_it_is_lost() {
    let desktop = desktop().await;
    let before = desktop.machine.config();
    let page = desktop.page("settings").await;
    page.fill("threads", "1").await;
    page.until("return !document.querySelector('[data-testid=\"save\"]').disabled")
        .await;
    page.click("go-status").await;
    page.text("leaving").await;
    page.click("stay").await;
    desktop.ask_to_close("Okibi – Settings");
    page.text("leaving").await;
    assert_eq!(desktop.machine.config(), before);
    page.click("save-and-leave").await;
    desktop.no_window("Okibi – Settings").await;
    assert!(desktop.machine.config().contains("threads = 1"));
    page.kill().await;

    let page = desktop.page("settings").await;
    page.fill("threads", "2").await;
    page.until("return !document.querySelector('[data-testid=\"save\"]').disabled")
        .await;
    page.click("go-status").await;
    page.click("discard").await;
    page.until("return document.title === 'Okibi – Status'").await;
    assert!(desktop.machine.config().contains("threads = 1"));
    page.close().await;
}

#[tokio::test]
async fn the_page_of_a_start_shows_each_stage_and_then_the_address() {
    let desktop = desktop().await;
    let page = desktop.page("progress").await;
    page.click("start").await;
    page.shows("ready").await;
    let stages = page
        .script(
            "return [...document.querySelectorAll('[data-testid=\"stage\"]')].map((row) => row.dataset.stage + ' ' + row.dataset.state)",
        )
        .await;
    let names = ["resolve", "runtime", "tokenizer", "model", "warmup", "listen"];
    assert_eq!(stages, json!(names.map(|name| format!("{name} finished"))));
    assert_eq!(
        page.text("address").await,
        format!("ws://127.0.0.1:{}", desktop.machine.port())
    );
    page.close().await;
    assert!(desktop.machine.status().await.ready, "the daemon stays");
}

#[tokio::test]
async fn a_failed_load_says_why_and_retry_with_a_good_model_works() {
    let desktop = desktop().await;
    let folder = model::copy_tiny(&desktop.machine.path("model"));
    let tokenizer = folder.join("tokenizer.json");
    let kept = fs::read(&tokenizer).unwrap();
    fs::remove_file(&tokenizer).unwrap();
    let text = desktop
        .machine
        .config()
        .replace(&format!("{:?}", model::tiny()), &format!("{folder:?}"));
    desktop.machine.write_config(&text);
    let page = desktop.page("progress").await;
    page.click("start").await;
    let said = page.text("problem-message").await;
    assert!(said.contains("tokenizer.json"), "{said}");
    fs::write(&tokenizer, kept).unwrap();
    page.click("retry").await;
    page.shows("ready").await;
    page.close().await;
}

#[tokio::test]
async fn the_status_window_tells_what_the_daemon_tells() {
    let desktop = desktop().await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("status").await;
    page.until("return document.querySelector('[data-testid=\"model\"]')?.textContent === 'tiny-ruri'")
        .await;
    let client = desktop.machine.client().await;
    client.embed_text("熾火").await.unwrap();
    page.until("return document.querySelector('[data-testid=\"requests\"]').textContent.trim() === '1'")
        .await;
    page.click("stop").await;
    page.shows("stopped").await;
    page.close().await;
    desktop.machine.nothing_left().await;
}

#[tokio::test]
async fn the_connect_window_has_what_an_app_asks_for() {
    let desktop = desktop().await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("connect").await;
    let port = desktop.machine.port();
    page.until("return document.querySelector('[data-testid=\"space\"]') !== null")
        .await;
    for (id, text) in [
        ("openai", format!("http://127.0.0.1:{port}/v1")),
        ("plain", format!("http://127.0.0.1:{port}")),
        ("websocket", format!("ws://127.0.0.1:{port}")),
        ("name", "tiny-ruri".to_owned()),
        ("document-name", "tiny-ruri:document".to_owned()),
        ("space", desktop.machine.status().await.space.unwrap()),
    ] {
        assert_eq!(page.text(id).await, text);
    }
    page.fill("app", "curl").await;
    page.until(&format!(
        "return document.querySelector('[data-testid=\"recipe\"]').textContent.startsWith('curl http://127.0.0.1:{port}/v1/embeddings')"
    ))
    .await;
    page.click("copy-openai").await;
    page.until(
        "return document.querySelector('[data-testid=\"copy-openai\"]').textContent.includes('Copied')",
    )
    .await;
    page.close().await;
}

#[tokio::test]
async fn sentences_are_compared_in_the_try_window() {
    let desktop = desktop().await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("try").await;
    page.click("example-mixed").await;
    page.click("embed").await;
    page.until("return document.querySelectorAll('[data-testid=\"heat-cell\"]').length === 36")
        .await;
    let diagonal = page
        .script("return document.querySelectorAll('[data-testid=\"heat-cell\"]')[7].textContent.trim()")
        .await;
    assert_eq!(diagonal, json!("1.00"));
    page.close().await;
}

#[tokio::test]
async fn every_changed_setting_is_in_the_file_and_in_the_next_run() {
    let desktop = desktop().await;
    let page = desktop.page("settings").await;
    let fields = [
        ("port", "29123"),
        ("threads", "1"),
        ("variant", "int8"),
        ("device", "auto"),
        ("keep_alive", "2h"),
        ("notifications", "errors"),
        ("progress_window", "never"),
        ("lang", "ja"),
    ];
    for (name, value) in fields {
        page.fill(name, value).await;
    }
    for name in ["start_daemon", "restart_daemon", "start_at_login"] {
        page.script(&format!("document.querySelector('[name=\"{name}\"]').click()"))
            .await;
    }
    page.click("save").await;
    page.until("return document.documentElement.lang === 'ja' && document.title === 'Okibi – 設定'")
        .await;
    page.until(
        "return document.querySelector('[data-testid=\"save-state\"]').textContent.includes('保存しました')",
    )
    .await;
    let written = desktop.machine.config();
    for line in [
        "# mine",
        "port = 29123 # not Anki",
        "threads = 1",
        "variant = \"int8\"",
        "device = \"auto\"",
        "keep_alive = \"2h\"",
        "notifications = \"errors\"",
        "progress_window = \"never\"",
        "lang = \"ja\"",
        "start_daemon = true",
        "restart_daemon = false",
    ] {
        assert!(
            written.lines().any(|known| known == line),
            "{line:?} is not in:\n{written}"
        );
    }
    let autostart = fs::read_dir(desktop.machine.path("config/autostart"))
        .unwrap()
        .count();
    assert_eq!(autostart, 1, "the app starts at login");
    page.close().await;
    let text = written.replace("start_daemon = true", "start_daemon = false");
    desktop.machine.write_config(&text);
    let page = desktop.page("settings").await;
    for (name, value) in fields {
        let shown = format!("return document.querySelector('[name=\"{name}\"]')?.value === {value:?}");
        page.until(&shown).await;
    }
    page.until("return document.querySelector('[name=\"start_at_login\"]').checked")
        .await;
    page.close().await;
}

#[tokio::test]
async fn who_may_ask_is_set_in_the_window_and_a_new_token_is_made_there() {
    let desktop = desktop().await;
    let page = desktop.page("settings").await;
    page.fill("allowed_origins", "app://obsidian.md, https://notes.example")
        .await;
    page.script("document.querySelector('[name=\"require_token\"]').click()")
        .await;
    page.click("save").await;
    page.until("return document.querySelector('[data-testid=\"save-state\"]').textContent.includes('Saved')")
        .await;
    let written = desktop.machine.config();
    let list = r#"allowed_origins = ["app://obsidian.md", "https://notes.example"]"#;
    assert!(
        written.contains(list) && written.contains("require_token = true"),
        "{written}"
    );
    // A start makes the tokens.
    page.click("go-status").await;
    page.click("start").await;
    page.shows("ready").await;
    page.click("go-settings").await;
    page.click("show-token").await;
    let first = page.text("token").await;
    assert_eq!(first.len(), 64, "{first}");
    page.click("rotate-token").await;
    page.click("confirm-rotate").await;
    page.until(&format!(
        "return document.querySelector('[data-testid=\"token\"]').textContent !== '{first}'"
    ))
    .await;
    page.fill("hub-token", "hf_mine").await;
    page.click("keep-hub-token").await;
    page.click("forget-hub-token").await;
    page.until("return document.querySelector('[data-testid=\"forget-hub-token\"]') === null")
        .await;
    page.close().await;
}

#[tokio::test]
async fn a_setting_that_cannot_be_used_is_named_and_nothing_is_written() {
    let desktop = desktop().await;
    let before = desktop.machine.config();
    let page = desktop.page("settings").await;
    page.fill("port", "0").await;
    page.fill("notifications", "none").await;
    page.click("save").await;
    let said = page.text("problem-port").await;
    assert!(said.contains("1 to 65535"), "{said}");
    assert_eq!(desktop.machine.config(), before);
    page.close().await;
}

#[tokio::test]
async fn a_broken_file_is_told_with_its_place_and_kept() {
    // A broken file is not used at all, so the port comes from the environment.
    let mut desktop = Desktop::new().await;
    desktop.machine.set("OKIBI_START_DAEMON", "false");
    let broken = "port = 1\nmodel = = 2\nstart_daemon = false\n";
    desktop.machine.write_config(broken);
    let page = desktop.page("settings").await;
    let said = page.text("config-problems").await;
    assert!(said.contains("config.toml:2:"), "{said}");
    page.fill("notifications", "none").await;
    page.click("save").await;
    page.text("command-error").await;
    assert_eq!(desktop.machine.config(), broken);
    page.close().await;
}

#[tokio::test]
async fn a_new_user_is_welcomed_once_and_can_skip_it() {
    let desktop = desktop().await;
    fs::remove_file(desktop.machine.path("data/tray.json")).unwrap();
    // Nothing is asked for, so that the app decides what a new user sees.
    let tray = desktop.tray().await;
    desktop.window("Okibi – Welcome").await;
    tray.kill().await;

    let page = desktop.page("welcome").await;
    page.click("welcome-lang-ja").await;
    page.until("return document.documentElement.lang === 'ja'").await;
    assert!(desktop.machine.config().contains("lang = \"ja\""));
    page.click("welcome-skip").await;
    page.until("return document.title === 'Okibi – 状態'").await;
    page.close().await;

    let tray = desktop.tray().await;
    desktop.state(&tray, "停止中").await;
    assert!(!desktop.has_window("Okibi – ようこそ"));
    tray.kill().await;
}

#[tokio::test]
async fn lines_of_ones_own_are_searched_and_nothing_is_kept() {
    let desktop = desktop().await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("try").await;
    page.fill("search-text", "炭火を落とす\n雪が降る\n\nthe kettle sings")
        .await;
    page.click("search-in").await;
    page.until("return document.querySelector('[data-testid=\"search-state\"]')?.dataset.state === 'ready'")
        .await;
    // A text is nearest to itself, asked for in the same way or not; the tiny model has no prompts.
    page.fill("query", "雪が降る").await;
    page.until("return document.querySelector('[data-testid=\"hit\"]')?.textContent.includes('雪が降る')")
        .await;
    let hits = page
        .script("return document.querySelectorAll('[data-testid=\"hit\"]').length")
        .await;
    assert_eq!(hits, json!(3));
    page.click("clear-search").await;
    page.until("return document.querySelector('[data-testid=\"search-state\"]')?.dataset.state === 'empty'")
        .await;
    page.close().await;
    for file in fs::read_dir(desktop.machine.path("data")).unwrap() {
        let file = file.unwrap().path();
        let text = fs::read(&file).unwrap_or_default();
        assert!(
            !String::from_utf8_lossy(&text).contains("雪が降る"),
            "{}",
            file.display()
        );
    }
}

#[tokio::test]
async fn a_folder_of_notes_is_searched_and_each_hit_says_where_it_is() {
    let mut desktop = desktop().await;
    let user = desktop.choose_by_hand().await;
    desktop.machine.start_tiny().await;
    let notes = desktop.machine.path("notes");
    fs::create_dir(&notes).unwrap();
    fs::write(notes.join("a.md"), "# 炭\n\n雪が降る\n").unwrap();
    fs::write(notes.join("b.jsonl"), "{\"text\":\"the kettle sings\"}\n").unwrap();
    let page = desktop.page("try").await;
    user.chooses(&notes);
    page.click("choose-folder").await;
    page.until("return document.querySelector('[data-testid=\"search-state\"]')?.dataset.state === 'ready'")
        .await;
    page.fill("query", "雪が降る").await;
    page.until("return document.querySelector('[data-testid=\"hit-place\"]')?.textContent === 'a.md:3'")
        .await;
    page.close().await;
}

#[tokio::test]
async fn who_uses_the_daemon_is_on_the_page_of_the_activity() {
    let desktop = desktop().await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("activity").await;
    let client = desktop.machine.client().await;
    client.embed_text("熾火").await.unwrap();
    page.until("return document.querySelector('[data-testid=\"client\"]') !== null")
        .await;
    page.until("return document.querySelector('[data-testid=\"request\"]') !== null")
        .await;
    let shown = page.script("return document.body.innerText").await;
    assert!(!shown.as_str().unwrap().contains("熾火"), "{shown}");
    page.close().await;
}

#[tokio::test]
async fn the_log_is_followed_and_a_report_has_no_secret() {
    let mut desktop = desktop().await;
    desktop.machine.set("HF_TOKEN", "hf_secret");
    desktop.machine.start_tiny().await;
    let page = desktop.page("logs").await;
    page.until("return document.querySelector('[data-testid=\"log-lines\"]')?.textContent.includes('the daemon begins')")
        .await;
    page.fill("log-filter", "nothing says this").await;
    page.until("return !document.querySelector('[data-testid=\"log-lines\"]').textContent.includes('the daemon begins')")
        .await;
    page.click("show-report").await;
    page.until("return document.body.innerText.includes('\"server_type\": \"okibi\"')")
        .await;
    let shown = page.script("return document.body.innerText").await;
    assert!(!shown.as_str().unwrap().contains("hf_secret"), "{shown}");
    page.close().await;
}

#[tokio::test]
async fn a_crash_of_the_app_is_told_at_its_next_start_until_it_is_dismissed() {
    let desktop = desktop().await;
    let note = desktop.machine.path("data/crash.json");
    fs::write(
        &note,
        r#"{"at":1,"version":"0.1.0","message":"panicked at kettle.rs:1:1"}"#,
    )
    .unwrap();
    let page = desktop.page("status").await;
    page.click("dismiss-crash").await;
    page.until("return document.querySelector('[data-testid=\"hint\"]') === null")
        .await;
    assert!(!note.exists());
    page.close().await;
}

#[tokio::test]
async fn settings_that_are_edited_by_hand_are_taken_up_and_wait_for_a_restart() {
    let desktop = desktop().await;
    let page = desktop.page("status").await;
    page.click("start").await;
    page.shows("ready").await;
    let before = desktop.machine.config();
    desktop
        .machine
        .write_config(&before.replace("lang = \"en\"", "lang = \"ja\"\nthreads = 1"));
    page.until("return document.documentElement.lang === 'ja'").await;
    page.until("return document.querySelector('[data-testid=\"hint\"][data-kind=\"restart\"]') !== null")
        .await;
    page.click("restart-now").await;
    page.until("return document.querySelector('[data-testid=\"hint\"]') === null")
        .await;
    page.shows("ready").await;
    assert_eq!(desktop.machine.status().await.threads, Some(1));

    // What is taken back before the restart needs none.
    let now = desktop.machine.config();
    desktop
        .machine
        .write_config(&now.replace("threads = 1", "threads = 2"));
    page.until("return document.querySelector('[data-testid=\"hint\"]') !== null")
        .await;
    desktop.machine.write_config(&now);
    page.until("return document.querySelector('[data-testid=\"hint\"]') === null")
        .await;
    page.close().await;
}

#[tokio::test]
async fn a_file_that_hides_the_port_starts_nothing_until_it_is_mended() {
    let desktop = desktop().await;
    let good = desktop.machine.config();
    desktop.machine.write_config(&format!("{good}keep_alive = = 1\n"));
    let page = desktop.page("status").await;
    page.click("start").await;
    page.shows("failed").await;
    let said = page.text("problem-message").await;
    assert!(said.contains("config.toml:6:"), "{said}");
    assert_eq!(desktop.machine.daemons(), Vec::<u32>::new());
    // Once it is mended, what was asked for happens.
    desktop.machine.write_config(&good);
    page.shows("ready").await;
    page.close().await;
}
