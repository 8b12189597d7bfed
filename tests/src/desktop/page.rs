//! The tray app's windows, looked into while they run.

use std::{process::Stdio, time::Duration};

use serde_json::json;
use tokio::process::Child;

use super::Desktop;
use crate::{
    binary::tray_binary,
    http,
    limit::{LIMIT, eventually},
    machine::kill,
    port::PortLease,
    proc,
};

impl Desktop {
    /// Starts the tray app with a page that a test can look into, through WebKitWebDriver.
    pub async fn page(&self, name: &str) -> Page {
        let lease = PortLease::take();
        let mut driver = self.command("WebKitWebDriver");
        driver
            .arg(format!("--port={}", lease.port))
            // The variables by which Tauri opens its web view for automation.
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = driver
            .spawn()
            .expect("WebKitWebDriver starts; `cargo xtask test` installs it");
        eventually("WebKitWebDriver listens", || {
            std::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, lease.port)).ok()
        })
        .await;
        let wanted = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": {
            "binary": tray_binary(), "args": ["--page", name],
        } } } });
        let reply = http::json(lease.port, "POST", "/session", &wanted).await.json();
        let session = reply["value"]["sessionId"].as_str();
        let session = session
            .unwrap_or_else(|| panic!("no session: {reply}"))
            .to_owned();
        Page {
            driver,
            lease,
            session,
        }
    }
}

/// A window of the tray app that a test looks into (W3C WebDriver).
pub struct Page {
    driver: Child,
    lease: PortLease,
    session: String,
}

impl Page {
    /// Runs the body of a function in the page and gives what it returns.
    pub async fn script(&self, body: &str) -> serde_json::Value {
        let path = format!("/session/{}/execute/sync", self.session);
        let sent = json!({ "script": body, "args": [] });
        let mut reply = http::json(self.lease.port, "POST", &path, &sent).await.json();
        assert!(reply["value"]["error"].is_null(), "{body}: {reply}");
        reply["value"].take()
    }

    /// Waits until the body of a function returns something that counts as true, and gives it.
    pub async fn until(&self, body: &str) -> serde_json::Value {
        let wait = async {
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            loop {
                looks.tick().await;
                let value = self.script(body).await;
                if !matches!(&value, serde_json::Value::Null | serde_json::Value::Bool(false)) {
                    return value;
                }
            }
        };
        match tokio::time::timeout(LIMIT, wait).await {
            Ok(value) => value,
            Err(_) => {
                let text = self.script("return document.body.innerText").await;
                panic!("never true: {body}\n{text}")
            }
        }
    }

    /// Waits for the element with this `data-testid` and gives its text.
    pub async fn text(&self, id: &str) -> String {
        let text = self
            .until(&format!(
                "return document.querySelector('[data-testid=\"{id}\"]')?.textContent"
            ))
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page shows the daemon in this state.
    pub async fn shows(&self, state: &str) {
        self.until(&format!(
            "return document.querySelector('[data-testid=\"daemon-state\"]')?.dataset.state === '{state}'"
        ))
        .await;
    }

    /// Waits for the element with this `data-testid` to be enabled, and clicks it.
    pub async fn click(&self, id: &str) {
        self.click_on(&format!("[data-testid=\"{id}\"]")).await;
    }

    /// Waits for the first element of this CSS selector to be enabled, and clicks it.
    pub async fn click_on(&self, selector: &str) {
        self.until(&format!(
            "const found = document.querySelector('{selector}:not(:disabled)'); found?.click(); return !!found"
        ))
        .await;
    }

    /// Puts a value into the field of this name, as typing or choosing would.
    pub async fn fill(&self, name: &str, value: &str) {
        self.until(&format!(
            "const field = document.querySelector('[name=\"{name}\"]'); if (!field) return false;
             field.value = {value:?};
             field.dispatchEvent(new Event('input', {{ bubbles: true }}));
             field.dispatchEvent(new Event('change', {{ bubbles: true }}));
             return true"
        ))
        .await;
    }

    /// Kills the app, whose window is gone, and waits until it has ended.
    pub async fn kill(self) {
        let apps = proc::children(self.driver.id().expect("the driver runs until it is dropped"));
        apps.iter().copied().for_each(kill);
        wait_for_the_end_of(&apps).await;
    }

    /// Ends the app and waits until it is gone: one that starts earlier would only hand over to it.
    pub async fn close(self) {
        let apps = proc::children(self.driver.id().expect("the driver runs until it is dropped"));
        let path = format!("/session/{}", self.session);
        let head = format!("DELETE {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        http::send(self.lease.port, &head).await;
        wait_for_the_end_of(&apps).await;
    }
}

async fn wait_for_the_end_of(apps: &[u32]) {
    eventually("the app has ended", || {
        let has_ended = |app: &u32| matches!(proc::state(*app), None | Some('Z'));
        apps.iter().all(has_ended).then_some(())
    })
    .await;
}
