//! What the doctor looks at in a database that answers.

use std::time::SystemTime;

use domain::{
    calendar::{day_of, moment_text},
    catalogue::{Catalogue, Vid},
};
use jiff::{SignedDuration, Timestamp};
use store::{
    Error, RealmKind, billing, catalogue as stored, customers,
    notices::{self, Trouble},
    orders::{self, OrderFilter},
    payments::{self, PaymentRefusal},
    statements,
    tasks::{self, TaskFilter, WaitingFor},
};

use super::Findings;
use crate::{
    cli::{address, catalogue::unpriced},
    failure::Failure,
    installation::{Installation, TEST_ACCESS},
};

/// A task that no worker has taken for so long says that there is none.
const WITHOUT_WORKER: SignedDuration = SignedDuration::from_secs(60);
/// This machine's clock and the database's may differ by so much: links and limits end in time.
const CLOCKS: SignedDuration = SignedDuration::from_secs(5);

/// All that is in the database.
pub async fn content(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    clock(installation, findings).await?;
    test_access(installation, findings).await?;
    catalogue(installation, findings).await?;
    demo(installation, findings).await?;
    for kind in RealmKind::ALL {
        keys(installation, kind, findings).await?;
        worker(installation, kind, findings).await?;
        hypervisors(installation, kind, findings).await?;
        outbox(installation, kind, findings).await?;
        billing_run(installation, kind, findings).await?;
    }
    pools(installation, findings).await?;
    seals(installation, findings).await?;
    payments(installation, findings).await?;
    staff(installation, findings).await
}

/// A run that is held renews, suspends and ends nobody until a person has looked.
async fn billing_run(installation: &Installation, kind: RealmKind, findings: &mut Findings) -> Result<(), Failure> {
    let status = installation.realm(kind).read(async |connection| billing::status(connection).await).await?;
    let realm = kind.schema();
    let Some(held) = &status.held else {
        findings.well(format!("the billing run of the realm {realm} came to the end of {}", status.last_day));
        return Ok(());
    };
    let found: Vec<String> = held.iter().map(ToString::to_string).collect();
    let since = status.held_at.map(|at| installation.moment(at)).unwrap_or_default();
    findings.wrong(
        format!("the billing run of the realm {realm} has been held since {since}: {}", found.join("; ")),
        format!(
            "nobody is renewed, suspended or ended meanwhile: look into it (docs/operations.md), then \
             `vartai billing release --realm {realm} --note \"why\" --by NAME`"
        ),
    );
    Ok(())
}

async fn pools(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    for (pool, free) in address::short(installation).await? {
        findings.wrong(
            format!("pool {pool} has {free} addresses left"),
            "give it, or another pool of the catalogue, more and run `vartai catalogue apply FILE`",
        );
    }
    Ok(())
}

async fn now(installation: &Installation) -> Result<Timestamp, Failure> {
    Ok(installation.database.live.transaction("clock", async |tx| Ok::<_, Error>(tx.now())).await?)
}

#[expect(clippy::disallowed_methods, reason = "the doctor compares this machine's clock with the database's")]
async fn clock(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let theirs = now(installation).await?;
    let ours = Timestamp::try_from(SystemTime::now()).map_err(Failure::failed)?;
    let apart = ours.duration_since(theirs).abs();
    if apart > CLOCKS {
        let what = format!("this machine's clock and the database's are {} s apart", apart.as_secs());
        findings.wrong(what, "keep both machines' clocks by NTP");
    } else {
        let zone = &installation.settings.billing.time_zone.0;
        let name = zone.iana_name().unwrap_or("the company's time zone");
        findings.well(format!("it is {} in {name}", moment_text(theirs, zone)));
    }
    Ok(())
}

async fn test_access(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let test = &installation.database.test;
    match test.read(async |connection| customers::by_login(connection, TEST_ACCESS).await).await {
        Ok(_) => findings.well("there is test access"),
        Err(Error::NotFound(_)) => findings.wrong("there is no test access", "run `vartai migrate`"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn catalogue(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let in_force = stored::in_force(&installation.connect).await?;
    let for_sale: usize =
        [Vid::Hosting, Vid::Vds, Vid::Dedicated].into_iter().map(|vid| in_force.for_sale(vid).count()).sum();
    match for_sale {
        0 => findings.wrong(
            "nothing is for sale",
            "write a catalogue after deploy/catalogue.demo.toml and run `vartai catalogue apply FILE`",
        ),
        some => findings.well(format!("{some} tariffs are for sale")),
    }
    for currency in unpriced(&in_force, installation).await? {
        findings.wrong(
            format!("customers are billed in {currency}, for which the catalogue has no rate"),
            format!("add `{currency} = …` to [rates] in its file and run `vartai catalogue apply FILE`"),
        );
    }
    rates(&in_force, installation, findings).await
}

/// Rates by day grow old when what sets them has stopped.
async fn rates(of: &Catalogue, installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let today = day_of(now(installation).await?, &installation.settings.billing.time_zone.0);
    let most = i32::from(installation.settings.billing.rate_warn_days.0);
    for currency in of.daily.keys() {
        let newest = of.rate_on(*currency, today).ok().and_then(|rate| rate.day.zip(rate.age(today)));
        if let Some((day, age)) = newest.filter(|(_, age)| *age > most) {
            findings.wrong(
                format!("the exchange rate to {currency} is of {day}, {age} days ago"),
                format!("run `vartai rate set {} {currency} RATE`, and see why nothing did", of.base),
            );
        }
    }
    Ok(())
}

async fn demo(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let bind = installation.settings.http.bind;
    let there = installation.database.live.read(async |connection| customers::demo_exists(connection).await).await?;
    if there && !bind.ip().is_loopback() {
        findings.wrong(
            format!("the demo's customers, whose passwords are public, are there, and http.bind is {bind}"),
            "bind a loopback address, or use another database; `vartai serve` refuses to start",
        );
    }
    Ok(())
}

/// Whether the key file opens what is sealed: there is no other way to know that it is the right one, and whole.
async fn keys(installation: &Installation, kind: RealmKind, findings: &mut Findings) -> Result<(), Failure> {
    let trying = async |tx: &mut store::Tx| orders::try_keys(tx).await;
    let tried = installation.realm(kind).transaction("try keys", trying).await?;
    let (name, path) = (kind.schema(), installation.settings.key_file());
    for (order, why) in &tried.shut {
        findings.wrong(
            format!("in the {name} realm the server password of order {order} does not open ({why})"),
            format!("put the key file that sealed it, or the line that it lost, back into {}", path.display()),
        );
    }
    match (tried.opened.len(), tried.shut.len()) {
        (0, 0) => findings.well(format!("in the {name} realm no server password is sealed yet")),
        (_, 0) => findings.well(format!("in the {name} realm the key file opens what is sealed")),
        _ => {}
    }
    Ok(())
}

async fn worker(installation: &Installation, kind: RealmKind, findings: &mut Findings) -> Result<(), Failure> {
    let filter = TaskFilter { state: Some("queued".to_owned()), most: 1000, ..TaskFilter::default() };
    let realm = installation.realm(kind);
    let waiting = realm.read(async |connection| tasks::list(connection, &filter).await).await?;
    let now = now(installation).await?;
    // One that was tried has met a worker, and may wait for its next try; one that comes after another may wait for
    // that.
    let untouched = waiting.iter().filter(|task| task.assigned_at.is_none() && task.after.is_none());
    let longest = untouched.map(|task| now.duration_since(task.created_at)).max();
    let name = kind.schema();
    match longest.filter(|waited| *waited > WITHOUT_WORKER) {
        Some(waited) => findings.wrong(
            format!("in the {name} realm a task has waited {} s for a worker", waited.as_secs()),
            "start `vartai worker`, or `vartai serve --with-worker`, and see its log",
        ),
        None => findings.well(format!("in the {name} realm no task waits for long ({} are queued)", waiting.len())),
    }
    Ok(())
}

/// Hypervisors that tasks wait for: their orders stay in processing until those are back.
async fn hypervisors(installation: &Installation, kind: RealmKind, findings: &mut Findings) -> Result<(), Failure> {
    let realm = installation.realm(kind);
    let waited_for = realm.read(async |connection| tasks::waited_for(connection).await).await?;
    let (name, hours) = (kind.schema(), installation.settings.provisioner.unavailable_hours);
    for WaitingFor { driver, tasks, seconds, class, why } in &waited_for {
        findings.wrong(
            format!(
                "in the {name} realm {tasks} tasks wait for the hypervisor of {driver}, the first since {} min ({class}): {why}",
                seconds / 60
            ),
            format!(
                "bring it back, or mend [drivers.{driver}]; they go on by themselves within a minute. After \
                 provisioner.unavailable_hours ({hours}) they have failed"
            ),
        );
    }
    if waited_for.is_empty() {
        findings.well(format!("in the {name} realm no task waits for a hypervisor"));
    }
    Ok(())
}

async fn seals(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let live = &installation.database.live;
    match live.read(async |connection| statements::unsealed(connection).await).await? {
        0 => findings.well("the entries of customers' wallets are sealed"),
        some => findings.wrong(
            format!("{some} entries of customers' wallets are not sealed for more than an hour"),
            "start `vartai worker`, or `vartai serve --with-worker`, and see its log",
        ),
    }
    Ok(())
}

/// Money that came and is recorded nowhere, since what was told of it is refused each time.
async fn payments(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let live = &installation.database.live;
    let refused = live.read(async |connection| payments::repeated_refusals(connection).await).await?;
    for PaymentRefusal { reference, login, why, times, status } in &refused {
        findings.wrong(
            format!("a payment ({reference:?} of {login:?}) was told {times} times and refused with {status}: {why}"),
            "mend what the payment provider's bridge says, or enter it: `vartai balance deposit LOGIN AMOUNT \
             --reference REFERENCE`",
        );
    }
    if refused.is_empty() {
        findings.well("no payment was told and refused again and again");
    }
    Ok(())
}

async fn outbox(installation: &Installation, kind: RealmKind, findings: &mut Findings) -> Result<(), Failure> {
    let realm = installation.realm(kind);
    let Trouble { failed, late, disabled } = realm.read(async |connection| notices::trouble(connection).await).await?;
    let name = kind.schema();
    if failed > 0 {
        findings.wrong(
            format!("in the {name} realm {failed} notices were given up"),
            format!(
                "`vartai notice list --failed --realm {name}` says why; `vartai notice retry --all --realm {name}` sends them"
            ),
        );
    }
    if late > 0 {
        findings.wrong(
            format!("in the {name} realm {late} notices have waited for more than ten minutes"),
            "start `vartai worker`, or `vartai serve --with-worker`, and see its log",
        );
    }
    if disabled > 0 {
        findings.wrong(
            format!("in the {name} realm {disabled} webhooks are switched off since nothing could be delivered"),
            "ask their customers, and `vartai customer webhook set` or `remove` them",
        );
    }
    if (failed, late, disabled) == (0, 0, 0) {
        findings.well(format!("in the {name} realm notices get through"));
    }
    Ok(())
}

async fn staff(installation: &Installation, findings: &mut Findings) -> Result<(), Failure> {
    let filter = OrderFilter { manual: true, ..OrderFilter::default() };
    let waiting = installation.database.live.read(async |connection| orders::list(connection, &filter).await).await?;
    // That is everyday work, not a fault.
    findings.well(match waiting.len() {
        0 => "nothing waits for staff".to_owned(),
        some => format!("{some} orders wait for staff: `vartai order list --manual`"),
    });
    Ok(())
}
