//! What all surfaces of a process share against those that ask too much.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnetwork::IpNetwork;

use super::{Admission, AuthSettings, RareLog, Verifier, address};

/// What all surfaces of a process share. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Protection {
    /// Verifies passwords and keys.
    pub verifier: Verifier,
    /// Lets requests in.
    pub admission: Admission,
    /// Says who was not let in.
    pub denied: RareLog,
    unnamed: RareLog,
}

impl Protection {
    /// With nothing remembered and nobody inside.
    ///
    /// # Errors
    /// The operating system has no random numbers to give.
    pub fn new(settings: &AuthSettings) -> Result<Self, getrandom::Error> {
        Ok(Self {
            verifier: Verifier::new(settings)?,
            admission: Admission::new(settings),
            denied: RareLog::default(),
            unnamed: RareLog::default(),
        })
    }

    /// The address of a request's client ([`address::client`]). That a trusted proxy names none is said in the log: the
    /// request is to be refused.
    #[must_use]
    pub fn address_of(&self, request: &HttpRequest, trusted: &[IpNetwork]) -> Option<IpAddr> {
        let address = address::of_request(request, trusted);
        if address.is_none() {
            let proxy = request.peer_addr().map(|peer| peer.ip());
            if let Some(left_out) = proxy.and_then(|proxy| self.unnamed.may_say(proxy)) {
                tracing::warn!(?proxy, left_out, "a trusted proxy names no client in X-Forwarded-For: refused");
            }
        }
        address
    }
}
