//! Takes the documentation's pictures of the real windows into a folder: `cargo xtask screenshots`.

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    linux::run().await;
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the pictures are taken on Linux");
    std::process::exit(1);
}

#[cfg(target_os = "linux")]
mod linux {
    // It fails by panicking, as the tests do.
    #![allow(clippy::unwrap_used)]

    use std::{fs, path::PathBuf};

    use okibi_tests::desktop::{Desktop, Page};

    pub(crate) async fn run() {
        let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
        fs::create_dir_all(&folder).unwrap();
        for lang in ["en", "ja"] {
            let mut desktop = Desktop::new().await;
            desktop.machine.set("OKIBI_LANG", lang);
            desktop.machine.set("OKIBI_START_DAEMON", "false");
            let keep = async |page: &Page, name: &str| {
                let file = folder.join(format!("{name}-{lang}.png"));
                let title = page.script("return document.title").await;
                fs::write(&file, desktop.picture(title.as_str().unwrap()).await).unwrap();
                println!("{}", file.display());
            };
            let page = desktop.page("progress").await;
            page.click("start").await;
            page.shows("ready").await;
            page.click("keep-open").await;
            keep(&page, "progress").await;
            page.close().await;
            let page = desktop.page("try").await;
            page.click("example-mixed").await;
            page.click("embed").await;
            page.text("nearest").await;
            keep(&page, "try").await;
            page.close().await;
            let page = desktop.page("status").await;
            page.shows("ready").await;
            keep(&page, "status").await;
            page.close().await;
            let page = desktop.page("settings").await;
            page.until("return document.querySelector('[name=port]') !== null")
                .await;
            keep(&page, "settings").await;
            page.close().await;
            desktop.machine.run(["stop"]).await;
        }
    }
}
