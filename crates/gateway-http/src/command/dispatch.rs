//! From an authenticated request to an answer: the one place where commands run.

use store::{
    Database, Realm,
    saved_answers::{Claimed, claim, save},
};

use super::{
    Answer, Call, Command, Failure, STRICT, Unknown, Writing,
    idempotency::{Kept, claim_of},
    not_done,
};
use crate::{
    auth::Caller,
    commands,
    faults::{Dialect, Fault, Refusal, with_notice},
    reply::{Format, Reply},
    request::Fields,
};

/// What became of a request.
pub enum Outcome {
    /// An answer, in the format asked for, with the non-critical fault in it if there is one.
    Done(Vec<u8>, Option<Fault>),
    /// A refusal, to be written in the customer's language.
    Refused(Refusal),
}

/// Runs the command that a caller asks for.
pub async fn answer(
    db: &Database,
    dialect: Dialect,
    caller: &Caller,
    fields: &Fields,
    unknown: Option<&Unknown>,
    format: Format,
) -> Outcome {
    let there = |command: &Command| !command.tries() || caller.own_realm.is_some();
    let Some(command) = fields.text("command").and_then(commands::find).filter(there) else {
        return Outcome::Refused(Fault::UnknownCommand.into());
    };
    if let Err(refusal) = check_strictly(fields, unknown) {
        command.expect_declared(refusal.fault);
        return Outcome::Refused(refusal);
    }
    let call = Call::new(caller, fields, dialect, command.spec());
    let realm = match realm_of(db, caller) {
        Ok(realm) => realm,
        Err(error) => return Outcome::Refused(told(error.into(), false)),
    };
    let (outcome, writes) = match command {
        Command::Reads(reading) => {
            let read = realm.read(async |connection| reading.answer(&call, &realm, connection).await).await;
            (read.and_then(|fields| Ok((format.encode(&fields.into())?, None))), false)
        }
        Command::Writes(writing) => (write(&realm, writing, &call, format).await, true),
    };
    match outcome {
        Ok((body, notice)) => Outcome::Done(body, notice),
        Err(failure) => {
            let refusal = told(failure, writes);
            command.expect_declared(refusal.fault);
            Outcome::Refused(refusal)
        }
    }
}

/// Who asks for it has names that the command doesn't know refused (CONTRACT 1.1).
fn check_strictly(fields: &Fields, unknown: Option<&Unknown>) -> Result<(), Refusal> {
    match (fields.text(STRICT), unknown) {
        (None | Some("0"), _) | (Some("1"), None) => Ok(()),
        (Some("1"), Some(unknown)) => Err(Refusal::with_detail(Fault::BadField, unknown.first())),
        (Some(_), _) => Err(Refusal::with_detail(Fault::BadField, STRICT)),
    }
}

/// The row of the error table that answers a failure.
fn told(failure: Failure, writes: bool) -> Refusal {
    failure.told(Fault::NoDatabase.into(), not_done(writes).into())
}

/// Where all that is the caller's lies.
fn realm_of(db: &Database, caller: &Caller) -> Result<Realm, store::Error> {
    match &caller.own_realm {
        Some(name) => db.own_realm(name),
        None => Ok(db.realm(caller.realm).clone()),
    }
}

async fn write(
    realm: &Realm,
    command: &dyn Writing,
    call: &Call<'_>,
    format: Format,
) -> Result<(Vec<u8>, Option<Fault>), Failure> {
    let request = claim_of(call, call.fields)?;
    realm
        .transaction(command.spec().name, async |tx| {
            if let Some(request) = &request {
                match claim(tx, request).await? {
                    Claimed::First => {}
                    Claimed::Answered(kept) => {
                        let kept: Kept = serde_json::from_slice(&kept).map_err(store::Error::corrupt)?;
                        return Ok((kept.into_body(format), None));
                    }
                    Claimed::OtherParameters => return Err(Fault::RequestIdReused.into()),
                }
            }
            let answer = command.answer(call, tx).await?;
            let notice = answer.notice.as_ref().map(|n| n.fault);
            let reply = written(answer, call);
            let Some(request) = &request else { return Ok((format.encode(&reply)?, notice)) };
            let kept = Kept::of(&reply)?;
            save(tx, request, &serde_json::to_vec(&kept).map_err(store::Error::corrupt)?).await?;
            Ok((kept.into_body(format), notice))
        })
        .await
}

/// The whole answer of a command that wrote.
fn written(answer: Answer, call: &Call<'_>) -> Reply {
    match &answer.notice {
        Some(notice) => with_notice(answer.fields, notice, call.dialect, call.caller.language).into(),
        None => answer.fields.into(),
    }
}
