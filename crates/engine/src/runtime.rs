//! The ONNX Runtime library: where it is, and opening it once per process.

use std::path::{Path, PathBuf};

use ort::environment::Environment;
use parking_lot::Mutex;

use crate::error::LoadError;

/// Version of ONNX Runtime that set-up and packages bring along.
pub const RUNTIME_VERSION: &str = "1.32.0";

/// The library's file name on this OS.
pub const LIBRARY_NAME: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// Returns the path of this platform's library inside an assets folder.
pub fn library_in(assets: &Path) -> PathBuf {
    let os = if cfg!(target_os = "macos") {
        "macos"
    } else {
        std::env::consts::OS
    };
    let platform = format!("{os}-{}", std::env::consts::ARCH);
    assets
        .join("onnxruntime")
        .join(RUNTIME_VERSION)
        .join(platform)
        .join(LIBRARY_NAME)
}

/// Finds the library: the one asked for, else the first one in `assets`.
///
/// Errors: [`LoadError::RuntimeNotFound`] with all places that were searched.
pub fn find(asked: Option<&Path>, assets: &[PathBuf]) -> Result<PathBuf, LoadError> {
    let searched: Vec<PathBuf> = match asked {
        Some(path) => vec![path.to_owned()],
        None => assets.iter().map(|folder| library_in(folder)).collect(),
    };
    match searched.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(LoadError::RuntimeNotFound { searched }),
    }
}

/// Opens the library at `path`. The first library of a process stays; later calls return it.
pub fn open(path: &Path) -> Result<Environment, LoadError> {
    static OPENED: Mutex<Option<Environment>> = Mutex::new(None);
    // Held while the library opens: two loads at once must not initialize it twice.
    let mut opened = OPENED.lock();
    if let Some(environment) = opened.as_ref() {
        return Ok(environment.clone());
    }
    let failed = |source| LoadError::Runtime {
        path: path.to_owned(),
        source,
    };
    let environment = ort::init_from(path)
        .map_err(|error| failed(error.into()))?
        .with_name("okibi")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.into()))?;
    Ok(opened.insert(environment).clone())
}
