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
async fn the_progress_window_shows_each_stage_and_then_the_address() {
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
    page.until("return document.querySelector('[data-testid=\"keep-open\"]') !== null")
        .await;
    page.click("keep-open").await;
    page.until("return document.querySelector('[data-testid=\"keep-open\"]') === null")
        .await;
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
    page.until("return document.documentElement.lang === 'ja' && document.title === 'Okibi: 設定'")
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
    let autostart = fs::read_dir(desktop.machine.path("home/.config/autostart"))
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
