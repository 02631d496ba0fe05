//! advanceClock: time passes in a test realm of the customer's own (CONTRACT 1.6).

use domain::{
    calendar::{moment_text, parse_span},
    field::Field,
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use store::{Error, Tx, billing, clock};

use crate::{
    command::{Answer, Call, Effect, Failure, FieldSpec, Need, REQUEST_ID, ReplyField, Spec, Writing, success},
    faults::{Fault, Refusal},
};

/// Moves the clock ahead, or tells it.
pub struct AdvanceClock;

const ADVANCE: FieldSpec = FieldSpec {
    name: "advance",
    about: "How far the clock moves ahead: days as 400d, or hours as 12h. There is no way back, and ten years in all.",
    need: Need::Optional("the clock is told and stays as it is"),
    example: "400d",
    malformed: Some(("yesterday", Fault::BadField)),
    extension: true,
};

static SPEC: Spec = Spec {
    name: "advanceClock",
    section: "4.10",
    about: "Moves the clock of your own test realm ahead. There is no such command without a test key. What is due on \
            the days that pass (proformas, renewals, suspensions, the end of orders) is done day by day, as in earnest, \
            and takes some seconds: it is over when billed is today.",
    effects: &[Effect::MovesClock],
    fields: &[ADVANCE, REQUEST_ID],
    reply: &[
        ReplyField::text("now", "The moment by your test realm's clock."),
        ReplyField::text("today", "Its day."),
        ReplyField::text("billed", "The day up to which all that was due is done."),
    ],
    faults: &[],
};

impl Writing for AdvanceClock {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Answer, Failure>> {
        async move {
            let shown = match Field::read(call.text(&ADVANCE), parse_span) {
                Field::Absent => clock::look(tx).await?,
                Field::Malformed => return Err(Refusal::with_detail(Fault::BadField, ADVANCE.name).into()),
                Field::Given(by) => match clock::advance(tx, by).await {
                    Err(Error::Refused(why)) => {
                        return Err(Refusal::with_detail(Fault::BadField, format!("{}: {why}", ADVANCE.name)).into());
                    }
                    moved => moved?,
                },
            };
            let billed = billing::last_day(tx).await?;
            let zone = &tx.rules().zone;
            let fields = success()
                .with("now", moment_text(shown.realm, zone))
                .with("today", domain::calendar::day_of(shown.realm, zone).to_string())
                .with("billed", billed.to_string());
            Ok(fields.into())
        }
        .boxed_local()
    }
}
