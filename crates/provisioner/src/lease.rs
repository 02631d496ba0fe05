//! Keeping a lease while its work is under way.

use store::{
    Realm,
    tasks::{self, Lease, Renewed},
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    WorkerSettings,
    backoff::{DATABASE, random},
};

/// Renews a lease, and returns once it can't be counted on any more: it is another's, or it was not renewed for so long
/// that it may be. `since` is from before it was claimed. The worker's clock only bounds how long it trusts its last
/// success; whose the lease is, the database's says. That staff don't want the work any more comes with a renewal, and is
/// told to `cancel`: the lease is kept until the work has ended.
pub(crate) async fn lost(
    realm: &Realm,
    lease: &Lease,
    settings: &WorkerSettings,
    since: Instant,
    cancel: &watch::Sender<bool>,
) {
    let realm = &realm.for_leases();
    let mut renewed = since;
    loop {
        time::sleep_until(renewed + settings.renew_every).await;
        match time::timeout_at(renewed + settings.trust_lease_for, renew(realm, lease)).await {
            Ok(Some((asked, wanted))) => {
                renewed = asked;
                if !wanted && !cancel.send_replace(true) {
                    tracing::info!("staff don't want it any more: the driver is told to stop");
                }
            }
            Ok(None) => return,
            Err(_) => {
                tracing::warn!("the lease could not be renewed in time");
                return;
            }
        }
    }
}

/// Asks until there is an answer. Since when the lease is renewed, and whether the work is still wanted; `None` when it is
/// another's now.
async fn renew(realm: &Realm, lease: &Lease) -> Option<(Instant, bool)> {
    let mut failures = 0;
    loop {
        let asked = Instant::now();
        match realm.transaction("renew lease", async |tx| tasks::renew_lease(tx, lease).await).await {
            Ok(Renewed::Held) => return Some((asked, true)),
            Ok(Renewed::CancelAsked) => return Some((asked, false)),
            Ok(Renewed::Lost) => return None,
            Err(error) => {
                failures += 1;
                tracing::debug!(%error, failures, "the lease is not renewed yet");
                time::sleep(DATABASE.half_jitter(failures, random())).await;
            }
        }
    }
}
