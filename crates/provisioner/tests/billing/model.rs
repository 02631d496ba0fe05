//! Random lives of several customers, their days and the billing run's, against a model of wallets, invoices and
//! intervals that is written down a second time, in plain integers.
//!
//! `VARTAI_TEST_SEED` repeats a run, `VARTAI_TEST_STEPS` makes it longer.

use domain::{
    billing::InvoiceId,
    calendar::{Months, add_months},
    field::Field,
    orders::{OrderId, RenewRequest, Unpaid},
};
use jiff::civil::Date;
use store::{
    Error,
    RealmKind::Live,
    Tx,
    invoices::{self, PaidFrom},
    orders::{self, Buyer, RenewFailure},
};

use crate::bed::Bed;

const CUSTOMERS: usize = 5;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// Hosting at 3.00 a month, less 5, 10 and 15 percent.
fn price(months: u16) -> i64 {
    match months {
        1 => 300,
        3 => 855,
        6 => 1620,
        12 => 3060,
        other => panic!("there is no period of {other} months"),
    }
}

/// A customer with its one order, as the model has it.
#[derive(Debug)]
struct Life {
    buyer: Buyer,
    id: OrderId,
    credit: i64,
    until: Date,
    anchor: i8,
    last: u16,
    auto: bool,
    state: &'static str,
    lapsed: Option<Date>,
    /// Months of the renewal that was asked for and is unpaid.
    owes: Option<u16>,
    /// Months of the proforma raised ahead.
    ahead: Option<u16>,
    /// Days paid for.
    intervals: i64,
}

impl Life {
    /// Takes the price, if it is there, and goes on.
    fn renew(&mut self, months: u16, today: Date) -> bool {
        if self.credit < price(months) {
            return false;
        }
        self.credit -= price(months);
        self.until = add_months(self.until, Months::new(months).unwrap(), self.anchor).unwrap();
        (self.last, self.owes, self.lapsed) = (months, None, None);
        self.intervals += 1;
        if self.state == "suspended" && self.until >= today {
            self.state = "active";
        }
        true
    }

    /// A run on a day, as operations.md tells it.
    fn run(&mut self, today: Date) {
        let left = today.until(self.until).unwrap().get_days();
        if self.state == "terminated" {
            return;
        }
        if self.auto && left <= 3 {
            // What was asked for goes first.
            let months = self.owes.unwrap_or(self.last);
            if self.renew(months, today) {
                self.ahead = None;
                return;
            }
        }
        let ends = self.lapsed.is_some_and(|since| since.until(today).unwrap().get_days() >= 14);
        if ends {
            (self.state, self.owes, self.ahead) = ("terminated", None, None);
            return;
        }
        if self.owes.is_none() && self.ahead.is_none() && left <= if self.auto { 3 } else { 14 } {
            self.ahead = Some(self.last);
        }
        if self.lapsed.is_none() && left < -3 {
            (self.state, self.lapsed) = ("suspended", Some(today));
        }
    }
}

async fn invoice(bed: &Bed, life: &Life, ahead: bool) -> InvoiceId {
    let query =
        format!("select id from live.invoice where order_id = {} and status = 'unpaid' and ahead = {ahead}", life.id);
    InvoiceId(bed.db.value(&query).await)
}

async fn pay(bed: &Bed, id: InvoiceId) -> bool {
    let paying = async |tx: &mut Tx| invoices::pay(tx, id, PaidFrom::Balance, "").await;
    match bed.db.database.live.transaction("pay", paying).await {
        Ok(_) => true,
        Err(Error::Refused(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// What a customer or staff do at random; what it is, for when it fails.
async fn act(bed: &Bed, life: &mut Life, dice: &mut Dice, today: Date) -> String {
    match dice.below(8) {
        0..=2 => {
            let minor = dice.of(&[100, 300, 301, 855, 1620, 3060]);
            bed.deposit(&life.buyer, minor).await;
            life.credit += minor;
            format!("deposit {minor}")
        }
        3 => {
            life.auto = !life.auto;
            let (id, auto) = (life.id, life.auto);
            let set = async |tx: &mut Tx| orders::set_auto_renew(tx, id, auto).await;
            let set = bed.db.database.live.transaction("set", set).await.is_ok();
            assert_eq!(set, life.state != "terminated");
            format!("renews by itself: {auto}")
        }
        4..=5 => {
            let (months, unpaid) = (dice.of(&[1, 3, 6, 12]), dice.of(&[Unpaid::Accept, Unpaid::Refuse]));
            let request = RenewRequest {
                period: Field::Given(Months::new(months).unwrap()),
                expect_todate: Field::Given(life.until),
            };
            let (buyer, id) = (life.buyer, life.id);
            let renew = async |tx: &mut Tx| orders::renew(tx, &buyer, id, &request, unpaid).await;
            let came = match bed.db.database.live.transaction("renew", renew).await {
                Ok(renewed) if renewed.renewal.payment.is_made() => "done",
                Ok(_) => "owed",
                Err(RenewFailure::Store(error)) => panic!("{error}"),
                Err(RenewFailure::UnknownOrder | RenewFailure::Decided(_)) => "refused",
            };
            let owes = life.owes;
            let expected = match owes {
                _ if life.state == "terminated" => "refused",
                Some(_) => "refused",
                None if life.renew(months, today) => "done",
                None if unpaid == Unpaid::Accept => "owed",
                None => "refused",
            };
            match expected {
                "done" => life.ahead = None,
                "owed" => (life.owes, life.ahead) = (Some(months), None),
                _ => {}
            }
            assert_eq!(came, expected, "renew for {months} {unpaid:?} {life:?}");
            format!("renew for {months} {unpaid:?}")
        }
        _ => {
            let Some((months, ahead)) = life.owes.map(|m| (m, false)).or(life.ahead.map(|m| (m, true))) else {
                return "nothing to pay".to_owned();
            };
            let paid = pay(bed, invoice(bed, life, ahead).await).await;
            let expected = life.renew(months, today);
            if expected && ahead {
                life.ahead = None;
            }
            assert_eq!(paid, expected, "pay {months} months {life:?}");
            format!("pay for {months}, ahead {ahead}")
        }
    }
}

/// The order and its wallet in the database, and in the model.
async fn compare(bed: &Bed, life: &Life, what: &str) {
    let came = bed
        .text(&format!(
            "select concat_ws(' ', o.state, o.paid_until, coalesce(o.lapsed_on::text, '-'), \
               (select coalesce(sum(balance), 0) from live.account a where a.customer_id = o.customer_id), \
               (select count(*) from live.service_period p where p.order_id = o.id), \
               (select coalesce(max(months) filter (where not ahead), 0) || ' ' || coalesce(max(months) filter (where ahead), 0) \
                  from live.invoice i where i.order_id = o.id and i.status = 'unpaid')) \
             from (select id, customer_id, case state when 'provisioning' then 'active' else state end as state, paid_until, lapsed_on \
               from live.orders where id = {}) o",
            life.id
        ))
        .await;
    let lapsed = life.lapsed.map_or("-".to_owned(), |day| day.to_string());
    let (owes, ahead) = (life.owes.unwrap_or(0), life.ahead.unwrap_or(0));
    let (state, until, credit, intervals) = (life.state, life.until, life.credit, life.intervals);
    assert_eq!(came, format!("{state} {until} {lapsed} {credit} {intervals} {owes} {ahead}"), "{what}; {life:?}");
}

async fn today(bed: &Bed) -> Date {
    bed.text("select (live.realm_now() at time zone 'Europe/Vilnius')::date").await.parse().unwrap()
}

#[tokio::test]
async fn wallets_invoices_and_intervals_are_as_the_model_has_them() {
    let number = |name| std::env::var(name).ok().and_then(|value: String| value.parse::<u64>().ok());
    let seed = number("VARTAI_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("VARTAI_TEST_SEED={seed}");
    let bed = Bed::new().await;
    bed.db.move_live_clock(0).await;
    let mut dice = Dice(seed);
    let mut lives: Vec<Option<Life>> = (0..CUSTOMERS).map(|_| None).collect();
    let mut born = 0;
    for step in 0..number("VARTAI_TEST_STEPS").unwrap_or(250) {
        let now = today(&bed).await;
        let at = usize::try_from(dice.below(CUSTOMERS as u64)).unwrap();
        let ended = lives[at].as_ref().is_none_or(|life| life.state == "terminated" && dice.below(4) == 0);
        let what = if ended {
            born += 1;
            let months = dice.of(&[1, 3]);
            let buyer = bed.db.customer(&format!("c{born}")).add().await;
            bed.deposit(&buyer, price(months) + 40).await;
            let id = bed.hosting(Live, &buyer, &format!("n{born}.lt"), months).await;
            let until = add_months(now, Months::new(months).unwrap(), now.day()).unwrap();
            lives[at] = Some(Life {
                buyer,
                id,
                credit: 40,
                until,
                anchor: now.day(),
                last: months,
                auto: false,
                state: "active",
                lapsed: None,
                owes: None,
                ahead: None,
                intervals: 1,
            });
            format!("order {id}")
        } else if dice.below(3) == 0 {
            let days = dice.of(&[1, 1, 2, 5, 9, 17]);
            bed.db.move_live_clock(days).await;
            let now = today(&bed).await;
            bed.through(Live).await;
            lives.iter_mut().flatten().for_each(|life| life.run(now));
            format!("{days} days pass, it is {now}")
        } else {
            let life = lives[at].as_mut().unwrap();
            let what = act(&bed, life, &mut dice, now).await;
            format!("order {}: {what}", life.id)
        };
        for life in lives.iter().flatten() {
            compare(&bed, life, &format!("seed {seed}, step {step}: {what}")).await;
        }
    }
    bed.db.verify_books().await;
}
