//! Random lives of a customer, against a model that knows nothing of the store: what is answered, what is left in the
//! wallets, and that the books balance.
//!
//! `VARTAI_TEST_SEED` repeats a run.

use domain::{
    billing::InvoiceId,
    domain_name::DomainName,
    field::Field,
    money::Money,
    orders::{OrderId, PowerOperation, Unpaid, parse_addons},
};
use store::{
    Error,
    invoices::PaidFrom,
    ledger::{self, Movement},
    orders::{Buyer, PlaceFailure, PowerFailure, RenewFailure},
};
use testkit::{Dice, TestDb};

use crate::acts::{
    cancel, hosting, invoices_of, months, power, renewal, terminate, try_pay, try_place, try_renew, vds, wallets,
};

const SEQUENCES: u64 = 3;
const STEPS: usize = 150;
const DOMAINS: [&str; 4] = ["one.lt", "two.lt", "ąžuolas.lt", "four.example"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Life {
    Awaited,
    Running,
    Suspended,
    Ended,
}

#[derive(Debug)]
struct Known {
    id: OrderId,
    domain: Option<&'static str>,
    monthly: i64,
    life: Life,
    owes: Option<(InvoiceId, i64)>,
    /// Credit and bonus that were taken for it.
    paid: (i64, i64),
}

impl Known {
    fn pay(&mut self, (credit, bonus): (i64, i64)) {
        self.paid.0 += credit;
        self.paid.1 += bonus;
    }
}

/// What the wallets hold, in cents, and what became of the orders.
#[derive(Debug, Default)]
struct Model {
    credit: i64,
    bonus: i64,
    orders: Vec<Known>,
}

impl Model {
    /// Takes the cost, bonus first, if there is as much. What was taken of credit and of bonus.
    fn charge(&mut self, cost: i64) -> Option<(i64, i64)> {
        let taken = (cost - self.bonus.min(cost), self.bonus.min(cost));
        (self.credit >= taken.0).then(|| {
            self.credit -= taken.0;
            self.bonus -= taken.1;
            taken
        })
    }
}

/// The price list, written down a second time: percents times 10, by tariff and months.
fn cost(hosting: bool, setup: i64, monthly: i64, count: u16) -> Option<i64> {
    let per_mille = match (hosting, count) {
        (_, 1) => 1000,
        (true, 3) => 950,
        (true, 6) => 900,
        (true, 12) => 850,
        (false, 3) => 970,
        (false, 6) => 925,
        (false, 12) => 900,
        (false, 24) if setup == 0 => 800,
        _ => return None,
    };
    Some(setup + (monthly * i64::from(count) * per_mille + 500) / 1000)
}

/// One customer's life.
struct Run<'a> {
    db: &'a TestDb,
    ann: Buyer,
    dice: Dice,
    model: Model,
}

impl Run<'_> {
    /// Does something at random; says what, what the model expects, and what came of it.
    async fn step(&mut self) -> (String, String, String) {
        match self.dice.below(14) {
            0..=2 => self.move_money().await,
            3..=6 => self.place().await,
            _ if self.model.orders.is_empty() => self.place().await,
            7..=8 => self.renew().await,
            9..=10 => self.settle().await,
            11..=12 => self.power().await,
            _ => self.end().await,
        }
    }

    async fn move_money(&mut self) -> (String, String, String) {
        let minor = i64::try_from(self.dice.below(6_000)).unwrap();
        let movement = self.dice.of(&[Movement::Deposit, Movement::Withdrawal, Movement::Bonus]);
        let ann = self.ann;
        let moved = self.db.database.live.transaction("move", async |tx| {
            ledger::move_money(tx, ann.customer, movement, Money::minor(minor, ann.currency), "").await
        });
        let model = &mut self.model;
        let allowed = minor > 0 && (movement != Movement::Withdrawal || model.credit >= minor);
        match movement {
            _ if !allowed => {}
            Movement::Deposit => model.credit += minor,
            Movement::Withdrawal => model.credit -= minor,
            Movement::Bonus => model.bonus += minor,
        }
        (format!("{movement:?} {minor}"), allowed_or_refused(allowed), of_staff(moved.await))
    }

    async fn place(&mut self) -> (String, String, String) {
        let of_hosting = self.dice.below(2) == 0;
        let domain = if of_hosting || self.dice.below(3) == 0 { Some(self.dice.of(&DOMAINS)) } else { None };
        let extra = i64::try_from(self.dice.below(4)).unwrap();
        let count = self.dice.of(&[1, 3, 6, 12, 24, 5]);
        let unpaid = self.dice.of(&[Unpaid::Accept, Unpaid::Refuse]);
        let mut request = if of_hosting { hosting("example.lt") } else { vds() };
        request.period = Field::Given(months(count));
        request.domain = domain.map_or(Field::Absent, |domain| Field::Given(DomainName::parse(domain).unwrap()));
        if extra > 0 {
            request.addons = parse_addons(&if of_hosting { format!("1:{extra}") } else { format!("22:{extra},20") });
        }
        let (setup, monthly) = if of_hosting { (extra * 100, 300 + extra * 200) } else { (500, 990 + extra * 150) };
        // 24 months are for renewals only.
        let cost = if count == 24 { None } else { cost(of_hosting, setup, monthly, count) };
        let taken = self.model.orders.iter().any(|order| {
            domain.is_some() && order.domain == domain && order.life != Life::Ended && of_hosting == is_hosting(order)
        });
        let charged = if taken { None } else { cost.and_then(|cost| self.model.charge(cost)) };
        let expected = match cost {
            _ if taken => "DomainTaken",
            None => "Period",
            Some(_) if charged.is_some() => "done",
            Some(_) if unpaid == Unpaid::Accept => "owed",
            Some(_) => "NotEnough",
        };
        let came = match try_place(&self.db.database.live, &self.ann, &request, unpaid).await {
            Ok(placed) => {
                let paid = placed.placement.payment.is_made();
                let owes = if paid { None } else { Some(self.unpaid(placed.id).await) };
                let life = if paid { Life::Running } else { Life::Awaited };
                let paid_with = charged.unwrap_or_default();
                self.model.orders.push(Known { id: placed.id, domain, monthly, life, owes, paid: paid_with });
                if paid { "done".to_owned() } else { "owed".to_owned() }
            }
            Err(PlaceFailure::Decided(error)) => format!("{error:?}"),
            Err(PlaceFailure::Store(error)) => format!("{error:?}"),
        };
        (format!("place {request:?} {unpaid:?}, {cost:?}"), expected.to_owned(), came)
    }

    /// The unpaid invoice of an order, which must be there.
    async fn unpaid(&self, id: OrderId) -> (InvoiceId, i64) {
        let all = invoices_of(&self.db.database, id).await;
        let unpaid = all.iter().find(|invoice| invoice.status == "unpaid").unwrap();
        (InvoiceId(unpaid.id), unpaid.total)
    }

    fn any_order(&mut self) -> usize {
        usize::try_from(self.dice.below(self.model.orders.len() as u64)).unwrap()
    }

    async fn renew(&mut self) -> (String, String, String) {
        let at = self.any_order();
        let count = self.dice.of(&[1, 3, 6, 12, 24, 7]);
        let unpaid = self.dice.of(&[Unpaid::Accept, Unpaid::Refuse]);
        let Known { id, life, owes, monthly, .. } = self.model.orders[at];
        let cost = cost(is_hosting(&self.model.orders[at]), 0, monthly, count);
        let can_be = life != Life::Ended && owes.is_none();
        let charged = cost.filter(|_| can_be).and_then(|cost| self.model.charge(cost));
        self.model.orders[at].pay(charged.unwrap_or_default());
        let expected = match cost {
            _ if life == Life::Ended => "UnknownOrder",
            _ if owes.is_some() => "UnpaidInvoice",
            None => "Period",
            Some(_) if charged.is_some() => "done",
            Some(_) if unpaid == Unpaid::Accept => "owed",
            Some(_) => "NotEnough",
        };
        let came = match try_renew(&self.db.database, &self.ann, id, &renewal(count), unpaid).await {
            Ok(renewed) if renewed.renewal.payment.is_made() => "done".to_owned(),
            Ok(_) => {
                self.model.orders[at].owes = Some(self.unpaid(id).await);
                "owed".to_owned()
            }
            Err(RenewFailure::UnknownOrder) => "UnknownOrder".to_owned(),
            Err(RenewFailure::Decided(error)) => format!("{error:?}"),
            Err(RenewFailure::Store(error)) => format!("{error:?}"),
        };
        (format!("renew {id} for {count} {unpaid:?}, {cost:?}"), expected.to_owned(), came)
    }

    /// Pays or cancels an invoice; one that is not owed any more can't be.
    async fn settle(&mut self) -> (String, String, String) {
        let owing: Vec<usize> =
            (0..self.model.orders.len()).filter(|at| self.model.orders[*at].owes.is_some()).collect();
        let at = if owing.is_empty() { self.any_order() } else { self.dice.of(&owing) };
        let id = self.model.orders[at].id;
        let owes = self.model.orders[at].owes;
        let invoice = match owes {
            Some((invoice, _)) => invoice,
            None => InvoiceId(invoices_of(&self.db.database, id).await[0].id),
        };
        let how = self.dice.below(4);
        let store = &self.db.database;
        let outcome = match how {
            0 => try_pay(store, invoice, PaidFrom::Outside).await.map(drop),
            1 | 2 => try_pay(store, invoice, PaidFrom::Balance).await.map(drop),
            _ => cancel(store, invoice).await,
        };
        let charged = match (owes, how) {
            (None, _) => None,
            (Some((_, total)), 0) => Some((total, 0)),
            (Some((_, total)), 1 | 2) => self.model.charge(total),
            (Some(_), _) => Some((0, 0)),
        };
        let allowed = charged.is_some();
        if let Some(charged) = charged {
            let order = &mut self.model.orders[at];
            order.pay(charged);
            order.owes = None;
            order.life = match (order.life, how) {
                (Life::Awaited, 3) => Life::Ended,
                (Life::Awaited, _) => Life::Running,
                (life, _) => life,
            };
        }
        (format!("settle {owes:?} of {id}, way {how}"), allowed_or_refused(allowed), of_staff(outcome))
    }

    async fn power(&mut self) -> (String, String, String) {
        let at = self.any_order();
        let wanted = self.dice.of(&[
            PowerOperation::Suspend,
            PowerOperation::Unsuspend,
            PowerOperation::Restart,
            PowerOperation::Reinstall,
        ]);
        let order = &mut self.model.orders[at];
        let of_servers = matches!(wanted, PowerOperation::Restart | PowerOperation::Reinstall);
        let expected = match (wanted, order.life) {
            (_, Life::Ended) => "UnknownOrder",
            _ if of_servers && is_hosting(order) => "Unsupported",
            _ if order.owes.is_some() => "UnpaidInvoice",
            (PowerOperation::Unsuspend, Life::Running) => "Running",
            (PowerOperation::Unsuspend, _) => {
                order.life = Life::Running;
                "done"
            }
            (_, Life::Suspended) => "Suspended",
            (PowerOperation::Suspend, _) => {
                order.life = Life::Suspended;
                "done"
            }
            _ => "done",
        };
        let id = order.id;
        let came = match power(&self.db.database, &self.ann, id, wanted).await {
            Ok(_) => "done".to_owned(),
            Err(PowerFailure::UnknownOrder) => "UnknownOrder".to_owned(),
            Err(PowerFailure::Decided(error)) => format!("{error:?}"),
            Err(PowerFailure::Store(error)) => format!("{error:?}"),
        };
        (format!("{wanted:?} {id}"), expected.to_owned(), came)
    }

    async fn end(&mut self) -> (String, String, String) {
        let at = self.any_order();
        let order = &mut self.model.orders[at];
        let id = order.id;
        let allowed = order.life != Life::Ended;
        (order.life, order.owes) = (Life::Ended, None);
        // No worker is here: nothing was ever made, so all of it is returned.
        let (credit, bonus) = std::mem::take(&mut order.paid);
        self.model.credit += credit;
        self.model.bonus += bonus;
        let came = of_staff(terminate(&self.db.database, id).await);
        (format!("terminate {id}"), allowed_or_refused(allowed), came)
    }
}

/// Hosting costs 3.00 and 2.00 for each address, a server 9.90 and 1.50 for each GB.
fn is_hosting(order: &Known) -> bool {
    order.monthly % 100 == 0
}

fn allowed_or_refused(allowed: bool) -> String {
    if allowed { "done".to_owned() } else { "refused".to_owned() }
}

fn of_staff<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(Error::Refused(_)) => "refused".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// Where a run's dice begin: told, and repeated where `VARTAI_TEST_SEED` says so.
pub fn seed() -> u64 {
    let seed = std::env::var("VARTAI_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| getrandom::u64().unwrap());
    println!("VARTAI_TEST_SEED={seed}");
    seed
}

#[tokio::test]
async fn a_customer_s_life_is_as_the_model_has_it() {
    let seed = seed();
    for sequence in 0..SEQUENCES {
        let db = TestDb::with_demo_catalogue().await;
        let ann = db.customer("ann").add().await;
        let mut run = Run { db: &db, ann, dice: Dice(seed.wrapping_add(sequence)), model: Model::default() };
        for step in 0..STEPS {
            let (what, expected, came) = run.step().await;
            assert_eq!(came, expected, "seed {seed}, sequence {sequence}, step {step}: {what}; {:#?}", run.model);
            let left = wallets(&db.database, &ann).await;
            let (credit, bonus) = (run.model.credit, run.model.bonus);
            assert_eq!(
                (left.credit.in_minor(), left.bonus.in_minor()),
                (credit, bonus),
                "seed {seed}, sequence {sequence}, step {step}: {what}"
            );
            if step % 25 == 0 {
                db.verify_books().await;
            }
        }
        db.verify_books().await;
    }
}
