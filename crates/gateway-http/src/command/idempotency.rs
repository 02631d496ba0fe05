//! requestid: the same request again gets the first answer again (CONTRACT 1.5).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::saved_answers::RequestClaim;

use super::{Call, FieldSpec, Need};
use crate::{
    faults::{Fault, Refusal},
    reply::{EncodeError, Format, Reply},
    request::Fields,
};

/// The field of every writing command.
pub const REQUEST_ID: FieldSpec = FieldSpec {
    name: "requestid",
    about: "A name of your own for this request: the same request with the same requestid gets the first answer again \
            for 24 hours, and nothing is done twice.",
    need: Need::Optional("the request can't be repeated safely"),
    example: "invoice-2041",
    malformed: Some(("no spaces allowed", Fault::BadField)),
    extension: true,
};

/// An answer in both formats, so that a repeat gets it byte for byte.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    php: String,
    json: String,
}

impl Kept {
    pub(super) fn of(reply: &Reply) -> Result<Self, EncodeError> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { php: text(reply.to_php()?), json: text(reply.to_json()?) })
    }

    pub(super) fn into_body(self, format: Format) -> Vec<u8> {
        match format {
            Format::Php => self.php.into_bytes(),
            Format::Json => self.json.into_bytes(),
        }
    }
}

/// The claim of a request, if it has a requestid.
///
/// # Errors
/// 102 for a requestid that can't be one.
pub(super) fn claim_of(call: &Call<'_>, fields: &Fields) -> Result<Option<RequestClaim>, Refusal> {
    let Some(id) = fields.text(REQUEST_ID.name) else { return Ok(None) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if id.len() > 64 || !id.bytes().all(plain) {
        return Err(Refusal::with_detail(Fault::BadField, REQUEST_ID.name));
    }
    Ok(Some(RequestClaim {
        customer: call.caller.customer,
        request_id: id.to_owned(),
        hash: Sha256::digest(fields.canonical_for_requestid()).into(),
    }))
}
