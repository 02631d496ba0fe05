//! From an authenticated request to an answer: the order of checks of CONTRACT 2.1.

use domain::{
    calendar::{day_of, parse_digits},
    catalogue::Vid,
    field::Field,
    orders::OrderId,
};
use gateway_http::{
    command::{STRICT, Unknown},
    reply::Reply,
    request::Fields,
};
use store::{
    Database, Realm,
    servers::{self, Service},
};

use super::{About, Call, Command, Failure, SERVER_ID};
use crate::{ApiSettings, caller::Caller, commands, fault::Fault};

/// Runs the command that a caller asks for: 400 command, 400 id, 403 service, 400 parameters, 409.
///
/// # Errors
/// The first [`Failure`].
pub async fn answer(
    db: &Database,
    settings: &ApiSettings,
    caller: &Caller,
    fields: &Fields,
    unknown: Option<&Unknown>,
) -> Result<Reply, Failure> {
    let command = fields.text("command").and_then(commands::find).ok_or(Fault::Command)?;
    match (fields.text(STRICT), unknown) {
        (None | Some("0"), _) | (Some("1"), None) => {}
        // Which it is stands in the header.
        _ => return Err(Fault::Parameter(STRICT).into()),
    }
    let realm = db.realm(caller.realm);
    let outcome = run(command, realm, caller, settings, fields).await;
    if let Err(Failure::Refused(fault)) = &outcome {
        command.expect_declared(*fault);
    }
    outcome
}

async fn run(
    command: Command,
    realm: &Realm,
    caller: &Caller,
    settings: &ApiSettings,
    fields: &Fields,
) -> Result<Reply, Failure> {
    let service = match About::of(command) {
        Some(about) => Some(find_service(realm, caller, fields, about).await?),
        None => None,
    };
    let call = Call { caller, fields, settings, service };
    match command {
        Command::Reads(reading) => realm.read(async |connection| reading.answer(&call, realm, connection).await).await,
        Command::Writes(writing) => {
            realm.transaction(command.spec().name, async |tx| writing.answer(&call, tx).await).await
        }
    }
}

/// The caller's service of that id. One that is another's, one of another kind and one that is not there are the same.
async fn find_service(realm: &Realm, caller: &Caller, fields: &Fields, about: About) -> Result<Service, Failure> {
    let id = Field::read(fields.text(SERVER_ID.name), |text| parse_digits(text).map(OrderId));
    let id = match (id, fields.text(SERVER_ID.name)) {
        (Field::Given(id), _) => id,
        // Digits that no id has: a server that is not there.
        (Field::Malformed, Some(text)) if text.bytes().all(|b| b.is_ascii_digit()) => return Err(Fault::Service.into()),
        _ => return Err(Fault::Id.into()),
    };
    let today = day_of(caller.now, &realm.rules().zone);
    let customer = caller.buyer.customer;
    let found = realm.read(async |connection| servers::service(connection, customer, id, today).await).await?;
    let is_wanted = |vid: Vid| match about {
        About::Server => vid.is_server(),
        About::Hosting => vid == Vid::Hosting,
    };
    found.filter(|service| is_wanted(service.order.vid)).ok_or_else(|| Fault::Service.into())
}
