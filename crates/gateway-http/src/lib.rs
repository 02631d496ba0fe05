//! The reseller gateway on `/apih.php`: decoding, authentication, the command kit, the two codecs.

pub mod auth;
pub mod faults;
pub mod reply;
pub mod request;
