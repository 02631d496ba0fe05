//! server_change.

use ::domain::{
    calendar::parse_digits,
    field::Field,
    orders::{ChangeError, ChangeRequest, Size},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use store::{
    Tx,
    servers::{ChangeFailure, change},
};

use super::{TASK, queued, state};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Instead, Iv, Need, ReplyField, SERVER_ID, Spec, Writing},
    fault::Fault,
};

/// Gives a server another size.
pub struct ServerChange;

const fn size(name: &'static str, about: &'static str, example: &'static str) -> FieldSpec {
    FieldSpec {
        name,
        about,
        need: Need::Optional("it stays; one of the four must be given"),
        example,
        malformed: Some(("x", Fault::Parameter(name))),
        extension: false,
    }
}

const CPU: FieldSpec = size("cpu", "Processor, in GHz, within the tariff's limits.", "4");
const RAM: FieldSpec = size("ram", "Memory, in MB, within the tariff's limits.", "4096");
const QUOTA: FieldSpec = size("quota", "Disk, in GB, within the tariff's limits; it can't be made smaller.", "40");
const BANDWIDTH: FieldSpec = size("bandwidth", "Bandwidth, in Mbps, within the tariff's limits.", "40");

const DRY_RUN: FieldSpec = FieldSpec {
    name: "dry_run",
    about: "1 to be told the price alone: cost and currency.",
    need: Need::Optional("0: the change is made"),
    example: "1",
    // Whoever writes `true` wants a price, and must not be charged.
    malformed: Some(("true", Fault::Parameter("dry_run"))),
    extension: true,
};

/// What is told of a change that is not made.
const PRICE: &[ReplyField] = &[
    ReplyField::text("cost", "What the change would cost."),
    ReplyField::text("currency", "The currency of the cost."),
];

static SPEC: Spec = Spec {
    name: "server_change",
    section: "server_change",
    about: "Gives a server another size. What the rest of the paid time costs more is charged at once.",
    effects: &[Effect::Charges, Effect::Queues],
    fields: &[SERVER_ID, CPU, RAM, QUOTA, BANDWIDTH, DRY_RUN],
    reply: TASK,
    faults: &[
        Fault::Parameter("cpu"),
        Fault::Parameter("ram"),
        Fault::Parameter("quota"),
        Fault::Parameter("bandwidth"),
        Fault::Parameter("dry_run"),
        Fault::Unpaid,
        Fault::Overdue,
        Fault::Suspended,
        Fault::Balance,
        Fault::Unchangeable,
        Fault::TooMuch,
    ],
};

impl Writing<Iv> for ServerChange {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn instead(&self) -> Option<Instead> {
        Some(("dry_run is 1", PRICE))
    }

    fn answer<'a>(&'a self, call: &'a Call<'a>, tx: &'a mut Tx) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let whole = |field: &FieldSpec| {
                Field::read(call.text(field), |text| parse_digits(text).and_then(|n| u32::try_from(n).ok()))
            };
            let request = ChangeRequest {
                cpu_ghz: whole(&CPU),
                ram_mb: whole(&RAM),
                disk_gb: whole(&QUOTA),
                bandwidth_mbps: whole(&BANDWIDTH),
            };
            let dry_run = match call.text(&DRY_RUN) {
                None | Some("0") => false,
                Some("1") => true,
                Some(_) => return Err(Fault::Parameter(DRY_RUN.name).into()),
            };
            readable(&request)?;
            let changed = change(tx, &call.caller.buyer, call.order()?, &request, dry_run).await.map_err(failure)?;
            Ok(match changed.task {
                Some(task) => queued(task),
                None => {
                    let cost = changed.change.cost;
                    Map::new().with("cost", cost.to_string()).with("currency", cost.currency().code()).into()
                }
            })
        }
        .boxed_local()
    }
}

/// What can be said against the parameters whatever the server is: that comes before what it can't have done to it.
fn readable(request: &ChangeRequest) -> Result<(), Fault> {
    let ChangeRequest { cpu_ghz, ram_mb, disk_gb, bandwidth_mbps } = request;
    let given = [(&CPU, cpu_ghz), (&RAM, ram_mb), (&QUOTA, disk_gb), (&BANDWIDTH, bandwidth_mbps)];
    if given.iter().all(|(_, value)| **value == Field::Absent) {
        return Err(Fault::Parameter(CPU.name));
    }
    let malformed = given.iter().find(|(_, value)| **value == Field::Malformed);
    malformed.map_or(Ok(()), |(field, _)| Err(Fault::Parameter(field.name)))
}

fn failure(failure: ChangeFailure) -> Failure {
    match failure {
        ChangeFailure::Unknown => Fault::Service.into(),
        ChangeFailure::State(error) => state(error).into(),
        ChangeFailure::TooMuch => Fault::TooMuch.into(),
        ChangeFailure::Decided(ChangeError::Nothing | ChangeError::Range(Size::Cpu)) => Fault::Parameter("cpu").into(),
        ChangeFailure::Decided(ChangeError::Range(Size::Ram)) => Fault::Parameter("ram").into(),
        ChangeFailure::Decided(ChangeError::Range(Size::Disk) | ChangeError::DiskShrinks) => {
            Fault::Parameter("quota").into()
        }
        ChangeFailure::Decided(ChangeError::Range(Size::Bandwidth)) => Fault::Parameter("bandwidth").into(),
        ChangeFailure::Decided(ChangeError::Unchangeable) => Fault::Unchangeable.into(),
        ChangeFailure::Decided(ChangeError::NotEnough) => Fault::Balance.into(),
        ChangeFailure::Decided(ChangeError::Price(error)) => store::Error::corrupt(error).into(),
        ChangeFailure::Store(error) => error.into(),
    }
}
