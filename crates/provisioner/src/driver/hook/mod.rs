//! What hooks are asked and how they answer, whether they are programs or reached over HTTP (`docs/hooks.md`).

mod answer;
mod request;

pub(super) use answer::{Answer, Told, without_mark};
pub(super) use request::{PROTOCOL, Request};
