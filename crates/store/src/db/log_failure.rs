//! How failures of the database are logged by whoever meets them.

/// Logs a failure with an [`Error`](crate::Error), with fields and a message as `tracing` takes them. While the
/// database can't be reached the monitor says so, once for all: then each that finds it so says it at `debug` only.
#[macro_export]
macro_rules! log_failure {
    ($level:ident, $error:expr, $($told:tt)+) => {
        match &$error {
            $crate::Error::Unreachable(why) => tracing::debug!(why, $($told)+),
            error => tracing::$level!(%error, $($told)+),
        }
    };
}
