//! Every row of the error table, provoked: for each command each fault that it declares.

use std::collections::BTreeSet;

use gateway_http::{
    Gateway,
    commands::COMMANDS,
    faults::{Dialect, Fault},
};

use crate::support::{App, as_customer, call, code, dialect, in_test_mode};

/// Pairs of command and code that no test provokes yet. It may only shrink.
const NOT_PROVOKED: &[(&str, u16)] = &[];

/// What was provoked so far.
#[derive(Default)]
struct Seen(BTreeSet<(&'static str, u16)>);

impl Seen {
    async fn provoke(&mut self, gateway: &Gateway, command: &'static str, fields: &[(&str, String)], wanted: Fault) {
        let answer = call(gateway, fields).await;
        assert_eq!(
            code(&answer),
            Some(wanted.code()),
            "{command} with {:?}: {answer}",
            fields.iter().map(|f| f.0).collect::<Vec<_>>()
        );
        self.0.insert((command, wanted.code()));
    }

    /// By `ann`, with her key.
    async fn ann(&mut self, app: &App, command: &'static str, fields: &[(&str, &str)], wanted: Fault) {
        self.provoke(&app.gateway, command, &as_customer("ann", command, fields), wanted).await;
    }
}

/// What any command can answer, whatever its fields.
async fn common(app: &App, seen: &mut Seen) {
    let impatient = app.impatient();
    let (proxy, unreachable) = app.db.behind_proxy().await;
    let without_database = App::gateway_on(unreachable, dialect(Dialect::Friendhosting));
    proxy.refuse();
    for command in COMMANDS {
        let name = command.spec().name;
        let with = |fields: &[(&'static str, &str)]| {
            let named = fields.iter().map(|(n, v)| (*n, (*v).to_owned()));
            named.chain([("command", name.to_owned())]).collect::<Vec<_>>()
        };
        let key = ("apikey", "ann-key");
        let here = &app.gateway;
        seen.provoke(here, name, &with(&[key]), Fault::NoLogin).await;
        seen.provoke(here, name, &with(&[("login", "ann"), key, ("pass", "x")]), Fault::TwoSecrets).await;
        seen.provoke(here, name, &with(&[("login", "ann")]), Fault::NoSecret).await;
        seen.provoke(here, name, &with(&[("login", "nobody"), key]), Fault::UnknownLogin).await;
        seen.provoke(here, name, &with(&[("login", "fenced"), ("apikey", "wrong")]), Fault::AddressRefused).await;
        seen.provoke(here, name, &with(&[("login", "ann"), ("apikey", "ben-key")]), Fault::WrongSecret).await;
        seen.provoke(here, name, &with(&[("login", "closed"), ("apikey", "closed-key")]), Fault::ApiOff).await;
        seen.provoke(&without_database, name, &with(&[("login", "ann"), key]), Fault::NoDatabase).await;
        call(&impatient, &with(&[("login", "ann"), ("pass", "wrong")])).await;
        seen.provoke(&impatient, name, &with(&[("login", "ann"), ("pass", name)]), Fault::TooManyRequests).await;
        let unknown = as_customer("ann", "dropTables", &[]);
        seen.provoke(here, name, &unknown, Fault::UnknownCommand).await;
        // To whom a command isn't there, its fields aren't looked at.
        if !command.tries() {
            seen.ann(app, name, &[("strict", "1"), ("unheard_of", "x")], Fault::BadField).await;
        }
    }
}

/// What any command that writes can answer of its requestid, and when its write fails.
async fn of_writing(app: &App, seen: &mut Seen) {
    let order = app.running_order().await;
    let suspended = app.running_order().await;
    let suspend =
        format!("update live.orders set state = 'suspended', suspended_by = 'customer' where id = {suspended}");
    app.db.run_sql(&suspend).await;
    let refuse = "create function live.refuse_all() returns trigger language plpgsql as \
         $$ begin raise exception 'the disk is full'; end $$; \
         create trigger full_task before insert on live.task execute function live.refuse_all(); \
         create trigger full_invoice before insert on live.invoice execute function live.refuse_all()";
    app.db.run_sql(refuse).await;
    let before = snapshot(app).await;
    for command in COMMANDS.iter().filter(|c| c.writes() && !c.tries()) {
        let name = command.spec().name;
        let order = if name == "unSuspendOrder" { &suspended } else { &order };
        let fields =
            [("orderid", order.as_str()), ("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")];
        seen.ann(app, name, &fields, Fault::NotSaved).await;
        seen.ann(app, name, &[&fields[..], &[("requestid", "kept")]].concat(), Fault::NotSaved).await;
        seen.ann(app, name, &[("requestid", "no spaces")], Fault::BadField).await;
    }
    assert_eq!(snapshot(app).await, before, "a failed write left something behind");
    app.db.run_sql("drop function live.refuse_all cascade").await;
    let first = app.ann("suspendOrder", &[("orderid", &order), ("requestid", "used")]).await;
    assert_eq!(code(&first), None, "{first}");
    for command in COMMANDS.iter().filter(|c| c.writes() && !c.tries()) {
        seen.ann(app, command.spec().name, &[("requestid", "used")], Fault::RequestIdReused).await;
    }
}

/// The same of the commands that are there for test keys alone.
async fn of_trying(app: &App, seen: &mut Seen) {
    let realm = app.test_mode("ann").await.name;
    for command in COMMANDS.iter().filter(|c| c.tries()) {
        let name = command.spec().name;
        let fields: Vec<_> = command.spec().fields.iter().filter(|f| f.name != "requestid").collect();
        let good: Vec<_> = fields.iter().map(|f| (f.name, f.example)).collect();
        let with = |id: &'static str| in_test_mode("ann", name, &[&good[..], &[("requestid", id)]].concat());
        seen.provoke(&app.gateway, name, &with("no spaces"), Fault::BadField).await;
        let refuse = "raise exception 'the disk is full'; end $$; create trigger full_clock before update on";
        let refuse = format!(
            "create function {realm}.refuse_all() returns trigger language plpgsql as $$ begin {refuse} \
             {realm}.clock for each row execute function {realm}.refuse_all()"
        );
        app.db.run_sql(&refuse).await;
        seen.provoke(&app.gateway, name, &with("kept"), Fault::NotSaved).await;
        app.db.run_sql(&format!("drop function {realm}.refuse_all cascade")).await;
        assert_eq!(code(&call(&app.gateway, &with("kept")).await), None);
        let other = in_test_mode("ann", name, &[("requestid", "kept")]);
        seen.provoke(&app.gateway, name, &other, Fault::RequestIdReused).await;
    }
}

/// All that a failed write could leave behind.
async fn snapshot(app: &App) -> String {
    let rows =
        ["orders", "invoice", "invoice_line", "task", "journal", "entry", "saved_answer", "account", "service_period"]
            .map(|table| {
                format!("(select coalesce(string_agg(t::text, '|' order by t::text), '') from live.{table} t)")
            })
            .join(" || '#' || ");
    app.db.value(&format!("select {rows}")).await
}

async fn of_create(app: &App, seen: &mut Seen) {
    let c = "createOrder";
    let start = [("tarifid", "1"), ("period", "1"), ("domain", "one.example")];
    seen.ann(app, c, &[("vid", "cloud")], Fault::BadVid).await;
    seen.ann(app, c, &[], Fault::NoTariffId).await;
    seen.ann(app, c, &[("tarifid", "10")], Fault::UnknownTariff).await;
    seen.ann(app, c, &[("tarifid", "1")], Fault::BadDomain).await;
    assert_eq!(code(&app.ann(c, &start).await), None);
    seen.ann(app, c, &start, Fault::AlreadyOrdered).await;
    let other = [("tarifid", "1"), ("domain", "two.example")];
    seen.ann(app, c, &other, Fault::NoPeriod).await;
    seen.ann(app, c, &[&other[..], &[("period", "2")]].concat(), Fault::BadPeriod).await;
    let month = [&other[..], &[("period", "1")]].concat();
    seen.ann(app, c, &[&month[..], &[("addons", "77")]].concat(), Fault::BadAddon).await;
    seen.ann(app, c, &[&month[..], &[("addons", "1:5")]].concat(), Fault::BadQuantity).await;
    seen.ann(app, c, &[("vid", "vds"), ("tarifid", "10"), ("period", "1")], Fault::GroupRequired).await;
    seen.ann(app, c, &[("vid", "vds"), ("tarifid", "11"), ("period", "1")], Fault::Manual).await;
    let trial = [("tarifid", "2"), ("period", "1"), ("domain", "trial.example")];
    assert_eq!(code(&app.ann(c, &trial).await), None);
    seen.ann(app, c, &trial, Fault::OncePerCustomer).await;
    let dear = as_customer("poor", c, &month);
    let strict = app.with(dialect(Dialect::Rootpanel));
    seen.provoke(&strict, c, &dear, Fault::AwaitingPayment).await;
    seen.provoke(&app.gateway, c, &dear, Fault::AwaitingPayment).await;
}

async fn of_renew(app: &App, seen: &mut Seen) {
    let c = "renewOrder";
    let order = app.running_order().await;
    let of = |more: &[(&'static str, &'static str)]| [&[("orderid", order.as_str())], more].concat();
    seen.ann(app, c, &[], Fault::NoOrderId).await;
    seen.ann(app, c, &[("orderid", "0")], Fault::UnknownOrder).await;
    seen.ann(app, c, &of(&[("expect_todate", "2001-01-01")]), Fault::OtherToDate).await;
    seen.ann(app, c, &of(&[]), Fault::NoPeriod).await;
    seen.ann(app, c, &of(&[("period", "5")]), Fault::BadPeriod).await;
    seen.ann(app, c, &of(&[("period", "1"), ("expect_todate", "tomorrow")]), Fault::BadField).await;
    let manual = app.ann("createOrder", &[("vid", "vds"), ("tarifid", "11"), ("period", "1")]).await;
    let manual = manual["orderid"].as_str().unwrap();
    seen.ann(app, c, &[("orderid", manual), ("period", "1")], Fault::Manual).await;
    app.db.run_sql("update live.customer set api_enabled = true where login = 'closed'").await;
    let (strict, owed) = (app.with(dialect(Dialect::Rootpanel)), app.running_order().await);
    app.db.run_sql(&format!("update live.orders set fixed_monthly = 100000000 where id = {owed}")).await;
    let dear = as_customer("ann", c, &[("orderid", &owed), ("period", "1")]);
    seen.provoke(&strict, c, &dear, Fault::AwaitingPayment).await;
    seen.provoke(&app.gateway, c, &dear, Fault::AwaitingPayment).await;
    seen.provoke(&app.gateway, c, &dear, Fault::UnpaidInvoices).await;
}

async fn of_power(app: &App, seen: &mut Seen) {
    let hosting = app.ann("createOrder", &[("tarifid", "1"), ("period", "1"), ("domain", "power.example")]).await;
    let hosting = hosting["orderid"].as_str().unwrap().to_owned();
    let manual = app.ann("createOrder", &[("vid", "vds"), ("tarifid", "11"), ("period", "1")]).await;
    let manual = manual["orderid"].as_str().unwrap().to_owned();
    let (late, running, suspended) = (app.running_order().await, app.running_order().await, app.running_order().await);
    app.db
        .run_sql(&format!(
            "update live.orders set paid_until = current_date - 3, start_day = current_date - 33 where id = {late}"
        ))
        .await;
    let suspend =
        format!("update live.orders set state = 'suspended', suspended_by = 'customer' where id = {suspended}");
    app.db.run_sql(&suspend).await;
    let owed =
        app.by("poor", "createOrder", &[("vid", "vds"), ("tarifid", "10"), ("period", "1"), ("addons", "20")]).await;
    let owed = owed["orderid"].as_str().unwrap().to_owned();
    for c in ["suspendOrder", "unSuspendOrder", "restartOrder", "reinstallOrder"] {
        seen.ann(app, c, &[], Fault::NoOrderId).await;
        seen.ann(app, c, &[("orderid", "999999")], Fault::UnknownOrder).await;
        seen.provoke(&app.gateway, c, &as_customer("poor", c, &[("orderid", &owed)]), Fault::UnpaidInvoices).await;
        seen.ann(app, c, &[("orderid", &late)], Fault::Overdue).await;
        seen.ann(app, c, &[("orderid", &manual)], Fault::Manual).await;
    }
    for c in ["suspendOrder", "restartOrder", "reinstallOrder"] {
        seen.ann(app, c, &[("orderid", &suspended)], Fault::AlreadySuspended).await;
    }
    seen.ann(app, "unSuspendOrder", &[("orderid", &running)], Fault::AlreadyRunning).await;
    for c in ["restartOrder", "reinstallOrder"] {
        seen.ann(app, c, &[("orderid", &hosting)], Fault::Unsupported).await;
    }
}

async fn of_reading(app: &App, seen: &mut Seen) {
    let nothing = app.by("ben", "getOrders", &[]).await;
    assert_eq!(code(&nothing), Some(26));
    let by_ben = as_customer("ben", "getOrders", &[]);
    seen.provoke(&app.gateway, "getOrders", &by_ben, Fault::NoOrders).await;
    seen.ann(app, "getOrders", &[("orderid", "abc")], Fault::UnknownOrder).await;
    seen.ann(app, "getOrders", &[("limit", "0")], Fault::BadField).await;
    seen.ann(app, "getTarifs", &[("vid", "cloud")], Fault::BadVid).await;
    let mut catalogue = testkit::TestDb::demo_catalogue();
    for tariff in &mut catalogue.tariffs {
        tariff.for_sale = false;
    }
    app.db.apply_catalogue(&catalogue).await;
    seen.ann(app, "getTarifs", &[], Fault::NoTariffs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_fault_is_provoked() {
    let app = App::new().await;
    let mut seen = Seen::default();
    common(&app, &mut seen).await;
    of_writing(&app, &mut seen).await;
    of_trying(&app, &mut seen).await;
    of_create(&app, &mut seen).await;
    of_renew(&app, &mut seen).await;
    of_power(&app, &mut seen).await;
    of_reading(&app, &mut seen).await;
    app.db.verify_books().await;

    let pairs = COMMANDS.iter().flat_map(|c| Fault::ALL.iter().map(move |f| (*c, *f)));
    let declared: BTreeSet<(&str, u16)> =
        pairs.filter(|(c, f)| c.may_answer(*f)).map(|(c, f)| (c.spec().name, f.code())).collect();
    let left: BTreeSet<_> = declared.difference(&seen.0).copied().collect();
    assert_eq!(left, NOT_PROVOKED.iter().copied().collect(), "left: what no test provokes; right: what is listed so");
    let undeclared: Vec<_> = seen.0.difference(&declared).collect();
    assert!(undeclared.is_empty(), "answered and not declared: {undeclared:?}");
    let codes: BTreeSet<u16> = seen.0.iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, Fault::ALL.iter().map(|f| f.code()).collect(), "rows of the error table that no test provokes");
}
