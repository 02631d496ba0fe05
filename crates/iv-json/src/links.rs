//! Links that open without a login: sealed, so that none can be guessed or altered to show something else.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::{
    billing::{CreditNoteId, InvoiceId},
    orders::OrderId,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{RealmKind, seal::Keyring};

/// What a link to an invoice opens: that invoice alone, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLink {
    realm: String,
    invoice: i64,
}

/// What a link to a credit note opens: that credit note alone, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNoteLink {
    realm: String,
    credit_note: i64,
}

/// What a link to a graph opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphLink {
    realm: String,
    order: i64,
    /// `cpu_daily` and the like.
    pub graph: String,
    /// In pixels.
    pub width: u32,
    /// The only address that it opens for.
    pub ip: IpAddr,
    /// Until when, in seconds since 1970.
    pub expires: i64,
}

fn realm_of(name: &str) -> Option<RealmKind> {
    RealmKind::ALL.into_iter().find(|kind| kind.schema() == name)
}

impl InvoiceLink {
    /// A link to an invoice.
    #[must_use]
    pub fn to(realm: RealmKind, invoice: InvoiceId) -> Self {
        Self { realm: realm.schema().to_owned(), invoice: invoice.0 }
    }

    /// The invoice.
    #[must_use]
    pub fn target(&self) -> Option<(RealmKind, InvoiceId)> {
        Some((realm_of(&self.realm)?, InvoiceId(self.invoice)))
    }
}

impl CreditNoteLink {
    /// A link to a credit note.
    #[must_use]
    pub fn to(realm: RealmKind, credit_note: CreditNoteId) -> Self {
        Self { realm: realm.schema().to_owned(), credit_note: credit_note.0 }
    }

    /// The credit note.
    #[must_use]
    pub fn target(&self) -> Option<(RealmKind, CreditNoteId)> {
        Some((realm_of(&self.realm)?, CreditNoteId(self.credit_note)))
    }
}

impl GraphLink {
    /// A link to a graph of a server.
    #[must_use]
    pub fn to(realm: RealmKind, order: OrderId, graph: String, width: u32, ip: IpAddr, expires: i64) -> Self {
        Self { realm: realm.schema().to_owned(), order: order.0, graph, width, ip, expires }
    }

    /// The server.
    #[must_use]
    pub fn target(&self) -> Option<(RealmKind, OrderId)> {
        Some((realm_of(&self.realm)?, OrderId(self.order)))
    }
}

/// A kind of link; what is sealed for one does not open as another.
pub trait Link: Serialize + DeserializeOwned {
    /// What it is sealed for.
    const PLACE: &'static str;
}

impl Link for InvoiceLink {
    const PLACE: &'static str = "link to an invoice";
}

impl Link for CreditNoteLink {
    const PLACE: &'static str = "link to a credit note";
}

impl Link for GraphLink {
    const PLACE: &'static str = "link to a graph";
}

/// The token of a link; `None` when the operating system gives no randomness.
#[must_use]
pub fn seal<L: Link>(link: &L, keys: &Keyring) -> Option<String> {
    let plain = serde_json::to_vec(link).ok()?;
    let sealed = keys.seal(L::PLACE, &plain).ok()?;
    Some(BASE64_URL_SAFE_NO_PAD.encode(sealed))
}

/// The link of a token; `None` for one that was not sealed here.
#[must_use]
pub fn open<L: Link>(token: &str, keys: &Keyring) -> Option<L> {
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    serde_json::from_slice(&keys.open(L::PLACE, &sealed).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_what_it_was_sealed_for_and_nothing_else() {
        let keys = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        let link = InvoiceLink::to(RealmKind::Live, InvoiceId(7));
        let token = seal(&link, &keys).unwrap();
        assert_eq!(open::<InvoiceLink>(&token, &keys), Some(link.clone()));
        assert_eq!(link.target(), Some((RealmKind::Live, InvoiceId(7))));
        assert_eq!(open::<GraphLink>(&token, &keys), None);
        assert_eq!(open::<CreditNoteLink>(&token, &keys), None);
        let credit_note = CreditNoteLink::to(RealmKind::Test, CreditNoteId(7));
        let token_of_credit_note = seal(&credit_note, &keys).unwrap();
        assert_eq!(open::<CreditNoteLink>(&token_of_credit_note, &keys), Some(credit_note.clone()));
        assert_eq!(credit_note.target(), Some((RealmKind::Test, CreditNoteId(7))));
        assert_eq!(open::<InvoiceLink>(&token_of_credit_note, &keys), None);
        let other = Keyring::parse(&Keyring::generate().unwrap()).unwrap();
        assert_eq!(open::<InvoiceLink>(&token, &other), None);
        for at in 0..token.len() {
            let mut altered = token.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open::<InvoiceLink>(std::str::from_utf8(&altered).unwrap(), &keys), None);
        }
    }
}
