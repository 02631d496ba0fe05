//! Operating system images.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::money::Money;

/// An image's id, such as `debian-12-x86_64`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageId(pub String);

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The processor architecture of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Arch {
    /// 64 bits, the default.
    #[default]
    Bits64,
    /// 32 bits.
    Bits32,
}

/// An operating system image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsImage {
    /// Its id.
    pub id: ImageId,
    /// Its name, the same in all languages.
    pub title: String,
    /// Its architecture.
    pub arch: Arch,
    /// Where to read about it.
    pub url: Option<String>,
    /// The least memory that it runs in, in MB.
    pub min_ram_mb: Option<u32>,
    /// Whether it brings a control panel.
    pub panel: bool,
    /// What it costs a month, in the catalogue's base currency.
    pub price: Option<Money>,
    /// Whether it can be chosen.
    pub for_sale: bool,
}
