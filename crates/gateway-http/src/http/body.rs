//! Reading a request's body, up to its limit.

use std::time::Duration;

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time;

/// The longest body there can be, in bytes (CONTRACT 1.2).
const LIMIT: usize = 64 * 1024;
/// What is beyond the limit is read so far and thrown away, so that the client comes to read the answer.
const DRAINED: usize = 2 * 1024 * 1024;
/// A body that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(8);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    /// It is too long: HTTP 413.
    TooLong,
    /// It did not come in time: HTTP 408.
    TooSlow,
    /// The connection broke, or what came is not HTTP: HTTP 400.
    Broken,
}

/// Reads the body.
///
/// # Errors
/// [`NoBody`].
pub(super) async fn read(payload: Payload) -> Result<Bytes, NoBody> {
    time::timeout(PATIENCE, gather(payload)).await.unwrap_or(Err(NoBody::TooSlow))
}

async fn gather(mut payload: Payload) -> Result<Bytes, NoBody> {
    let mut body = BytesMut::new();
    let mut length = 0_usize;
    while let Some(part) = payload.next().await {
        let part = part.map_err(|_| NoBody::Broken)?;
        length = length.saturating_add(part.len());
        if length <= LIMIT {
            body.extend_from_slice(&part);
        } else if length > DRAINED {
            return Err(NoBody::TooLong);
        }
    }
    if length > LIMIT { Err(NoBody::TooLong) } else { Ok(body.freeze()) }
}
