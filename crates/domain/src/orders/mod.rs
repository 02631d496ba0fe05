//! Orders: placing, renewing, suspending and the rest, each a decision over facts.

mod addons;
mod change;
mod order;
mod payment;
mod place;
mod power;
mod renew;
mod retariff;
mod server;
mod settle;

pub use addons::{AddonChoice, AddonError, choose_addons, echo_addons, parse_addons};
pub use change::{Change, ChangeError, ChangeFacts, ChangeRequest, RunningInterval, Size, change};
pub use order::{Order, OrderId, OrderState, SuspendedBy};
pub use payment::{BillingMode, Payment, PaymentTerms, Unpaid};
pub use place::{PlaceError, PlaceFacts, PlaceRequest, Placement, place};
pub use power::{PowerChange, PowerError, PowerOperation, change_power};
pub use renew::{RenewError, RenewRequest, Renewal, proforma, renew, resumes};
pub use retariff::{TariffChange, TariffError, TariffFacts, TariffRequest, change_tariff};
pub use server::ServerSpec;
pub use settle::{Interval, first_interval, next_interval};
