//! `[backup]`

use std::num::NonZeroU32;

use pg_cluster::Archive;
use serde::Deserialize;

/// `[backup]`: the archive of the private cluster, which `vartai backup base` and `vartai restore --to` use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BackupSettings {
    /// Megabytes of WAL that are kept at the most; 0 keeps none.
    pub archive_max_mb: u32,
    /// Seconds after which what was written is archived, though a piece isn't full.
    pub archive_seconds: NonZeroU32,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self { archive_max_mb: 4096, archive_seconds: const { NonZeroU32::new(300).unwrap() } }
    }
}

impl BackupSettings {
    /// What is asked of the private cluster.
    pub fn archive(&self) -> Option<Archive> {
        let archive = Archive { max_mb: self.archive_max_mb.into(), switch_seconds: self.archive_seconds.get() };
        (archive.max_mb > 0).then_some(archive)
    }
}
