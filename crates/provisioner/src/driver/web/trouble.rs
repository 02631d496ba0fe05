//! What is wrong with an endpoint that could not be asked: it is away, or something is set up wrongly.

use std::{error::Error, io};

use jiff::Timestamp;
use rustls::{CertificateError, pki_types::UnixTime};
use store::db::with_causes;

use super::reach::NotAllowed;
use crate::driver::{Class, Trouble};

/// What a failure before anything was sent says: in words that customers may read, and in all detail for staff.
pub(super) fn not_sent(error: &reqwest::Error) -> (Trouble, String) {
    let mut link: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = link {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return (Trouble::new(Class::Configuration, of_tls(tls)), tls.to_string());
        }
        if let Some(not_allowed) = error.downcast_ref::<NotAllowed>() {
            let why = "it is nowhere that may be reached";
            return (Trouble::new(Class::Configuration, why), not_allowed.to_string());
        }
        link = cause(error);
    }
    (Trouble::new(Class::Unavailable, "it can't be reached"), with_causes(error))
}

/// What is behind an error. An [`io::Error`] passes over the error in it and tells the cause of that.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(inside) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        return Some(inside);
    }
    error.source()
}

/// Of a certificate's name nothing is told: it may name what customers need not know.
fn of_tls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(of) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
            _ => "it and we can't agree on how to speak TLS".to_owned(),
        };
    };
    match of {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate has expired{}", moment(" on", *not_after))
        }
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid{}", moment(" before", *not_before))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        // Signed by another who calls itself as one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is of an issuer that is not trusted".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        _ => "its certificate can't be used".to_owned(),
    }
}

fn moment(word: &str, at: UnixTime) -> String {
    let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.map(|at| format!("{word} {at}")).unwrap_or_default()
}
