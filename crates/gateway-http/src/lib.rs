//! The reseller gateway on `/apih.php`: decoding, authentication, the command kit, the two codecs.

pub mod auth;
pub mod command;
pub mod commands;
pub mod faults;
mod gateway;
pub mod http;
pub mod metrics;
pub mod reply;
pub mod request;

pub use gateway::{Answered, Gateway, GatewaySettings};
