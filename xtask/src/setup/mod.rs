//! Set-up: the programs, the library and the model that a build and its tests need.
//!
//! Everything lands in the git-ignored assets folder. A part is made under a temporary name and renamed when
//! it is whole, so an interrupted set-up leaves nothing half-done; a lock file makes two at once take turns.

pub(crate) mod checksum;
mod prerequisites;
mod runtime;
pub(crate) mod rust;
mod stamp;
pub(crate) mod wheel;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::embedded_model::{self, Form};
pub(crate) use prerequisites::{
    ensure_app_tools, ensure_browser, ensure_bundler_tools, ensure_desktop, ensure_emulator,
    ensure_installer_tools, ensure_package_checks, ensure_peers, ensure_pictures, is_on_path, pip,
    python_version,
};
use stamp::Verdict;

/// Folders in the making; whatever is in here when a set-up starts was left by an interrupted one.
const UNFINISHED: &str = ".unfinished";

/// Which platforms' runtime is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platforms {
    Host,
    /// Also Windows', to run its build here.
    HostAndWindows,
}

/// Does what is missing and says so; says nothing and takes milliseconds when nothing is.
pub(crate) fn setup(assets: &Path, platforms: Platforms) -> Result<()> {
    prerequisites::ensure_build_tools()?;
    let _lock = lock(assets)?;
    remove_folder(&assets.join(UNFINISHED))?;

    let mut runtimes = vec![runtime::host()?];
    if platforms == Platforms::HostAndWindows {
        runtimes.push(runtime::windows()?);
    }
    for platform in runtimes {
        let title = format!("ONNX Runtime {} for {}", runtime::VERSION, platform.name());
        let part = Part {
            assets,
            folder: platform.folder(),
            title,
            recipe: platform.recipe(),
        };
        part.ensure(|folder| platform.unpack(folder))?;
    }
    Part {
        assets,
        folder: model_folder(),
        title: format!("the embedded model {}", embedded_model::NAME),
        recipe: Form::Weights.recipe(),
    }
    .ensure(|folder| Form::Weights.build(folder))
}

/// Makes sure of what Okibi is measured beside: the embedded model for ONNX Runtime.
pub(crate) fn ensure_graph(assets: &Path) -> Result<()> {
    let _lock = lock(assets)?;
    Part {
        assets,
        folder: Path::new("peers").join(embedded_model::NAME),
        title: format!("{} for ONNX Runtime", embedded_model::NAME),
        recipe: Form::Graph.recipe(),
    }
    .ensure(|folder| Form::Graph.build(folder))
}

/// The folders, relative to the assets, that a program on this platform needs.
pub(crate) fn host_parts() -> Result<[PathBuf; 2]> {
    Ok([runtime::host()?.folder(), model_folder()])
}

/// The folders, relative to the assets, that a program on Windows needs.
pub(crate) fn windows_parts() -> Result<[PathBuf; 2]> {
    Ok([windows_runtime()?, model_folder()])
}

/// The folder of the embedded model, relative to the assets.
fn model_folder() -> PathBuf {
    Path::new("models").join(embedded_model::NAME)
}

/// The folder of the runtime for Windows, relative to the assets.
pub(crate) fn windows_runtime() -> Result<PathBuf> {
    Ok(runtime::windows()?.folder())
}

/// The wheel's platform and the library's name of the runtime for macOS.
#[cfg(test)]
pub(crate) fn mac_runtime() -> Result<(&'static str, &'static str)> {
    runtime::mac()
}

/// Waits for other set-ups to end; the lock is held until the file is dropped, or its process ends.
fn lock(assets: &Path) -> Result<File> {
    fs::create_dir_all(assets).with_context(|| format!("create {}", assets.display()))?;
    let path = assets.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| format!("open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => println!("another set-up is running; waiting for it"),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("lock {}", path.display()));
        }
    }
    file.lock().with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

/// A folder of the assets that is made as a whole.
struct Part<'a> {
    assets: &'a Path,
    /// Relative to the assets.
    folder: PathBuf,
    title: String,
    /// Names everything the content depends on.
    recipe: String,
}

impl Part<'_> {
    /// Has `make` fill the folder, unless it is there and whole.
    fn ensure(&self, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let folder = self.assets.join(&self.folder);
        match stamp::check(&folder, &self.recipe)? {
            Verdict::Whole => return Ok(()),
            Verdict::OutOfDate => println!("setting up {}", self.title),
            Verdict::Damaged(file) => {
                println!("setting up {} again: {} is damaged", self.title, file.display())
            }
        }
        prerequisites::ensure_pip()?;
        let started = Instant::now();
        let unfinished = self.assets.join(UNFINISHED).join("part");
        remove_folder(&unfinished)?;
        fs::create_dir_all(&unfinished).with_context(|| format!("create {}", unfinished.display()))?;
        make(&unfinished).with_context(|| format!("set up {}", self.title))?;
        stamp::write(&unfinished, &self.recipe)?;
        self.replace(&unfinished, &folder)?;
        println!(
            "  done in {:.1} s: {}",
            started.elapsed().as_secs_f64(),
            folder.display()
        );
        Ok(())
    }

    /// Puts `unfinished` in the place of `folder`.
    fn replace(&self, unfinished: &Path, folder: &Path) -> Result<()> {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        }
        if folder.exists() {
            let old = self.assets.join(UNFINISHED).join("old");
            remove_folder(&old)?;
            fs::rename(folder, &old).with_context(|| {
                format!(
                    "replace {}; is a daemon using it? stop it first",
                    folder.display()
                )
            })?;
        }
        fs::rename(unfinished, folder).with_context(|| format!("rename to {}", folder.display()))?;
        remove_folder(&self.assets.join(UNFINISHED))
    }
}

/// Removes a folder with all that is in it, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))
}

/// Does `work` unless it was done by the same `recipe` before; `stamp` is the file that remembers it.
pub(crate) fn once(stamp: &Path, recipe: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    if fs::read_to_string(stamp).is_ok_and(|done| done == recipe) {
        return Ok(());
    }
    work()?;
    fs::write(stamp, recipe).with_context(|| format!("write {}", stamp.display()))
}
