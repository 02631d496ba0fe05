//! Why a subcommand failed: one line on stderr and an exit code (CONTRACT 3).

use std::{fmt, process::ExitCode};

use crate::telemetry::Log;

/// Why a subcommand failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// What was asked for can't be; exit code 2.
    Usage(String),
    /// It could be asked for, but did not come about; exit code 1.
    Failed(String),
    /// The books could not be looked through to their end: nothing is known of them; exit code 3.
    Unverified(String),
}

impl Failure {
    /// A usage error.
    pub fn usage(why: impl fmt::Display) -> Self {
        Self::Usage(why.to_string())
    }

    /// A failure of something that was asked for rightly.
    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// The books could not be verified.
    pub fn unverified(why: impl fmt::Display) -> Self {
        Self::Unverified(format!("the books could not be verified, which says nothing of them: {why}"))
    }

    /// Tells it on stderr, in one line. Returns the exit code.
    pub fn tell(&self, log: &Log) -> ExitCode {
        log.tell(&format!("vartai: {self}"));
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
            Self::Unverified(_) => ExitCode::from(3),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(why) | Self::Failed(why) | Self::Unverified(why)) = self;
        let lines: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        f.write_str(&lines.join("; "))
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::failed(error)
    }
}

impl From<pg_cluster::ClusterError> for Failure {
    fn from(error: pg_cluster::ClusterError) -> Self {
        Self::failed(error)
    }
}

impl From<crate::settings::SettingsError> for Failure {
    fn from(error: crate::settings::SettingsError) -> Self {
        Self::failed(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error)
    }
}

impl From<provisioner::Died> for Failure {
    fn from(error: provisioner::Died) -> Self {
        Self::failed(error)
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn it_is_one_line() {
        assert_eq!(Failure::failed("a\n  b\n\nc\n").to_string(), "a; b; c");
    }
}
