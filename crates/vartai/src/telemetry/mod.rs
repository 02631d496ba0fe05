//! The log, on stderr: stdout is for what a subcommand answers.

mod lines;
#[cfg(test)]
mod tests;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fs::File,
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    panic,
    sync::OnceLock,
    time::Duration,
};

use prometheus::IntCounter;
use tracing_subscriber::{EnvFilter, filter::ParseError};

use self::lines::Lines;
use crate::{
    failure::Failure,
    settings::{LogFormat, LogSettings},
    terminal::{self, LogLines},
};

/// A process that ends waits so long until its log is written.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What is logged where nothing is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Of what runs on: what happens.
    Service,
    /// Of what ends: errors only, and not those that its one line on stderr tells anyway.
    Command,
}

/// The process's log.
#[derive(Default)]
pub struct Log {
    /// Where a service's lines go; a command writes to stderr itself, as all commands do.
    lines: OnceLock<Lines>,
}

impl Log {
    /// Starts logging. Returns the count of the lines that were lost.
    ///
    /// # Errors
    /// `log.level` is no filter; there is no thread.
    pub fn start(&self, settings: &LogSettings, verbosity: Verbosity) -> Result<IntCounter, Failure> {
        let filter = filter(settings.level.as_deref(), verbosity)
            .map_err(|why| Failure::failed(format!("log.level: {why}: write error, warn, info, debug or trace")))?;
        let lost = IntCounter::new("vartai_log_lines_lost_total", "Lines of the log that could not be written.")
            .map_err(Failure::failed)?;
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(io::stderr().is_terminal())
            .log_internal_errors(false);
        let started = match (verbosity, settings.format) {
            (Verbosity::Service, format) => {
                let lines = Lines::start(stderr(), format, lost.clone())
                    .map_err(|error| Failure::failed(format!("no thread to log on: {error}")))?;
                log_panics();
                let subscriber = subscriber.with_writer(self.lines.get_or_init(|| lines).clone());
                match format {
                    LogFormat::Text => subscriber.try_init(),
                    LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
                }
            }
            (Verbosity::Command, LogFormat::Text) => subscriber.with_writer(harmless_stderr).try_init(),
            (Verbosity::Command, LogFormat::Json) => {
                subscriber.with_writer(harmless_stderr).json().flatten_event(true).try_init()
            }
        };
        started.map_err(|why| Failure::failed(format!("no logging: {why}")))?;
        Ok(lost)
    }

    /// Puts a line for people on stderr, after what was logged.
    pub fn tell(&self, line: &str) {
        let line = format!("{}\n", terminal::line(line));
        match self.lines.get() {
            Some(lines) => lines.push(line.as_bytes()),
            // Nobody reads it: nothing is left to tell that to.
            None => drop(io::stderr().write_all(line.as_bytes())),
        }
    }

    /// Has the last lines written, if anybody reads them. Nothing may be logged after it.
    pub fn close(&self) {
        if let Some(lines) = self.lines.get() {
            lines.flush(LAST_WORDS);
        }
    }
}

fn harmless_stderr() -> LogLines<io::Stderr> {
    LogLines(io::stderr())
}

/// Stderr without the lock that all of the process shares: a reader that pauses holds up the log's thread alone.
fn stderr() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(own) => Box::new(File::from(own)),
        Err(_) => Box::new(io::stderr()),
    }
}

/// Panics are lines of the log like all others, so that they can't hold up a thread either.
fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let thread = std::thread::current();
        let message = panicked.payload_as_str().unwrap_or("it says nothing");
        let location = panicked.location().map(ToString::to_string);
        let backtrace = Backtrace::capture();
        let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
        tracing::error!(thread = thread.name(), location, message, backtrace, "a thread has panicked");
    }));
}

fn filter(level: Option<&str>, verbosity: Verbosity) -> Result<EnvFilter, ParseError> {
    let usual = match verbosity {
        Verbosity::Service => "info",
        Verbosity::Command => "error,store::db::health=off",
    };
    EnvFilter::builder().parse(level.unwrap_or(usual))
}
