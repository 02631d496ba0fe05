//! What the reference page tells of the configuration.

use apidoc::model::Facts;
use domain::customers::Prices;

use crate::settings::Settings;

/// What the page tells of the configuration; URLs on it begin with `public_url`.
pub fn facts(settings: &Settings, public_url: String) -> Facts {
    let auth = settings.auth();
    Facts {
        company: settings.company.name.clone(),
        public_url,
        dialect: settings.apih.dialect.0,
        hide_unknown_logins: settings.apih.hide_unknown_logins,
        zone: settings.billing.time_zone.0.iana_name().unwrap_or("UTC").to_owned(),
        gross: settings.billing.prices.0 == Prices::Gross,
        login_failures: auth.login_failures_per_minute.get(),
        address_failures: auth.address_failures_per_minute.get(),
        keep_secrets_days: settings.worker.keep_secrets_days.get().into(),
        email: settings.company.email.clone(),
    }
}
