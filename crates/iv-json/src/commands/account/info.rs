//! account_info.

use domain::calendar::moment_text;
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{
    Conn, Realm,
    customers::{CustomerRow, Profile, SubUser, by_id, profile, sub_users},
    ledger,
};

use crate::command::{Call, Effect, Failure, Iv, Reading, ReplyField, Spec};

/// Tells who the customer is and what it has.
pub struct AccountInfo;

const USERS: &[ReplyField] = &[
    ReplyField::text("us_id", "The user's id."),
    ReplyField::text("us_created", "When it was added."),
    ReplyField::text("us_inactive", "yes or no."),
    ReplyField::text("us_subuser", "yes, or no for the customer itself."),
    ReplyField::text("us_nick", "Its nick."),
    ReplyField::text("us_description", "What it is for."),
];

const CONTACTS: &[ReplyField] = &[
    ReplyField::text("co_name", "Name of the person."),
    ReplyField::or_null("co_occupation", "What the person is there."),
    ReplyField::or_null("co_phone", "Telephone."),
    ReplyField::or_null("co_email", "E-mail."),
];

static SPEC: Spec = Spec {
    name: "account_info",
    section: "account_info",
    about: "Tells who the customer is, with the credit and bonus left.",
    effects: &[Effect::Reads],
    fields: &[],
    reply: &[
        ReplyField::text("ac_id", "The customer's id."),
        ReplyField::text("ac_created", "When it was added."),
        ReplyField::or_null("ac_company", "Name of the company."),
        ReplyField::or_null("ac_name", "Name of the person."),
        ReplyField::or_null("ac_occupation", "What the person is there."),
        ReplyField::or_null("ac_code", "Code of the company or person."),
        ReplyField::or_null("ac_vat", "VAT code."),
        ReplyField::or_null("ac_address", "Street and house."),
        ReplyField::or_null("ac_city", "City."),
        ReplyField::or_null("ac_state", "State or region."),
        ReplyField::or_null("ac_zip", "Postal code."),
        ReplyField::or_null("ac_country", "Country, two letters."),
        ReplyField::or_null("ac_phone", "Telephone."),
        ReplyField::or_null("ac_mobile", "Mobile telephone."),
        ReplyField::or_null("ac_fax", "Fax."),
        ReplyField::or_null("ac_email", "E-mail."),
        ReplyField::or_null("ac_bank_account", "Account at the bank."),
        ReplyField::or_null("ac_bank", "Name of the bank."),
        ReplyField::or_null("ac_bank_code", "Code of the bank."),
        ReplyField::text("ac_credit", "Overpayment left."),
        ReplyField::text("ac_bonus", "Bonus left."),
        ReplyField::list("ac_contacts", "Persons to turn to.", CONTACTS),
        ReplyField::list("ac_users", "Users.", USERS),
    ],
    faults: &[],
};

impl Reading<Iv> for AccountInfo {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let buyer = call.caller.buyer;
            let row = by_id(connection, buyer.customer).await?;
            let profile = profile(connection, buyer.customer).await?;
            let users = sub_users(connection, buyer.customer).await?;
            let wallets = ledger::balance(connection, realm.kind(), buyer.customer, buyer.currency).await?;
            let fields = of_profile(&row, &profile, realm)
                .with("ac_credit", wallets.credit.to_string())
                .with("ac_bonus", wallets.bonus.to_string())
                .with("ac_contacts", contacts(&profile))
                .with("ac_users", of_users(&row, &users, realm));
            Ok(fields.into())
        }
        .boxed_local()
    }
}

fn of_profile(row: &CustomerRow, profile: &Profile, realm: &Realm) -> Map {
    let known = |value: &Option<String>| Reply::from(value.as_deref());
    Map::new()
        .with("ac_id", row.id.to_string())
        .with("ac_created", moment_text(row.created_at, &realm.rules().zone))
        .with("ac_company", known(&profile.company))
        .with("ac_name", known(&profile.name))
        .with("ac_occupation", known(&profile.occupation))
        .with("ac_code", known(&profile.code))
        .with("ac_vat", known(&profile.vat_code))
        .with("ac_address", known(&profile.address))
        .with("ac_city", known(&profile.city))
        .with("ac_state", known(&profile.state))
        .with("ac_zip", known(&profile.zip))
        .with("ac_country", known(&profile.country))
        .with("ac_phone", known(&profile.phone))
        .with("ac_mobile", known(&profile.mobile))
        .with("ac_fax", known(&profile.fax))
        .with("ac_email", known(&profile.email))
        .with("ac_bank_account", known(&profile.bank_account))
        .with("ac_bank", known(&profile.bank))
        .with("ac_bank_code", known(&profile.bank_code))
}

/// The person of the profile, where one is known.
fn contacts(profile: &Profile) -> Vec<Reply> {
    let known = |value: &Option<String>| Reply::from(value.as_deref());
    let person = profile.name.as_ref().map(|_| {
        Map::new()
            .with("co_name", known(&profile.name))
            .with("co_occupation", known(&profile.occupation))
            .with("co_phone", known(if profile.mobile.is_some() { &profile.mobile } else { &profile.phone }))
            .with("co_email", known(&profile.email))
            .into()
    });
    person.into_iter().collect()
}

/// The customer itself, then its sub-users.
fn of_users(row: &CustomerRow, users: &[SubUser], realm: &Realm) -> Vec<Reply> {
    let yes = |is: bool| if is { "yes" } else { "no" };
    let user = |id: i64, created, inactive, subuser, nick: &str, description: &str| -> Reply {
        Map::new()
            .with("us_id", id.to_string())
            .with("us_created", moment_text(created, &realm.rules().zone))
            .with("us_inactive", yes(inactive))
            .with("us_subuser", yes(subuser))
            .with("us_nick", nick)
            .with("us_description", description)
            .into()
    };
    let own = user(row.id, row.created_at, row.disabled, false, &row.login, "");
    let of_sub = |u: &SubUser| user(u.id, u.created_at, u.inactive, true, &u.nick, &u.description);
    std::iter::once(own).chain(users.iter().map(of_sub)).collect()
}
