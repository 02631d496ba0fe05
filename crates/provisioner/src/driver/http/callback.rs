//! What a hook says of itself, later, of work that it left under way.

use std::path::PathBuf;

use domain::tasks::TaskId;
use serde::Deserialize;

use super::sign::{Secrets, Signed};
use crate::driver::hook::without_mark;

/// A callback that its hook signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Of which task.
    pub task: TaskId,
    /// What the hook was told with it.
    pub fence: i64,
    /// What it would have answered now.
    pub status: u16,
}

/// Why a callback is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCallback {
    /// Nobody knows who it is from, or it is too old.
    Forged,
    /// It is not what was agreed on.
    Malformed,
}

/// The line that tells what a callback is about.
#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Line {
    Callback { task: String, fence: i64, status: u16 },
}

impl Callback {
    /// Reads a callback, with the secrets that its hook and we have. It is read no further before its signature is
    /// found right.
    ///
    /// # Errors
    /// [`NoCallback`].
    pub fn read(task: TaskId, secret_files: &[PathBuf], signed: Signed<'_>, body: &[u8]) -> Result<Self, NoCallback> {
        let secrets = Secrets::read(secret_files).map_err(|why| {
            tracing::error!(why, "a hook's callback can't be verified");
            NoCallback::Forged
        })?;
        if !secrets.verify(signed, body, Signed::now()) {
            return Err(NoCallback::Forged);
        }
        let text = std::str::from_utf8(body).map_err(|_| NoCallback::Malformed)?;
        let mut lines = text.lines().filter_map(|line| serde_json::from_str(without_mark(line)).ok());
        match lines.next() {
            Some(Line::Callback { task: told, fence, status }) if told == task.0.to_string() => {
                Ok(Self { task, fence, status })
            }
            Some(Line::Callback { .. }) | None => Err(NoCallback::Malformed),
        }
    }
}
