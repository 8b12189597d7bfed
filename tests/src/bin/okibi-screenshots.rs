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

    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use okibi_tests::desktop::{Desktop, Page};

    /// The languages and looks that pictures are taken in.
    const LOOKS: [Look; 3] = [
        Look {
            lang: "en",
            theme: "Adwaita",
            suffix: "en",
        },
        Look {
            lang: "ja",
            theme: "Adwaita",
            suffix: "ja",
        },
        Look {
            lang: "ja",
            theme: "Adwaita:dark",
            suffix: "ja-dark",
        },
    ];

    struct Look {
        lang: &'static str,
        /// The GTK theme.
        theme: &'static str,
        /// End of the files' names.
        suffix: &'static str,
    }

    pub(crate) async fn run() {
        let folder = PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
        fs::create_dir_all(&folder).unwrap();
        for look in LOOKS {
            let mut desktop = Desktop::for_pictures().await;
            desktop.machine.set("GTK_THEME", look.theme);
            // In the file and not in variables, which the settings window would mention.
            desktop.machine.unset("OKIBI_PORT");
            desktop.machine.write_config(&format!(
                "port = {}\nlang = {:?}\nstart_daemon = false\nprogress_window = \"never\"\n",
                desktop.machine.port(),
                look.lang
            ));
            let pictures = Pictures {
                folder: &folder,
                suffix: look.suffix,
            };
            take_windows(&desktop, &pictures).await;
            take_tray(&desktop, &pictures).await;
        }
    }

    /// Where the pictures go.
    struct Pictures<'a> {
        folder: &'a Path,
        suffix: &'a str,
    }

    impl Pictures<'_> {
        fn keep(&self, name: &str, picture: &[u8]) {
            let file = self.folder.join(format!("{name}-{}.png", self.suffix));
            fs::write(&file, picture).unwrap();
            println!("{}", file.display());
        }

        async fn keep_window(&self, desktop: &Desktop, page: Page, name: &str) {
            let title = page.script("return document.title").await;
            self.keep(name, &desktop.picture(title.as_str().unwrap()).await);
            page.close().await;
        }
    }

    async fn take_windows(desktop: &Desktop, pictures: &Pictures<'_>) {
        let page = desktop.page("progress").await;
        page.click("start").await;
        page.shows("ready").await;
        pictures.keep_window(desktop, page, "progress").await;
        let page = desktop.page("try").await;
        page.click("example-mixed").await;
        page.click("embed").await;
        page.text("nearest").await;
        pictures.keep_window(desktop, page, "try").await;
        let page = desktop.page("status").await;
        page.shows("ready").await;
        pictures.keep_window(desktop, page, "status").await;
        let page = desktop.page("models").await;
        page.text("standing").await;
        pictures.keep_window(desktop, page, "models").await;
        let page = desktop.page("settings").await;
        page.until("return document.querySelector('[name=port]') !== null")
            .await;
        pictures.keep_window(desktop, page, "settings").await;
        desktop.machine.run(["stop"]).await.expect(0);
    }

    async fn take_tray(desktop: &Desktop, pictures: &Pictures<'_>) {
        let tray = desktop.tray().await;
        let menu = desktop.menu(&tray).await;
        // The first line is the state; the first that can be pressed is to start.
        let start = menu.iter().skip(1).find(|line| line.enabled).unwrap();
        desktop.press(&tray, &start.label).await;
        desktop.state(&tray, "multilingual-e5-small").await;
        pictures.keep("notification", &desktop.picture_of_notification().await);
        pictures.keep("menu", &desktop.picture_of_menu().await);
        tray.kill().await;
        desktop.machine.run(["stop"]).await.expect(0);
    }
}
