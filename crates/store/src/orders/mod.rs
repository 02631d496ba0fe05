//! Orders in the database: what decisions are made on, and making them true.

mod begin;
mod credentials;
mod list;
mod load;
mod overrule;
mod place;
mod power;
mod process;
mod quote;
mod renew;
mod restore;
mod retariff;
mod sealed;
mod sizes;
mod terminate;

pub use list::{OrderFilter, OrderRow, OrderState, list};
pub use load::{Buyer, buyer, load};
pub use overrule::{Overrule, overrule, set_auto_renew};
pub use place::{PlaceFailure, Placed, place};
pub use power::{PowerFailure, change_power};
pub use process::{PasswordSet, Processed, password, process};
pub use quote::{Asked, Quoted, quote};
pub use renew::{RenewFailure, Renewed, renew};
pub use restore::restore;
pub use retariff::{RetariffFailure, Retariffed, change_tariff};
pub use sealed::{SealedPasswords, try_keys};
pub use terminate::terminate;

pub(crate) use begin::{Beginning, begin, extend, resume};
pub(crate) use credentials::{new_password, open_password, seal_password};
pub(crate) use load::{load_all, load_some, lock, lock_if_free};
pub(crate) use power::lock_own;
pub(crate) use renew::renew_held;
pub(crate) use sizes::Sizes;
pub(crate) use terminate::end;
