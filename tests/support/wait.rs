//! Waiting for something to become true, with a deadline and a reason.

use std::time::{Duration, Instant};

/// Asks `condition` until it is true; the test fails after 20 s, saying what it waited for.
pub async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    until_within(Duration::from_secs(20), what, Duration::from_millis(10), condition).await;
}

/// The same with another deadline, and with a pause after each time it was not true.
pub async fn until_within(time: Duration, what: &str, pause: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + time;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(pause).await;
    }
}
