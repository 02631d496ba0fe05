//! `vartai customer profile`: who a customer is on paper.

use clap::Args;
use domain::vat::Vat;
use serde_json::{Map, Value, json};
use store::customers::{self, Profile};

use super::report::{Report, listing};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai customer profile`. What is not named stays as it is.
#[derive(Debug, Args)]
pub struct ProfileArguments {
    /// The customer
    login: String,
    /// Name of the company
    #[arg(long)]
    company: Option<String>,
    /// Name of the person
    #[arg(long)]
    name: Option<String>,
    /// What the person is there
    #[arg(long)]
    occupation: Option<String>,
    /// Code of the company or person
    #[arg(long)]
    code: Option<String>,
    /// VAT code
    #[arg(long)]
    vat_code: Option<String>,
    /// Street and house
    #[arg(long)]
    address: Option<String>,
    /// City
    #[arg(long)]
    city: Option<String>,
    /// State or region
    #[arg(long)]
    state: Option<String>,
    /// Postal code
    #[arg(long)]
    zip: Option<String>,
    /// Country, two capital letters
    #[arg(long)]
    country: Option<String>,
    /// Telephone
    #[arg(long)]
    phone: Option<String>,
    /// Mobile telephone
    #[arg(long)]
    mobile: Option<String>,
    /// Fax
    #[arg(long)]
    fax: Option<String>,
    /// Where notices go
    #[arg(long)]
    email: Option<String>,
    /// Account at the bank
    #[arg(long)]
    bank_account: Option<String>,
    /// Name of the bank
    #[arg(long)]
    bank: Option<String>,
    /// Code of the bank
    #[arg(long)]
    bank_code: Option<String>,
}

/// Sets what is named, and shows the profile.
pub async fn run(arguments: ProfileArguments, installation: &Installation) -> Result<Report, Failure> {
    let of = installation.customer(&arguments.login).await?.customer();
    let change = Profile {
        company: arguments.company,
        name: arguments.name,
        occupation: arguments.occupation,
        code: arguments.code,
        vat_code: arguments.vat_code,
        address: arguments.address,
        city: arguments.city,
        state: arguments.state,
        zip: arguments.zip,
        country: arguments.country,
        phone: arguments.phone,
        mobile: arguments.mobile,
        fax: arguments.fax,
        email: arguments.email,
        bank_account: arguments.bank_account,
        bank: arguments.bank,
        bank_code: arguments.bank_code,
    };
    let live = &installation.database.live;
    let setting = async |tx: &mut store::Tx| {
        customers::set_profile(tx, of, &change).await?;
        Ok::<_, store::Error>(tx.today())
    };
    let today = live.transaction("set profile", setting).await?;
    let profile = live.read(async |connection| customers::profile(connection, of).await).await?;
    let standing = live.read(async |connection| customers::vat_standing(connection, of).await).await?;
    let rules = live.rules();
    let report = shown(profile.clone(), &standing.vat(rules.vat.as_ref(), today));
    let unlike = standing.country.is_some_and(|country| country.is_in_union()) && !standing.registered;
    Ok(match (&rules.vat, profile.vat_code) {
        (Some(_), Some(code)) if unlike => report
            .with_note(&format!("{code} does not look like a VAT code of the customer's country: it counts as none")),
        _ => report,
    })
}

fn shown(profile: Profile, vat: &Vat) -> Report {
    let fields = [
        ("company", profile.company),
        ("name", profile.name),
        ("occupation", profile.occupation),
        ("code", profile.code),
        ("vat_code", profile.vat_code),
        ("address", profile.address),
        ("city", profile.city),
        ("state", profile.state),
        ("zip", profile.zip),
        ("country", profile.country),
        ("phone", profile.phone),
        ("mobile", profile.mobile),
        ("fax", profile.fax),
        ("email", profile.email),
        ("bank_account", profile.bank_account),
        ("bank", profile.bank),
        ("bank_code", profile.bank_code),
    ];
    let mut told: Vec<(&str, String)> =
        fields.iter().map(|(name, value)| (*name, value.clone().unwrap_or_default())).collect();
    let country = vat.country.map(|country| country.to_string());
    told.push(("VAT now", format!("{} % ({})", vat.rate, vat.ground.name())));
    let mut json: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let now = json!({ "rate": vat.rate.to_string(), "ground": vat.ground.name(), "country": country });
    json.insert("vat".to_owned(), now);
    Report::new(listing(&told), json.into())
}
