//! What of an installation the page tells.

use gateway_http::faults::Dialect;

/// What of an installation's configuration the page tells.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The company's name.
    pub company: String,
    /// What URLs begin with.
    pub public_url: String,
    /// Whose error table is in force.
    pub dialect: Dialect,
    /// Whether unknown logins are answered as wrong secrets are.
    pub hide_unknown_logins: bool,
    /// The company's time zone.
    pub zone: String,
    /// Whether prices contain the VAT.
    pub gross: bool,
    /// Failed passwords a minute of one login from one address.
    pub login_failures: u32,
    /// Failed passwords a minute from one address.
    pub address_failures: u32,
    /// For how many days `server_tasks` tells a password.
    pub keep_secrets_days: u32,
    /// Where customers write to.
    pub email: Option<String>,
}
