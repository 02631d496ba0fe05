//! Texts that are served as they are, again and again: compressed once, and known by their digests.

use std::io::Write;

use actix_web::web::Bytes;
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// A text as it is served.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The text.
    pub plain: Bytes,
    /// The same, compressed.
    pub gzip: Bytes,
    /// Names what is in it.
    pub digest: String,
}

impl Packed {
    /// Packs a text.
    #[must_use]
    pub fn of(text: String) -> Self {
        let mut zipped = GzEncoder::new(Vec::new(), Compression::best());
        // Writing into memory does not fail.
        let gzip = zipped.write_all(text.as_bytes()).and_then(|()| zipped.finish()).unwrap_or_default();
        let digest = Sha256::digest(&text).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        Self { plain: Bytes::from(text), gzip: Bytes::from(gzip), digest }
    }
}
