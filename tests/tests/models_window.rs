//! The models window of the tray app: what is fetched from a hub of this machine, deleted, and changed over to.
#![cfg(target_os = "linux")]

use std::fs;

use okibi_tests::{
    Hub,
    desktop::{Desktop, Page},
    eventually, model,
};

/// A model that the app knows, whatever the hub gives for it: the end of its name.
const KNOWN: &str = "ruri-v3-30m";

/// The model that comes with Okibi.
const EMBEDDED: &str = "multilingual-e5-small";

/// A desktop whose hub is `hub`, where the tray loads the tiny model and starts no daemon by itself.
async fn desktop(hub: &Hub) -> Desktop {
    let mut desktop = Desktop::new().await;
    desktop.machine.set("HF_ENDPOINT", hub.endpoint());
    let text = format!(
        "model = {:?}\nlang = \"en\"\nstart_daemon = false\n",
        model::tiny()
    );
    desktop.machine.write_config(&text);
    desktop
}

/// A part of the known model's row.
fn of_known(id: &str) -> String {
    format!("[data-model$=\"{KNOWN}\"] [data-testid=\"{id}\"]")
}

/// A part of the embedded model's row.
fn of_embedded(id: &str) -> String {
    format!("[data-model=\"{EMBEDDED}\"] [data-testid=\"{id}\"]")
}

/// Waits until the known model's row says that it stands so.
async fn stands(page: &Page, standing: &str) {
    page.until(&format!(
        "return document.querySelector('[data-model$=\"{KNOWN}\"]')?.dataset.state === '{standing}'"
    ))
    .await;
}

/// Whether files lie in the cache.
fn has_files(desktop: &Desktop) -> bool {
    let folders = fs::read_dir(desktop.machine.path("cache")).into_iter().flatten();
    folders
        .flatten()
        .any(|folder| folder.file_name().to_string_lossy().starts_with("models--"))
}

#[tokio::test]
async fn a_model_is_fetched_with_its_bytes_shown_and_deleted_after_a_question() {
    let hub = Hub::that_waits().await;
    let desktop = desktop(&hub).await;
    let page = desktop.page("models").await;
    stands(&page, "absent").await;
    assert_eq!(hub.requests(), 0, "nothing is fetched unasked");
    page.click_on(&of_known("pull")).await;
    stands(&page, "downloading").await;
    page.until(&format!(
        "return / of /.test(document.querySelector('{}')?.textContent)",
        of_known("pull-text")
    ))
    .await;
    hub.go_on();
    stands(&page, "here").await;
    assert!(has_files(&desktop));

    page.click_on(&of_known("remove")).await;
    let question = page.text("question").await;
    assert!(question.contains("frees"), "{question}");
    page.click_on(&of_known("keep")).await;
    stands(&page, "here").await;
    page.click_on(&of_known("remove")).await;
    page.click_on(&of_known("confirm-remove")).await;
    stands(&page, "absent").await;
    let told = page.text("removed").await;
    assert!(told.contains("deleted"), "{told}");
    assert!(!has_files(&desktop));
    page.close().await;
}

#[tokio::test]
async fn a_download_that_is_cancelled_ends_at_once_and_can_be_resumed() {
    let hub = Hub::that_waits().await;
    let desktop = desktop(&hub).await;
    let page = desktop.page("models").await;
    page.click_on(&of_known("pull")).await;
    stands(&page, "downloading").await;
    page.until(&format!(
        "return / of /.test(document.querySelector('{}')?.textContent)",
        of_known("pull-text")
    ))
    .await;
    page.click_on(&of_known("cancel-pull")).await;
    stands(&page, "partial").await;
    hub.go_on();
    page.click_on(&of_known("pull")).await;
    stands(&page, "here").await;
    page.close().await;
}

#[tokio::test]
async fn a_download_that_fails_says_why_beside_the_model_and_can_be_tried_again() {
    let hub = Hub::open().await;
    let mut desktop = desktop(&hub).await;
    desktop.machine.set("HF_ENDPOINT", "http://127.0.0.1:9");
    let page = desktop.page("models").await;
    page.click_on(&of_known("pull")).await;
    let said = page.text("model-error").await;
    assert!(said.contains("127.0.0.1:9"), "{said}");
    page.click_on(&of_known("retry")).await;
    page.text("model-error").await;
    page.click_on(&of_known("dismiss-problem")).await;
    page.until("return document.querySelector('[data-testid=\"model-error\"]') === null")
        .await;
    page.close().await;
}

#[tokio::test]
async fn a_ready_daemon_changes_over_without_a_gap_and_later_starts_keep_the_choice() {
    let hub = Hub::open().await;
    let desktop = desktop(&hub).await;
    desktop.machine.start_tiny().await;
    let before = desktop.machine.status().await;
    let page = desktop.page("models").await;
    page.click_on(&of_embedded("use")).await;
    page.until(
        "return document.querySelector('[data-model=\"multilingual-e5-small\"]')?.dataset.state === 'current'",
    )
    .await;
    let after = desktop.machine.status().await;
    assert_eq!(
        (after.model.as_str(), after.pid, after.ready),
        (EMBEDDED, before.pid, true)
    );
    eventually("the choice is in the file", || {
        desktop.machine.config().contains(EMBEDDED).then_some(())
    })
    .await;
    assert_eq!(hub.requests(), 0, "nothing is fetched for a model that is here");
    page.close().await;
}

#[tokio::test]
async fn a_model_that_was_fetched_is_used_and_then_kept_from_deletion() {
    let hub = Hub::open().await;
    let desktop = desktop(&hub).await;
    desktop.machine.start_tiny().await;
    let page = desktop.page("models").await;
    page.click_on(&of_known("pull")).await;
    stands(&page, "here").await;
    page.click_on(&of_known("use")).await;
    stands(&page, "current").await;
    page.until(&format!(
        "return document.querySelector('{}') === null",
        of_known("remove")
    ))
    .await;
    let status = desktop.machine.status().await;
    assert!(status.ready && status.model.ends_with(KNOWN), "{status:?}");
    page.close().await;
}

#[tokio::test]
async fn a_folder_that_is_added_is_used_and_forgotten_while_its_files_stay() {
    let hub = Hub::open().await;
    let mut desktop = desktop(&hub).await;
    let user = desktop.choose_by_hand().await;
    desktop.machine.start_tiny().await;
    let own = model::copy_tiny(&desktop.machine.path("my models/mine"));
    let of_own = |id: &str| format!("[data-model$=\"/mine\"] [data-testid=\"{id}\"]");
    let stands = async |page: &Page, standing: &str| {
        let row = "document.querySelector('[data-model$=\"/mine\"]')?.dataset.state";
        page.until(&format!("return {row} === {standing}")).await;
    };
    let page = desktop.page("models").await;

    user.closes();
    page.click("add-folder").await;
    eventually("the dialog was closed", || {
        (!user.titles().is_empty()).then_some(())
    })
    .await;
    let empty = desktop.machine.path("empty");
    fs::create_dir(&empty).unwrap();
    user.chooses(&empty);
    page.click("add-folder").await;
    let said = page.text("command-error").await;
    assert!(said.contains("empty"), "{said}");

    user.chooses(&own);
    page.click("add-folder").await;
    stands(&page, "'here'").await;
    assert_eq!(user.titles(), ["Choose a model folder"; 3]);
    page.click_on(&of_own("use")).await;
    stands(&page, "'current'").await;
    assert_eq!(desktop.machine.status().await.model, "mine");

    page.click_on(&of_embedded("use")).await;
    // It stays loaded for the apps that ask for it, until the user ends that.
    stands(&page, "'loaded'").await;
    page.click_on(&of_own("unload")).await;
    stands(&page, "'here'").await;
    page.click_on(&of_own("remove")).await;
    page.click_on(&of_own("confirm-remove")).await;
    stands(&page, "undefined").await;
    assert!(own.join("onnx/model.onnx").is_file());
    page.close().await;
}

#[tokio::test]
async fn without_a_daemon_a_model_that_is_used_is_started() {
    let hub = Hub::open().await;
    let desktop = desktop(&hub).await;
    let page = desktop.page("models").await;
    page.click_on(&of_embedded("use")).await;
    page.shows("ready").await;
    assert_eq!(desktop.machine.status().await.model, EMBEDDED);
    page.close().await;
}

#[tokio::test]
async fn better_models_are_offered_once() {
    let hub = Hub::open().await;
    let desktop = desktop(&hub).await;
    desktop
        .machine
        .write_config("lang = \"ja\"\nstart_daemon = false\n");
    let page = desktop.page("models").await;
    let offered = page.text("offers").await;
    assert!(offered.contains(KNOWN) && offered.contains("MB"), "{offered}");
    page.click("dismiss-offers").await;
    page.until("return document.querySelector('[data-testid=\"offers\"]') === null")
        .await;
    assert_eq!(hub.requests(), 0, "nothing is fetched unasked");
    page.close().await;
    let page = desktop.page("models").await;
    stands(&page, "absent").await;
    page.until("return document.querySelector('[data-testid=\"offers\"]') === null")
        .await;
    page.close().await;
}

#[tokio::test]
async fn a_repository_is_looked_up_by_its_name_before_anything_is_downloaded() {
    let hub = Hub::open().await;
    let desktop = desktop(&hub).await;
    let page = desktop.page("models").await;
    page.text("standing").await;
    page.fill("search", "someone/unheard-of").await;
    page.click("look-up").await;
    let said = page.text("looked-up").await;
    assert!(
        said.contains("ONNX Runtime computes it") && said.contains("MB"),
        "{said}"
    );
    assert!(!has_files(&desktop));
    // It is in the list from then on, and can be downloaded as the others are.
    let of_found = |id: &str| format!("[data-model=\"someone/unheard-of\"] [data-testid=\"{id}\"]");
    page.click_on(&of_found("pull")).await;
    page.until(
        "return document.querySelector('[data-model=\"someone/unheard-of\"]')?.dataset.state === 'here'",
    )
    .await;
    assert!(has_files(&desktop));
    page.close().await;
}
