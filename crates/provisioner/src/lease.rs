//! Keeping a lease while its work is under way.

use store::{
    Realm,
    tasks::{self, Lease},
};
use tokio::time::{self, Instant};

use crate::{
    WorkerSettings,
    backoff::{DATABASE, random},
};

/// Renews a lease, and returns once it can't be counted on any more: it is another's, or it was not renewed for so long
/// that it may be. `since` is from before it was claimed. The worker's clock only bounds how long it trusts its last
/// success; whose the lease is, the database's says.
pub(crate) async fn lost(realm: &Realm, lease: &Lease, settings: &WorkerSettings, since: Instant) {
    let mut renewed = since;
    loop {
        time::sleep_until(renewed + settings.renew_every).await;
        match time::timeout_at(renewed + settings.trust_lease_for, renew(realm, lease)).await {
            Ok(Some(asked)) => renewed = asked,
            Ok(None) => return,
            Err(_) => {
                tracing::warn!("the lease could not be renewed in time");
                return;
            }
        }
    }
}

/// Asks until there is an answer. Since when the lease is renewed; `None` when it is another's now.
async fn renew(realm: &Realm, lease: &Lease) -> Option<Instant> {
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        match realm.transaction("renew lease", async |tx| tasks::renew_lease(tx, lease).await).await {
            Ok(true) => return Some(asked),
            Ok(false) => return None,
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, failures, "the lease is not renewed yet");
                time::sleep(DATABASE.half_jitter(failures, random())).await;
            }
        }
    }
}
