//! Waiting for something to become true, with a deadline and a reason.

use std::time::{Duration, Instant};

/// Asks `condition` until it is true; the test fails after 20 s, saying what it waited for.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
