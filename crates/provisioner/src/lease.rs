//! Keeping a lease while its work is under way.

use store::{
    Realm,
    tasks::{self, Lease, Renewed},
};
use tokio::time::{self, Instant};

use crate::{
    WorkerSettings,
    backoff::{DATABASE, random},
};

/// Why the work that a lease is for is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The lease can't be counted on any more: it is another's, or it was not renewed for so long that it may be.
    Lost,
    /// Staff don't want it any more.
    CancelAsked,
}

/// Renews a lease, and returns once the work is to end. `since` is from before it was claimed. The worker's clock only
/// bounds how long it trusts its last success; whose the lease is, the database's says.
pub(crate) async fn over(realm: &Realm, lease: &Lease, settings: &WorkerSettings, since: Instant) -> Over {
    let mut renewed = since;
    loop {
        time::sleep_until(renewed + settings.renew_every).await;
        match time::timeout_at(renewed + settings.trust_lease_for, renew(realm, lease)).await {
            Ok(Ok(asked)) => renewed = asked,
            Ok(Err(over)) => return over,
            Err(_) => {
                tracing::warn!("the lease could not be renewed in time");
                return Over::Lost;
            }
        }
    }
}

/// Asks until there is an answer: since when the lease is renewed, or why it is over.
async fn renew(realm: &Realm, lease: &Lease) -> Result<Instant, Over> {
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        match realm.transaction("renew lease", async |tx| tasks::renew_lease(tx, lease).await).await {
            Ok(Renewed::Held) => return Ok(asked),
            Ok(Renewed::CancelAsked) => return Err(Over::CancelAsked),
            Ok(Renewed::Lost) => return Err(Over::Lost),
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, failures, "the lease is not renewed yet");
                time::sleep(DATABASE.half_jitter(failures, random())).await;
            }
        }
    }
}
