//! `[billing]`: the company's rules.

use std::{collections::BTreeMap, path::PathBuf};

use domain::{
    dunning::{Lapse, Limits, Policy},
    money::Percent,
    notices::RemindDays,
    vat::{Country, VatRules},
};
use jiff::civil::Date;
use serde::Deserialize;

use super::values::{CallbackSecret, CountryCode, Days, InvoiceSeries, PriceKind, SettleName, VatRate, Zone};

/// `[billing]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BillingSettings {
    /// Whether the catalogue's prices contain the VAT (CONTRACT 1.5).
    pub prices: PriceKind,
    /// The company's time zone: days begin in it, moments are written in it.
    pub time_zone: Zone,
    /// The series of invoice numbers.
    pub invoice_series: InvoiceSeries,
    /// The series of credit notes' numbers: another.
    pub credit_note_series: InvoiceSeries,
    /// An order that renews by itself does so this many days before its paid time ends.
    pub renew_days_before: Days,
    /// Others get a proforma this many days before.
    pub proforma_days_before: Days,
    /// Days that an overdue order runs on.
    pub grace_days: Days,
    /// Days that a suspended order is kept.
    pub keep_days: Days,
    /// An order that nobody paid for so many days ends.
    pub unpaid_order_days: Days,
    /// What becomes of money that arrives.
    pub settle: SettleName,
    /// `vartai doctor` complains of exchange rates that are older than so many days.
    pub rate_warn_days: Days,
    /// New orders are refused at rates that are older than so many days.
    pub rate_refuse_days: Option<Days>,
    /// When the billing run asks for a person.
    pub interlock: InterlockSettings,
    /// Which VAT whose invoices have.
    pub vat: VatSettings,
}

impl Default for BillingSettings {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            prices: PriceKind::default(),
            time_zone: Zone::default(),
            invoice_series: InvoiceSeries("VRT".to_owned()),
            credit_note_series: InvoiceSeries("VRC".to_owned()),
            renew_days_before: Days(policy.renew_days_before),
            proforma_days_before: Days(policy.proforma_days_before),
            grace_days: Days(policy.lapse.grace_days),
            keep_days: Days(policy.lapse.keep_days),
            unpaid_order_days: Days(policy.unpaid_order_days),
            settle: SettleName(policy.settle),
            rate_warn_days: Days(4),
            rate_refuse_days: None,
            interlock: InterlockSettings::default(),
            vat: VatSettings::default(),
        }
    }
}

impl BillingSettings {
    /// What becomes of orders when nobody calls.
    pub fn policy(&self) -> Policy {
        let interlock = &self.interlock;
        Policy {
            renew_days_before: self.renew_days_before.0,
            proforma_days_before: self.proforma_days_before.0,
            lapse: Lapse { grace_days: self.grace_days.0, keep_days: self.keep_days.0 },
            unpaid_order_days: self.unpaid_order_days.0,
            settle: self.settle.0,
            remind_days: RemindDays::default(),
            rate_days: self.rate_refuse_days.map(|days| days.0),
            limits: Limits {
                max_gap_hours: interlock.max_gap_hours,
                clock_tolerance_seconds: interlock.clock_tolerance_seconds,
                payments_span_hours: interlock.payments_span_hours,
                payments_usual: interlock.payments_usual,
                failed_tasks_floor: interlock.failed_tasks_floor,
                failed_tasks_percent: interlock.failed_tasks_percent,
                ends_floor: interlock.ends_floor,
                ends_times: interlock.ends_times,
                ends_percent: interlock.ends_percent,
            },
        }
    }
}

/// `[billing.vat]`: the company's country, and the rates of the countries whose VAT it charges. Without it each customer
/// has the rate that staff set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VatSettings {
    /// Where the company is registered for VAT.
    pub country: Option<CountryCode>,
    /// Rates from a day on: `LT 2009-09-01 21`.
    pub rates: Vec<VatRate>,
}

impl VatSettings {
    /// The rules; `None` where no country is configured.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn rules(&self) -> Result<Option<VatRules>, String> {
        let mut rates: BTreeMap<Country, BTreeMap<Date, Percent>> = BTreeMap::new();
        for VatRate { country, from, rate } in &self.rates {
            if rates.entry(*country).or_default().insert(*from, *rate).is_some() {
                return Err(format!("billing.vat.rates: {country} has two rates from {from} on"));
            }
        }
        match &self.country {
            None if rates.is_empty() => Ok(None),
            None => Err("billing.vat.country: rates need it: write the company's own".to_owned()),
            Some(CountryCode(own)) => {
                VatRules::new(*own, rates).map(Some).map_err(|error| format!("billing.vat.rates: {error}"))
            }
        }
    }
}

/// `[billing.interlock]`: what is usual, and how far beyond it the billing run asks for a person.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InterlockSettings {
    /// Hours since the last run, at the most.
    pub max_gap_hours: u32,
    /// Seconds that the database's clock may differ from what a process counted, or go back.
    pub clock_tolerance_seconds: u32,
    /// The span in which payments are expected, in hours.
    pub payments_span_hours: u32,
    /// Where so many payments are usual in a span, none is a finding.
    pub payments_usual: u32,
    /// So many failed tasks in an hour are no finding yet.
    pub failed_tasks_floor: u32,
    /// Beyond that, more than this share of an hour's tasks is one.
    pub failed_tasks_percent: u32,
    /// So many suspensions and ends in a day are no finding yet.
    pub ends_floor: u32,
    /// Nor are so many times the usual number.
    pub ends_times: u32,
    /// Nor is this share of the orders that run, in percent.
    pub ends_percent: u32,
}

impl Default for InterlockSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_gap_hours: limits.max_gap_hours,
            clock_tolerance_seconds: limits.clock_tolerance_seconds,
            payments_span_hours: limits.payments_span_hours,
            payments_usual: limits.payments_usual,
            failed_tasks_floor: limits.failed_tasks_floor,
            failed_tasks_percent: limits.failed_tasks_percent,
            ends_floor: limits.ends_floor,
            ends_times: limits.ends_times,
            ends_percent: limits.ends_percent,
        }
    }
}

/// `[payments]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentSettings {
    /// What a payment provider's bridge signs with; without it there is no `/payments/callback`.
    pub callback_secret: Option<CallbackSecret>,
    /// The file that `callback_secret` was read from.
    pub callback_secret_file: Option<PathBuf>,
    /// For so many seconds a signed message holds.
    pub callback_window_seconds: u32,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self { callback_secret: None, callback_secret_file: None, callback_window_seconds: 300 }
    }
}
