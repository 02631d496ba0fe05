//! Being asked to stop.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::failure::Failure;

/// How often the process was asked to stop: once is to end what is under way, twice is to leave it.
#[derive(Clone)]
pub struct Stop(watch::Receiver<u32>);

impl Stop {
    /// Counts from now on: Ctrl-C, and SIGTERM from a supervisor. Neither ends the process by itself any more.
    ///
    /// # Errors
    /// The operating system tells of no signals.
    pub fn listen() -> io::Result<Self> {
        let (mut interrupt, mut terminate) = signals()?;
        let (tell, asked) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                either(&mut interrupt, &mut terminate).await;
                tell.send_modify(|times| *times += 1);
            }
        });
        Ok(Self(asked))
    }

    /// Returns once the process is asked to stop.
    pub async fn asked(&self) {
        self.times(1).await;
    }

    /// Returns once it is asked a second time.
    pub async fn hurried(&self) {
        self.times(2).await;
    }

    async fn times(&self, least: u32) {
        if self.0.clone().wait_for(|times| *times >= least).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// `work`, given up when the process is asked to stop.
///
/// # Errors
/// What `work` returns; that it was interrupted.
pub async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let (mut interrupt, mut terminate) = signals()?;
    tokio::select! {
        outcome = work => outcome,
        () = either(&mut interrupt, &mut terminate) => Err(Failure::failed("interrupted")),
    }
}

fn signals() -> io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
