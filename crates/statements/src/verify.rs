//! Verifying a statement, with nothing but its text and the company's public keys.

use std::{collections::BTreeMap, fmt};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    Entry, GENESIS, Hash, Head, PublicKeys,
    file::{EndLine, EntryLine, HeadLine, digest, figures, from_hex, hex, signed},
};

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whose statement it says that it is.
    pub head: Head,
    /// How many entries it has.
    pub entries: usize,
    /// The keys that its signatures were verified with.
    pub keys: PublicKeys,
    /// What is wrong with it, in the order of its lines; nothing when it is right.
    pub findings: Vec<Finding>,
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which line, from 1.
    pub line: usize,
    /// Of which entry: its wallet and number.
    pub entry: Option<(String, i64)>,
    /// What.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.entry {
            Some((wallet, number)) => write!(f, "line {}, {wallet} {number}: {}", self.line, self.what),
            None => write!(f, "line {}: {}", self.line, self.what),
        }
    }
}

/// Where a wallet's entries have come to.
struct Last {
    number: i64,
    hash: Hash,
    balance: i64,
}

/// The state of a walk through the lines.
struct Walk<'a> {
    head: &'a Head,
    keys: &'a PublicKeys,
    wallets: BTreeMap<String, Last>,
    entries: usize,
    findings: Vec<Finding>,
}

/// Verifies a statement by these keys; without any, by those in it, which says only that it is as whoever wrote it wrote it.
///
/// # Errors
/// It is no statement at all.
pub fn verify(text: &str, trusted: Option<&PublicKeys>) -> Result<Verdict, String> {
    let mut lines = text.split_inclusive('\n').enumerate().map(|(at, line)| (at + 1, line));
    let first = lines.next().map(|(_, line)| line).unwrap_or_default();
    let HeadLine { vartai_statement: version, head, keys } =
        serde_json::from_str(first).map_err(|_| "it doesn't begin as a statement does".to_owned())?;
    if version != 1 {
        return Err(format!("it is a statement of the form {version}, and this program knows the form 1"));
    }
    let own = keys.iter().filter_map(|key| Some((key.id, key.public.parse().ok()?))).collect();
    let keys = trusted.cloned().unwrap_or(PublicKeys(own));
    let mut walk = Walk { head: &head, keys: &keys, wallets: BTreeMap::new(), entries: 0, findings: Vec::new() };
    let (mut length, mut ended) = (first.len(), false);
    for (number, line) in lines {
        if ended {
            walk.found(number, None, "it stands after the end");
        } else if let Ok(end) = serde_json::from_str::<EndLine>(line) {
            walk.end(number, &end, text.get(..length).unwrap_or_default());
            ended = true;
        } else {
            match serde_json::from_str::<EntryLine>(line) {
                Ok(line) => walk.entry(number, &line),
                Err(_) => walk.found(number, None, "it can't be read"),
            }
        }
        length += line.len();
    }
    let Walk { entries, mut findings, .. } = walk;
    if !ended {
        let what = "the end is missing: entries may be missing before it".to_owned();
        findings.push(Finding { line: text.lines().count() + 1, entry: None, what });
    }
    Ok(Verdict { entries, findings, head, keys })
}

impl Walk<'_> {
    fn found(&mut self, line: usize, entry: Option<&Entry>, what: impl Into<String>) {
        let entry = entry.map(|entry| (entry.wallet.clone(), entry.number));
        self.findings.push(Finding { line, entry, what: what.into() });
    }

    fn is_signed(&self, key: i32, message: &[u8], signature: &str) -> Result<(), String> {
        let known = self.keys.0.get(&key).ok_or_else(|| format!("it is signed with key {key}, which is not known"))?;
        let signature = STANDARD.decode(signature).unwrap_or_default();
        if known.verifies(message, &signature) { Ok(()) } else { Err(format!("key {key} did not sign it")) }
    }

    fn entry(&mut self, at: usize, line: &EntryLine) {
        self.entries += 1;
        let entry = &line.entry;
        let (Some(previous), Some(hash)) = (from_hex(&line.previous), from_hex(&line.hash)) else {
            return self.found(at, Some(entry), "its seal can't be read");
        };
        if entry.hash(self.head.customer, &self.head.currency, &previous) != hash {
            self.found(
                at,
                Some(entry),
                "what it says is not what was sealed: it was changed, or is another customer's",
            );
        } else if line.figures != figures(entry, &self.head.currency) {
            self.found(at, Some(entry), "its figures are not its amounts");
        }
        if let Err(what) = self.is_signed(line.key, &hash, &line.signature) {
            self.found(at, Some(entry), what);
        }
        if let Some(what) = self.gap(entry, &previous) {
            self.found(at, Some(entry), what);
        }
        let is_later = self.wallets.get(&entry.wallet).is_none_or(|last| last.number < entry.number);
        if is_later {
            let last = Last { number: entry.number, hash, balance: entry.balance };
            self.wallets.insert(entry.wallet.clone(), last);
        }
    }

    /// Why an entry doesn't follow the one before it in its wallet.
    fn gap(&self, entry: &Entry, previous: &Hash) -> Option<String> {
        let Some(last) = self.wallets.get(&entry.wallet) else {
            return match (entry.number, self.head.from) {
                (1, _) => (*previous != GENESIS).then(|| "it is the first, and follows another".to_owned()),
                (_, Some(_)) => None,
                (number, None) => Some(missing(1, number)),
            };
        };
        if entry.number <= last.number {
            return Some(format!("it stands after {}: the order was changed, or it is there twice", last.number));
        }
        if entry.number > last.number + 1 {
            return Some(missing(last.number + 1, entry.number));
        }
        if *previous != last.hash {
            return Some(format!("its seal doesn't follow that of {}", last.number));
        }
        let adds_up = last.balance.checked_add(entry.amount) == Some(entry.balance);
        (!adds_up).then(|| format!("the balance of {} and its amount are not its balance", last.number))
    }

    fn end(&mut self, at: usize, end: &EndLine, before: &str) {
        if end.entries != self.entries {
            self.found(at, None, format!("there were {} entries, and {} are here", end.entries, self.entries));
        }
        let digest = digest(before);
        if hex(&digest) != end.digest {
            self.found(at, None, "the lines before are not those that were signed");
            return;
        }
        if let Err(what) = self.is_signed(end.key, &signed(&digest), &end.signature) {
            self.found(at, None, format!("the end: {what}"));
        }
    }
}

fn missing(from: i64, before: i64) -> String {
    match before - from {
        1 => format!("{from} is missing before it"),
        _ => format!("{from} to {} are missing before it", before - 1),
    }
}
