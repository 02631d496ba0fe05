//! What customers, staff and workers do at random. Each act is done in the store and in the oracle, and what came of it
//! must be what the oracle says.

use std::fmt::Debug;

use domain::{
    billing::InvoiceId,
    calendar::Months,
    catalogue::{TariffId, Vid},
    domain_name::DomainName,
    field::Field,
    money::Money,
    orders::{PlaceRequest, PowerOperation, RenewRequest, Unpaid, parse_addons},
};
use jiff::ToSpan;
use store::{
    Error, Tx,
    invoices::{self, Credit, PaidFrom, Refund},
    ledger::{self, Movement, NewBonus},
    orders::{self, PlaceFailure, PowerFailure, RenewFailure},
};

use super::{
    World,
    oracle::{Kind, Service, State},
};

const DOMAINS: [&str; 6] = ["one.lt", "two.lt", "ąžuolas.lt", "four.example", "five.example", "šeši.lt"];
const MONTHS: [u16; 8] = [1, 1, 1, 3, 6, 12, 24, 5];

fn months(count: u16) -> Field<Months> {
    Field::Given(Months::new(count).unwrap())
}

fn allowed(allowed: bool) -> String {
    if allowed { "done".to_owned() } else { "refused".to_owned() }
}

/// What came of something that staff do.
fn of_staff<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(Error::Refused(_)) => "refused".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

impl World {
    fn tell(&self, what: &str, expected: &str, came: &str, at: usize) {
        assert_eq!(came, expected, "step {}: {what}; {:#?}", self.step, self.lives[at]);
    }

    /// Something that is done to a customer's order, or to its money.
    pub async fn act(&mut self, at: usize) -> String {
        let dice = self.dice.below(23);
        let is_live = self.lives[at].service.as_ref().is_some_and(Service::is_live);
        let (what, expected, came) = match dice {
            0..=4 => self.move_money(at).await,
            5 if self.lives[at].service.is_some() => self.restore(at).await,
            6 if self.lives[at].service.is_some() => self.refund(at).await,
            _ if !is_live => self.place(at).await,
            7..=10 => self.renew(at).await,
            11..=13 => self.settle(at).await,
            14..=15 => self.power(at).await,
            16..=17 => self.turn_auto_renew(at).await,
            18 => self.refund(at).await,
            19..=21 => self.change(at).await,
            _ => self.terminate(at).await,
        };
        self.tell(&what, &expected, &came, at);
        what
    }

    async fn move_money(&mut self, at: usize) -> (String, String, String) {
        let minor = self.dice.of(&[0_i64, 1, 300, 999, 1620, 3060, 12_000]);
        let movement = self.dice.of(&[Movement::Deposit, Movement::Deposit, Movement::Withdrawal, Movement::Bonus]);
        let last = self.dice.of(&[None, Some(0), Some(2), Some(20), Some(60)]);
        let until = last.map(|days: i64| self.today.saturating_add(days.days()));
        let (buyer, purse) = (self.lives[at].buyer, &mut self.lives[at].purse);
        let may = minor > 0 && (movement != Movement::Withdrawal || purse.credit >= minor);
        match movement {
            _ if !may => {}
            Movement::Deposit => (purse.credit, purse.cash) = (purse.credit + minor, purse.cash + minor),
            Movement::Withdrawal => (purse.credit, purse.cash) = (purse.credit - minor, purse.cash - minor),
            Movement::Bonus => purse.give(minor, until),
        }
        let amount = Money::minor(minor, buyer.currency);
        let moving = async |tx: &mut Tx| match movement {
            Movement::Deposit | Movement::Withdrawal => {
                ledger::move_money(tx, buyer.customer, movement, amount, "").await
            }
            Movement::Bonus => {
                ledger::grant_bonus(tx, buyer.customer, &NewBonus { amount, reason: "", expires_on: until }).await
            }
        };
        let came = self.bed.live().transaction("move", moving).await;
        (format!("{movement:?} {minor} of {at}, until {until:?}"), allowed(may), of_staff(came))
    }

    async fn place(&mut self, at: usize) -> (String, String, String) {
        let kind = self.dice.of(&[Kind::Hosting, Kind::Vds]);
        let (extra, count) = (i64::try_from(self.dice.below(3)).unwrap(), self.dice.of(&MONTHS));
        let unpaid = self.dice.of(&[Unpaid::Accept, Unpaid::Accept, Unpaid::Refuse]);
        let domain = (kind == Kind::Hosting).then(|| self.dice.of(&DOMAINS));
        let mut addons = if kind == Kind::Vds { vec!["20".to_owned()] } else { Vec::new() };
        if extra > 0 {
            addons.push(format!("{}:{extra}", if kind == Kind::Vds { 22 } else { 1 }));
        }
        let request = PlaceRequest {
            vid: Field::Given(if kind == Kind::Vds { Vid::Vds } else { Vid::Hosting }),
            tariff: Field::Given(TariffId(if kind == Kind::Vds { 10 } else { 1 })),
            period: months(count),
            domain: domain.map_or(Field::Absent, |domain| Field::Given(DomainName::parse(domain).unwrap())),
            addons: if addons.is_empty() { Vec::new() } else { parse_addons(&addons.join(",")) },
        };
        let taken = self.is_taken(domain, at);
        let cost = kind.cost(extra, count, true).filter(|_| !taken);
        let mut service = Service {
            id: domain::orders::OrderId(0),
            kind,
            extra,
            domain,
            ordered: self.today,
            until: None,
            anchor: 1,
            last: count,
            auto: false,
            state: State::Awaiting,
            lapsed: None,
            owes: Some(count),
            ahead: None,
            paid: Vec::new(),
            intervals: Vec::new(),
            restorable: None,
        };
        let purse = &self.lives[at].purse;
        let enough = cost.is_some_and(|cost| purse.credit + purse.bonus() >= cost);
        let expected = match cost {
            _ if taken => "DomainTaken",
            None => "Period",
            Some(_) if enough => "done",
            Some(_) if unpaid == Unpaid::Accept => "owed",
            Some(_) => "NotEnough",
        };
        let buyer = self.lives[at].buyer;
        let placing = async |tx: &mut Tx| orders::place(tx, &buyer, &request, unpaid).await;
        let came = match self.bed.live().transaction("place", placing).await {
            Ok(placed) => {
                service.id = placed.id;
                let today = self.today;
                let life = &mut self.lives[at];
                life.service = Some(service);
                if placed.placement.payment.is_made() {
                    assert!(life.pay(count, today), "step {}: paid, and the oracle has no money", self.step);
                    "done".to_owned()
                } else {
                    "owed".to_owned()
                }
            }
            Err(PlaceFailure::Decided(error)) => format!("{error:?}"),
            Err(PlaceFailure::Store(error)) => panic!("{error}"),
        };
        (format!("{at} places {kind:?} with {extra} for {count}, {unpaid:?}"), expected.to_owned(), came)
    }

    /// Whether somebody else's live order, or another of this customer's, has the domain.
    fn is_taken(&self, domain: Option<&str>, but: usize) -> bool {
        let others =
            self.lives.iter().enumerate().filter(|(n, _)| *n != but).filter_map(|(_, life)| life.service.as_ref());
        domain.is_some() && others.filter(|service| service.is_live()).any(|service| service.domain == domain)
    }

    async fn renew(&mut self, at: usize) -> (String, String, String) {
        let (count, today) = (self.dice.of(&MONTHS), self.today);
        let unpaid = self.dice.of(&[Unpaid::Accept, Unpaid::Refuse]);
        let expects = self.dice.below(3);
        let buyer = self.lives[at].buyer;
        let service = self.lives[at].service();
        let id = service.id;
        let day = match expects {
            0 => None,
            1 => service.until,
            _ => Some(service.until.unwrap_or(today).saturating_sub(1.days())),
        };
        let request = RenewRequest { period: months(count), expect_todate: day.map_or(Field::Absent, Field::Given) };
        let for_sale = service.kind.cost(service.extra, count, false).is_some();
        let owes = service.owes.is_some();
        let expected = match day {
            Some(day) if service.until != Some(day) => "OtherDay",
            _ if owes => "UnpaidInvoice",
            _ if !for_sale => "Period",
            _ if self.lives[at].pay(count, today) => "done",
            _ if unpaid == Unpaid::Accept => {
                let service = self.lives[at].service();
                (service.owes, service.ahead) = (Some(count), None);
                "owed"
            }
            _ => "NotEnough",
        };
        let renewing = async |tx: &mut Tx| orders::renew(tx, &buyer, id, &request, unpaid).await;
        let came = match self.bed.live().transaction("renew", renewing).await {
            Ok(renewed) if renewed.renewal.payment.is_made() => "done".to_owned(),
            Ok(_) => "owed".to_owned(),
            Err(RenewFailure::Decided(error)) => name(&error),
            Err(RenewFailure::UnknownOrder) => "UnknownOrder".to_owned(),
            Err(RenewFailure::Store(error)) => panic!("{error}"),
        };
        (format!("{at} renews {id} for {count}, {unpaid:?}, expecting {day:?}"), expected.to_owned(), came)
    }

    /// An unpaid invoice is paid from the balance or from outside, or cancelled.
    async fn settle(&mut self, at: usize) -> (String, String, String) {
        let today = self.today;
        let service = self.lives[at].service();
        let (id, begun) = (service.id, service.until.is_some());
        let Some(count) = service.owes.or(service.ahead) else {
            return ("nothing to pay".to_owned(), String::new(), String::new());
        };
        let query = "select id from live.invoice where order_id = $1 and status = 'unpaid'";
        let invoice = InvoiceId(self.owner.query_one(query, &[&id.0]).await.unwrap().get(0));
        let (how, live) = (self.dice.below(5), self.bed.live());
        let from = if how < 2 { PaidFrom::Balance } else { PaidFrom::Outside };
        let came = if how < 4 {
            live.transaction("pay", async |tx: &mut Tx| invoices::pay(tx, invoice, from, "").await).await.map(drop)
        } else {
            live.transaction("cancel", async |tx: &mut Tx| invoices::cancel(tx, invoice).await).await
        };
        let life = &mut self.lives[at];
        let may = match how {
            0 | 1 => life.pay(count, today),
            2 | 3 => {
                life.pay_outside(count, today);
                true
            }
            _ if begun => {
                let service = life.service();
                (service.owes, service.ahead) = (None, None);
                true
            }
            _ => {
                life.service().end();
                true
            }
        };
        (format!("{at} settles {count} months of {id}, way {how}"), allowed(may), of_staff(came))
    }

    async fn refund(&mut self, at: usize) -> (String, String, String) {
        let (customer, step) = (self.lives[at].buyer, self.step);
        let service = self.lives[at].service();
        if service.paid.is_empty() {
            return ("nothing to take back".to_owned(), String::new(), String::new());
        }
        let (id, all) = (service.id, service.paid.clone());
        let of = self.dice.index(all.len());
        let query = "select id from live.invoice where order_id = $1 and status = 'paid' order by id";
        let invoice = InvoiceId(self.owner.query(query, &[&id.0]).await.unwrap()[of].get(0));
        let left = all[of].total - all[of].refunded;
        let amount = match self.dice.below(4) {
            0 => None,
            1 => Some(left + 1),
            _ => Some(i64::try_from(self.dice.below(left.unsigned_abs() + 1)).unwrap()),
        };
        let outside = self.dice.below(4) == 0;
        let (cause, refund) = (format!("step {step}"), if outside { Refund::Outside } else { Refund::Wallets });
        let wanted = Credit {
            amount: amount.map(|minor| Money::minor(minor, customer.currency)),
            cause: &cause,
            note: "the dice",
            refund,
        };
        let crediting = async |tx: &mut Tx| invoices::credit(tx, invoice, &wanted).await;
        let came = self.bed.live().transaction("credit", crediting).await.map(drop);
        let took = amount.unwrap_or(left);
        let may = took > 0 && took <= left;
        if may {
            self.lives[at].refund(of, took, outside);
            // The same cause again finds what is there.
            let again = self.bed.live().transaction("credit", crediting).await.unwrap();
            assert!(!again.new, "step {step}: a second credit note for one cause");
        }
        (format!("{amount:?} of {left} of invoice {invoice:?}, outside {outside}"), allowed(may), of_staff(came))
    }

    async fn power(&mut self, at: usize) -> (String, String, String) {
        let wanted = self.dice.of(&[PowerOperation::Suspend, PowerOperation::Unsuspend]);
        let (buyer, today) = (self.lives[at].buyer, self.today);
        let service = self.lives[at].service();
        let id = service.id;
        let expected = match (wanted, service.state) {
            _ if service.owes.is_some() => "UnpaidInvoice",
            _ if service.is_overdue(today) => "Overdue",
            (PowerOperation::Suspend, State::Running) => {
                service.state = State::ByCustomer;
                "done"
            }
            (PowerOperation::Suspend, _) => "Suspended",
            (_, State::Running) => "Running",
            _ => {
                service.state = State::Running;
                "done"
            }
        };
        let changing = async |tx: &mut Tx| orders::change_power(tx, buyer.customer, id, wanted).await;
        let came = match self.bed.live().transaction("power", changing).await {
            Ok(_) => "done".to_owned(),
            Err(PowerFailure::Decided(error)) => name(&error),
            Err(PowerFailure::UnknownOrder) => "UnknownOrder".to_owned(),
            Err(PowerFailure::Store(error)) => panic!("{error}"),
        };
        (format!("{wanted:?} {id}"), expected.to_owned(), came)
    }

    async fn turn_auto_renew(&mut self, at: usize) -> (String, String, String) {
        let service = self.lives[at].service();
        service.auto = !service.auto;
        let (id, auto) = (service.id, service.auto);
        let setting = async |tx: &mut Tx| orders::set_auto_renew(tx, id, auto).await;
        let came = self.bed.live().transaction("set", setting).await;
        (format!("{id} renews by itself: {auto}"), allowed(true), of_staff(came))
    }

    async fn terminate(&mut self, at: usize) -> (String, String, String) {
        let id = self.lives[at].service().id;
        let ending = async |tx: &mut Tx| orders::terminate(tx, id, None).await;
        let came = self.bed.live().transaction("terminate", ending).await;
        self.lives[at].service().end();
        (format!("{id} is terminated"), allowed(true), of_staff(came))
    }

    /// The end of an order is taken back; or its server is removed, and that can't be any more.
    async fn restore(&mut self, at: usize) -> (String, String, String) {
        let today = self.today;
        let removed = self.dice.below(3) == 0;
        let service = self.lives[at].service();
        let (id, domain) = (service.id, service.domain);
        if removed && !service.is_live() {
            service.restorable = None;
            let gone = "update live.task set state = 'succeeded', assigned_at = now(), completed_at = now() \
                        where state = 'queued' and operation = 'server_destroy' and order_id = $1";
            self.owner.execute(gone, &[&id.0]).await.unwrap();
        }
        let may = self.lives[at].service().restorable.is_some() && !self.is_taken(domain, at);
        let restoring = async |tx: &mut Tx| orders::restore(tx, id).await;
        let came = self.bed.live().transaction("restore", restoring).await;
        if may {
            self.lives[at].service().restore(today);
        }
        (format!("{id} is restored, removed {removed}"), allowed(may), of_staff(came))
    }
}

/// A decision's name, without what it carries.
fn name(of: &impl Debug) -> String {
    let text = format!("{of:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}
