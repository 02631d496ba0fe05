//! `vartai worker`: the provisioner and the scheduled jobs.

use std::time::Duration;

use provisioner::{Provisioner, WorkerSettings};

use crate::{
    failure::Failure,
    installation::{self, Access, Installation, Migrations},
    settings::Settings,
    signals::Stop,
};

/// Works until asked to stop.
///
/// # Errors
/// The installation can't be opened.
pub async fn run(settings: Settings, access: Access) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    installation::with(settings, access, Migrations::Expect, async |installation| {
        let mut worker = start(&installation)?;
        until_asked(&stop, &mut worker).await?;
        tracing::info!("stopping: tasks under way are brought to their end");
        Ok(worker.stop_hurried_by(stop.hurried()).await?)
    })
    .await
}

/// Starts a worker in this process.
///
/// # Errors
/// The operating system gives no thread.
pub fn start(installation: &Installation) -> Result<Provisioner, Failure> {
    let concurrency = usize::from(installation.settings.worker.concurrency.get());
    let settings = WorkerSettings {
        drivers: installation.settings.drivers.0.clone(),
        concurrency,
        invoice_series: installation.settings.billing.invoice_series.0.clone(),
        credit_note_series: installation.settings.billing.credit_note_series.0.clone(),
        sample_every: Duration::from_secs(installation.settings.worker.sample_seconds.get().into()),
        keep_secrets_days: installation.settings.worker.keep_secrets_days.get().into(),
        drain_for: Duration::from_secs(installation.settings.worker.drain_seconds.into()),
        notices: Some(installation.settings.notices()),
        ..WorkerSettings::default()
    };
    provisioner::spawn(installation.database.clone(), settings)
        .map_err(|error| Failure::failed(format!("no thread to work on: {error}")))
}

/// Returns once the process is asked to stop.
///
/// # Errors
/// The worker died before.
pub async fn until_asked(stop: &Stop, worker: &mut Provisioner) -> Result<(), Failure> {
    tokio::select! {
        () = stop.asked() => Ok(()),
        died = worker.ended() => Ok(died?),
    }
}
