//! Customers: what opens the gateway to them, and what staff do with them.

mod credentials;
mod keys;
mod manage;
mod networks;
mod profile;
mod sub_users;
mod test_access;
mod test_mode;
mod vat;

pub use credentials::{Credentials, credentials, test_credentials};
pub use keys::{ApiKey, issue_key, keys, revoke_key};
pub use manage::{CustomerChange, CustomerRow, NewCustomer, add, by_id, by_login, demo_exists, find, list, set};
pub use networks::{allow, allowed, disallow};
pub use profile::{Profile, profile, set_profile};
pub use sub_users::{
    API, NickCredentials, SubUser, add_sub_user, nick_credentials, set_sub_user_inactive, set_sub_user_password,
    sub_users,
};
pub use test_access::ensure_test_customer;
pub use test_mode::{MOST, NewTestKey, TestMode, awake, note_use, sweep_test_modes, test_mode, turn_off, turn_on};
pub use vat::{VatColumns, vat_standing};
