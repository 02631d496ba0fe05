//! Who sells and who buys, as it stands on paper.

use serde::{Deserialize, Serialize};

/// Who sells or buys, as an invoice keeps it from its issue on. What isn't known isn't shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Party {
    /// The company's or the person's name.
    pub name: String,
    /// The company's code in its country's register.
    pub code: Option<String>,
    /// The VAT code.
    pub vat_code: Option<String>,
    /// The address, line by line.
    pub address: Vec<String>,
    /// The bank account.
    pub bank: Option<Bank>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
}

/// A bank account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bank {
    /// The bank's name.
    pub name: String,
    /// The bank's code (BIC).
    pub code: Option<String>,
    /// The account's number (IBAN).
    pub account: String,
}
