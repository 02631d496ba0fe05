//! The binary: configuration, telemetry, serve, worker and the staff's command line.

mod backup;
mod callbacks;
mod cli;
mod existence;
mod failure;
mod installation;
mod key_file;
mod reference;
mod serve;
mod settings;
mod signals;
mod telemetry;
mod terminal;
mod worker;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let log = telemetry::Log::default();
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return cli::usage::tell(&error, &log),
    };
    // The parent of one hook has no threads but its own, and no configuration.
    if let Some(arguments) = arguments.of_supervisor() {
        return provisioner::supervise::main(arguments.into_iter());
    }
    // Before there are other threads: it takes them out of the environment, so that nobody else believes to have them.
    let sockets = listenfd::ListenFd::from_env();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::failed(format!("no threads to run on: {error}")).tell(&log),
    };
    let code = match runtime.block_on(cli::run(arguments, &log, sockets)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(&log),
    };
    drop(runtime);
    log.close();
    code
}
