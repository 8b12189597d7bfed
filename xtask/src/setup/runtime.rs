//! ONNX Runtime's shared library, taken from its Python wheel.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::wheel::Wheel;

/// The release that the engine is written against.
pub(crate) const VERSION: &str = "1.32.0";

/// A platform that ONNX Runtime publishes a wheel for.
#[derive(Debug)]
pub(crate) struct Platform {
    /// As `std::env::consts::OS` and `ARCH` name it.
    os: &'static str,
    arch: &'static str,
    wheel: Wheel,
    /// Files of the wheel, each with its name in the assets.
    files: &'static [(&'static str, &'static str)],
}

const LICENSES: [(&str, &str); 2] = [
    ("onnxruntime/LICENSE", "LICENSE"),
    ("onnxruntime/ThirdPartyNotices.txt", "ThirdPartyNotices.txt"),
];

const LINUX_FILES: &[(&str, &str)] = &[
    ("onnxruntime/capi/libonnxruntime.so.1.32.0", "libonnxruntime.so"),
    (
        "onnxruntime/capi/libonnxruntime_providers_shared.so",
        "libonnxruntime_providers_shared.so",
    ),
];

/// Every platform the project can be developed on.
static PLATFORMS: [Platform; 4] = [
    Platform {
        os: "linux",
        arch: "x86_64",
        wheel: wheel(
            &["manylinux_2_28_x86_64"],
            "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        ),
        files: LINUX_FILES,
    },
    Platform {
        os: "linux",
        arch: "aarch64",
        wheel: wheel(
            &["manylinux_2_28_aarch64"],
            "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        ),
        files: LINUX_FILES,
    },
    Platform {
        os: "windows",
        arch: "x86_64",
        wheel: wheel(
            &["win_amd64"],
            "efe7456952c243a05a53d5b8732953625144642c2f3989094277f6217f0c0c40",
        ),
        files: &[
            ("onnxruntime/capi/onnxruntime.dll", "onnxruntime.dll"),
            (
                "onnxruntime/capi/onnxruntime_providers_shared.dll",
                "onnxruntime_providers_shared.dll",
            ),
        ],
    },
    Platform {
        os: "macos",
        arch: "aarch64",
        wheel: wheel(
            &["macosx_14_0_arm64"],
            "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        ),
        files: &[(
            "onnxruntime/capi/libonnxruntime.1.32.0.dylib",
            "libonnxruntime.dylib",
        )],
    },
];

const fn wheel(platforms: &'static [&'static str], sha256: &'static str) -> Wheel {
    Wheel {
        package: "onnxruntime",
        version: VERSION,
        platforms,
        sha256,
    }
}

/// The platform that this program runs on.
///
/// Errors: a platform without a wheel.
pub(crate) fn host() -> Result<&'static Platform> {
    platform(std::env::consts::OS, std::env::consts::ARCH)
}

/// Windows on x86-64, whatever this program runs on.
pub(crate) fn windows() -> Result<&'static Platform> {
    platform("windows", "x86_64")
}

/// The wheel's platform and the library's name for macOS.
#[cfg(test)]
pub(super) fn mac() -> Result<(&'static str, &'static str)> {
    let platform = platform("macos", "aarch64")?;
    Ok((platform.wheel.platforms[0], platform.files[0].1))
}

fn platform(os: &str, arch: &str) -> Result<&'static Platform> {
    match PLATFORMS
        .iter()
        .find(|platform| platform.os == os && platform.arch == arch)
    {
        Some(platform) => Ok(platform),
        None => {
            let known: Vec<String> = PLATFORMS.iter().map(Platform::name).collect();
            bail!(
                "ONNX Runtime {VERSION} has no wheel for {os}-{arch}; there are {}",
                known.join(", ")
            )
        }
    }
}

impl Platform {
    /// Operating system and CPU in one word.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.os, self.arch)
    }

    /// The library's folder, relative to the assets.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new("onnxruntime").join(VERSION).join(self.name())
    }

    /// Names everything the folder's content depends on.
    pub(crate) fn recipe(&self) -> String {
        format!("{} {VERSION}", self.wheel.sha256)
    }

    /// Downloads the wheel and unpacks the library and its licenses into `folder`, which exists and is empty.
    pub(crate) fn unpack(&self, folder: &Path) -> Result<()> {
        let wheel = self.wheel.download(folder)?;
        for (member, name) in self.files.iter().chain(&LICENSES) {
            let path = folder.join(name);
            fs::write(&path, wheel.read(member)?).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_platform_names_the_known_ones() {
        let error = platform("plan9", "mips").unwrap_err().to_string();
        assert!(
            error.contains("plan9-mips") && error.contains("linux-aarch64"),
            "{error}"
        );
    }

    #[test]
    fn every_platform_has_its_own_pin_and_a_plain_library_name() {
        let mut pins: Vec<_> = PLATFORMS.iter().map(|platform| platform.wheel.sha256).collect();
        pins.sort_unstable();
        pins.dedup();
        assert_eq!(pins.len(), PLATFORMS.len());
        for platform in &PLATFORMS {
            assert!(platform.files[0].0.contains(VERSION) || platform.os == "windows");
            assert!(
                !platform.files[0].1.contains(VERSION),
                "{} has a versioned name",
                platform.name()
            );
        }
    }
}
