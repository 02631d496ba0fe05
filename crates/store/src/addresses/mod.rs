//! Addresses: out of the catalogue's pools, held by servers, resting once they were given back. The primary key of the
//! table sees to it that none is held twice.

mod give;
mod hand_out;
mod list;
mod release;

pub use give::give;
pub use list::{HeldAddress, all, held, held_outside, of};
pub use release::release;

pub(crate) use hand_out::{HandedOut, hand_out};
pub(crate) use list::node_of;
pub(crate) use release::{hold_again, release_all};
