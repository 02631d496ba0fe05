//! Reading what servers use: a scheduled job that any number of workers share.

use std::time::Duration;

use store::{Error, Realm, usage};

use crate::driver::Drivers;

/// So many servers a round; the next round goes on.
const AT_A_TIME: i64 = 500;

/// Reads the servers that are due. One that can't be read is a gap and keeps no other. Returns how many were read.
pub(crate) async fn read_due(realm: &Realm, drivers: &Drivers, period: Duration) -> Result<usize, Error> {
    let seconds = i32::try_from(period.as_secs()).unwrap_or(i32::MAX);
    let due = realm.read(async |connection| usage::due(realm, connection, seconds, AT_A_TIME).await).await?;
    let mut read = 0;
    for server in due {
        let Some(driver) = drivers.find(Some(&server.driver)) else { continue };
        let Some(counters) = driver.usage(server.order).await else { continue };
        let kept =
            realm.transaction("keep usage", async |tx| usage::record(tx, server.order, &counters, seconds).await);
        match kept.await {
            Ok(kept) => read += usize::from(kept),
            Err(error @ Error::Unreachable(_)) => return Err(error),
            Err(error) => tracing::warn!(order = server.order.0, %error, "a reading can't be kept"),
        }
    }
    Ok(read)
}
