//! Mistakes on the command line: one line on stderr and exit code 2 (CONTRACT 3). Help stays as long as it is.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::{failure::Failure, telemetry::Log};

/// Tells a mistake, or the help or the version that was asked for. Returns the exit code.
pub fn tell(error: &clap::Error, log: &Log) -> ExitCode {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if !help {
        return Failure::usage(line(&error.to_string())).tell(log);
    }
    // Nobody reads on: that is no mistake.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// What is wrong and how to find out more, without the usage between them.
fn line(rendered: &str) -> String {
    let parts = rendered
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let told = parts.collect::<Vec<_>>().join("; ").replace(":; ", ": ");
    format!("{}; see --help", told.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::line;
    use crate::cli::Arguments;

    #[test]
    fn a_mistake_is_one_line() {
        for (arguments, told) in [
            (&["vartai", "bogus"][..], "unrecognized subcommand 'bogus'; see --help"),
            (&["vartai", "invoice", "show"], "the following required arguments were not provided: <ID>; see --help"),
        ] {
            let error = Arguments::try_parse_from(arguments).unwrap_err();
            assert_eq!(line(&error.to_string()), told);
        }
    }
}
