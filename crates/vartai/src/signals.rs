//! Being asked to stop.

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Returns once the process is asked to stop: Ctrl-C, or SIGTERM from a supervisor.
pub async fn stop() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => if interrupted.is_err() {
            std::future::pending::<()>().await;
        },
        _ = terminate.recv() => {}
    }
}

/// `work`, given up when the process is asked to stop.
///
/// # Errors
/// What `work` returns; that it was interrupted.
pub async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        outcome = work => outcome,
        () = stop() => Err(Failure::failed("interrupted")),
    }
}
