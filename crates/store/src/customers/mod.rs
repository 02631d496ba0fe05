//! Customers: what opens the gateway to them, and what staff do with them.

mod credentials;
mod keys;
mod manage;
mod networks;
mod test_access;

pub use credentials::{Credentials, credentials};
pub use keys::{ApiKey, issue_key, keys, revoke_key};
pub use manage::{CustomerChange, CustomerRow, NewCustomer, add, by_login, demo_exists, list, set};
pub use networks::{allow, allowed, disallow};
pub use test_access::ensure_test_customer;
