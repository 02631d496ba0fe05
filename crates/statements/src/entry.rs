//! An entry of a wallet, and its seal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::SigningKey;

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first entry of a wallet follows.
pub const GENESIS: Hash = [0; 32];

/// What each seal's hash begins with, so that it can be no other thing's.
const CONTEXT: &str = "vartai wallet entry 1";

/// An entry of a wallet: what a statement tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// `credit` or `bonus`.
    pub wallet: String,
    /// Its place in the wallet, from 1 without a gap.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// What happened: `deposit`, `charge`, …
    pub kind: String,
    /// What it happened to: `invoice 7`, `movement 3`.
    pub reference: String,
    /// The journal that it is a line of.
    pub journal: i64,
    /// Minor units; positive adds.
    pub amount: i64,
    /// Minor units in the wallet with it.
    pub balance: i64,
    /// Why, for people.
    pub note: String,
}

/// An entry's seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The seal before it; [`GENESIS`] at the first.
    pub previous: Hash,
    /// Over what the entry says and `previous`.
    pub hash: Hash,
    /// The key that signed.
    pub key: i32,
    /// Over `hash`.
    pub signature: Vec<u8>,
}

impl Entry {
    /// Its seal's hash. Each field goes in with its length before it, so that no two entries are the same bytes; the
    /// customer's number and currency go in, so that it can be nobody else's.
    #[must_use]
    pub fn hash(&self, customer: i64, currency: &str, previous: &Hash) -> Hash {
        let mut sha = Sha256::new();
        let mut field = |bytes: &[u8]| {
            sha.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            sha.update(bytes);
        };
        field(CONTEXT.as_bytes());
        field(&customer.to_be_bytes());
        field(currency.as_bytes());
        field(self.wallet.as_bytes());
        field(&self.number.to_be_bytes());
        field(&self.at.as_microsecond().to_be_bytes());
        field(self.kind.as_bytes());
        field(self.reference.as_bytes());
        field(&self.journal.to_be_bytes());
        field(&self.amount.to_be_bytes());
        field(&self.balance.to_be_bytes());
        field(self.note.as_bytes());
        field(previous);
        sha.finalize().into()
    }

    /// Seals it after `previous`.
    #[must_use]
    pub fn seal(&self, customer: i64, currency: &str, previous: Hash, key: &SigningKey) -> Seal {
        let hash = self.hash(customer, currency, &previous);
        Seal { previous, hash, key: key.id, signature: key.sign(&hash) }
    }
}
