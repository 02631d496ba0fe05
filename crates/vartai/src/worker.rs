//! `vartai worker`: the provisioner and the scheduled jobs.

use crate::{
    failure::Failure,
    installation::{self, Installation, Migrations},
    settings::Settings,
};

/// Works until asked to stop.
///
/// # Errors
/// The installation can't be opened.
pub async fn run(settings: Settings) -> Result<(), Failure> {
    installation::with(settings, Migrations::Expect, async |installation| work_until_stopped(installation).await).await
}

/// The provisioner runs here.
async fn work_until_stopped(_installation: Installation) -> Result<(), Failure> {
    Err(Failure::failed("this build has no provisioner"))
}
