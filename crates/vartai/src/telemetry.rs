//! The log, on stderr: stdout is for what a subcommand answers.

use std::io;

use tracing_subscriber::{EnvFilter, filter::ParseError};

use crate::{
    failure::Failure,
    settings::{LogFormat, LogSettings},
};

/// What is logged where nothing is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Of what runs on: what happens.
    Service,
    /// Of what ends: errors only, and not those that its one line on stderr tells anyway.
    Command,
}

/// Starts logging.
///
/// # Errors
/// `log.level` is no filter.
pub fn start(settings: &LogSettings, verbosity: Verbosity) -> Result<(), Failure> {
    let filter = filter(settings.level.as_deref(), verbosity)
        .map_err(|why| Failure::failed(format!("log.level: {why}: write error, warn, info, debug or trace")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match settings.format {
        LogFormat::Text => subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    started.map_err(|why| Failure::failed(format!("no logging: {why}")))
}

fn filter(level: Option<&str>, verbosity: Verbosity) -> Result<EnvFilter, ParseError> {
    let usual = match verbosity {
        Verbosity::Service => "info",
        Verbosity::Command => "error,store::db::health=off",
    };
    EnvFilter::builder().parse(level.unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use super::{Verbosity, filter};

    #[test]
    fn levels_are_words_or_directives() {
        assert_eq!(filter(None, Verbosity::Service).unwrap().to_string(), "info");
        assert!(filter(Some("info,store=debug"), Verbosity::Command).is_ok());
        assert!(filter(Some("store=loud"), Verbosity::Command).is_err());
    }
}
