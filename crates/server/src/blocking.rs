//! Work that takes long, away from the threads that answer requests.

use crate::failure::Failure;

/// Runs `work` on a thread that may block, and waits for it.
///
/// Errors: those of `work`, and [`Failure::Panicked`] when it panics.
pub(crate) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(%error, "work on a blocking thread failed");
            Err(Failure::Panicked)
        }
    }
}
