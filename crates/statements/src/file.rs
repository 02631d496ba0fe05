//! A statement as a file: a line of JSON for its head, one for each entry, one for its end.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    money::{Currency, Money},
    text::spelled_out,
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Entry, Hash, PublicKeys, Seal, SigningKey};

/// What the signature of a statement's end begins with, so that it can be no other thing's.
pub(crate) const CONTEXT: &[u8] = b"vartai statement 1\n";

/// Whose statement it is, and of when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The customer's number, which is sealed with each entry.
    pub customer: i64,
    /// Its login.
    pub login: String,
    /// ISO 4217.
    pub currency: String,
    /// Who wrote it.
    pub company: String,
    /// From this day on, in the company's time zone.
    pub from: Option<Date>,
    /// To this day.
    pub to: Option<Date>,
    /// When it was written.
    pub written: Timestamp,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HeadLine {
    pub vartai_statement: u32,
    #[serde(flatten)]
    pub head: Head,
    pub keys: Vec<KeyLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyLine {
    pub id: i32,
    pub public: String,
}

/// A line of an entry.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EntryLine {
    #[serde(flatten)]
    pub entry: Entry,
    /// The amount and the balance for people.
    pub figures: [String; 2],
    pub previous: String,
    pub hash: String,
    pub key: i32,
    pub signature: String,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EndLine {
    pub end: bool,
    pub entries: usize,
    /// SHA-256 of all lines before, each with its line feed.
    pub digest: String,
    pub key: i32,
    /// Over the digest.
    pub signature: String,
}

/// Writes a statement. Entries stand wallet by wallet, each with its seal.
///
/// # Errors
/// What can't be written; nothing of ours can't.
pub fn write(
    head: &Head,
    entries: &[(Entry, Seal)],
    keys: &PublicKeys,
    signer: &SigningKey,
) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    let keys = keys.0.iter().map(|(id, key)| KeyLine { id: *id, public: key.to_string() }).collect();
    line(&mut text, &HeadLine { vartai_statement: 1, head: head.clone(), keys })?;
    for (entry, seal) in entries {
        line(
            &mut text,
            &EntryLine {
                entry: entry.clone(),
                figures: figures(entry, &head.currency),
                previous: hex(&seal.previous),
                hash: hex(&seal.hash),
                key: seal.key,
                signature: STANDARD.encode(&seal.signature),
            },
        )?;
    }
    let digest = digest(&text);
    let signature = STANDARD.encode(signer.sign(&signed(&digest)));
    line(&mut text, &EndLine { end: true, entries: entries.len(), digest: hex(&digest), key: signer.id, signature })?;
    Ok(text)
}

fn line(text: &mut String, value: &impl Serialize) -> Result<(), serde_json::Error> {
    // It is read in terminals, too: nothing in a note acts there. JSON means the same by it.
    text.push_str(&spelled_out(&serde_json::to_string(value)?, &[]));
    text.push('\n');
    Ok(())
}

/// Amount and balance as decimals; in minor units where nobody knows the currency.
pub(crate) fn figures(entry: &Entry, currency: &str) -> [String; 2] {
    let currency = currency.parse::<Currency>().ok();
    let figure = |minor: i64| match currency {
        Some(currency) => Money::minor(minor, currency).to_string(),
        None => minor.to_string(),
    };
    [figure(entry.amount), figure(entry.balance)]
}

pub(crate) fn digest(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// What an end's signature is over.
pub(crate) fn signed(digest: &Hash) -> Vec<u8> {
    [CONTEXT, digest].concat()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}
