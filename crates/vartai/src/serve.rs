//! `vartai serve`: the public surfaces, with a worker in the same process if asked for.

use clap::Args;
use store::customers;

use crate::{
    failure::Failure,
    installation::{self, Installation, Migrations},
    settings::Settings,
};

/// Arguments of `vartai serve`.
#[derive(Debug, Args)]
pub struct ServeArguments {
    /// Do the work of `vartai worker` in the same process, too
    #[arg(long)]
    pub with_worker: bool,
}

/// Serves until asked to stop.
///
/// # Errors
/// The installation can't be opened, or the sockets not be had.
pub async fn run(settings: Settings, arguments: ServeArguments) -> Result<(), Failure> {
    installation::with(settings, Migrations::Expect, async |installation| {
        keep_demo_private(&installation).await?;
        serve_until_stopped(installation, arguments.with_worker).await
    })
    .await
}

/// The demo's passwords are public: while its customers are there, nobody from outside may come in (CONTRACT 5).
async fn keep_demo_private(installation: &Installation) -> Result<(), Failure> {
    let bind = installation.settings.http.bind;
    if bind.ip().is_loopback() {
        return Ok(());
    }
    let demo = installation.database.live.read(async |connection| customers::demo_exists(connection).await).await?;
    if demo {
        return Err(Failure::failed(format!(
            "the database has customers of the demo, whose passwords are public, and http.bind is {bind}: bind a \
             loopback address, or use another database"
        )));
    }
    Ok(())
}

/// The HTTP surfaces run here, and the worker beside them when `with_worker`.
async fn serve_until_stopped(installation: Installation, with_worker: bool) -> Result<(), Failure> {
    let settings = &installation.settings;
    let trusted = settings.auth().trusted_proxies.len();
    tracing::info!(bind = %settings.http.bind, url = settings.public_url(), trusted, with_worker, "serving");
    Err(Failure::failed("this build has no HTTP surfaces"))
}
