//! Wallets, invoices and intervals, written down a second time: plain integers and days, as the contract and
//! operations.md tell them, and nothing of the store's.

use domain::{
    calendar::{Months, add_months},
    orders::OrderId,
};
use jiff::{ToSpan, civil::Date};
use store::orders::Buyer;

use super::purse::{Paid, Part, Purse};

/// Days of the default policy.
const RENEW_BEFORE: i32 = 3;
const RAISE_BEFORE: i32 = 14;
const GRACE: i32 = 3;
const KEEP: i32 = 14;
const UNPAID_ORDER: i32 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Hosting at 3.00, each address 2.00 and 1.00 once.
    Hosting,
    /// A server at 9.90 and 5.00 once, each GB 1.50.
    Vds,
}

impl Kind {
    /// What `months` cost, in cents; `None` where they are not for sale. The price list, a second time.
    pub fn cost(self, extra: i64, months: u16, first: bool) -> Option<i64> {
        let per_mille = self.per_mille(months).filter(|_| !first || (self, months) != (Self::Vds, 24))?;
        let monthly = self.each_month(extra) * i64::from(months);
        Some(self.setup(extra, first) + (monthly * per_mille + 500) / 1000)
    }

    /// What is paid once, in cents.
    fn setup(self, extra: i64, first: bool) -> i64 {
        match self {
            _ if !first => 0,
            Self::Hosting => 100 * extra,
            Self::Vds => 500,
        }
    }

    fn each_month(self, extra: i64) -> i64 {
        match self {
            Self::Hosting => 300 + 200 * extra,
            Self::Vds => 990 + 150 * extra,
        }
    }

    fn per_mille(self, months: u16) -> Option<i64> {
        Some(match (self, months) {
            (_, 1) => 1000,
            (Self::Hosting, 3) => 950,
            (Self::Hosting, 6) => 900,
            (Self::Hosting, 12) => 850,
            (Self::Vds, 3) => 970,
            (Self::Vds, 6) => 925,
            (Self::Vds, 12) => 900,
            (Self::Vds, 24) => 800,
            _ => return None,
        })
    }

    /// What the months of an interval cost, exactly: a number of cents, and what to divide it by.
    pub fn monthly(self, extra: i64, months: u16) -> (i64, i64) {
        (self.each_month(extra) * i64::from(months) * self.per_mille(months).unwrap(), 1000)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Awaiting,
    Running,
    BySystem,
    ByCustomer,
    Ended,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Awaiting => "awaiting_payment",
            Self::Running => "active",
            Self::BySystem => "suspended system",
            Self::ByCustomer => "suspended customer",
            Self::Ended => "terminated",
        }
    }
}

/// An order.
#[derive(Debug, Clone)]
pub struct Service {
    pub id: OrderId,
    pub kind: Kind,
    pub extra: i64,
    pub domain: Option<&'static str>,
    pub ordered: Date,
    pub until: Option<Date>,
    pub anchor: i8,
    /// Months that were paid last, or ordered.
    pub last: u16,
    pub auto: bool,
    pub state: State,
    pub lapsed: Option<Date>,
    /// Months of the invoice that was asked for and is unpaid.
    pub owes: Option<u16>,
    /// Months of the proforma raised ahead.
    pub ahead: Option<u16>,
    pub paid: Vec<Paid>,
    /// Intervals that are paid, with their months.
    pub intervals: Vec<(Date, Date, u16)>,
    /// What it was before its end, while its server is there.
    pub restorable: Option<State>,
}

/// A customer with its newest order.
#[derive(Debug)]
pub struct Life {
    pub buyer: Buyer,
    pub purse: Purse,
    pub service: Option<Service>,
}

fn months(count: u16) -> Months {
    Months::new(count).unwrap()
}

impl Service {
    pub fn is_live(&self) -> bool {
        self.state != State::Ended
    }

    /// What an invoice of so many months is over.
    pub fn price(&self, count: u16) -> i64 {
        self.kind.cost(self.extra, count, self.until.is_none()).unwrap()
    }

    fn left(&self, today: Date) -> i32 {
        self.until.map_or(0, |until| today.until(until).unwrap().get_days())
    }

    pub fn is_overdue(&self, today: Date) -> bool {
        self.left(today) < 0
    }

    /// It is paid for so long more: it begins, or goes on.
    pub fn goes_on(&mut self, count: u16, mut paid: Paid, today: Date) {
        let setup = self.kind.setup(self.extra, self.until.is_none());
        if self.until.is_none() {
            (self.anchor, self.state) = (today.day(), State::Running);
        }
        let from = self.until.unwrap_or(today);
        let until = add_months(from, months(count), self.anchor).unwrap();
        paid.parts = vec![Part { from, until, price: paid.total - setup }];
        self.intervals.push((from, until, count));
        (self.until, self.last, self.owes, self.ahead, self.lapsed) = (Some(until), count, None, None, None);
        self.paid.push(paid);
        if self.state == State::BySystem && until >= today {
            self.state = State::Running;
        }
    }

    pub fn end(&mut self) {
        self.restorable = (self.state != State::Awaiting).then_some(self.state);
        (self.state, self.owes, self.ahead) = (State::Ended, None, None);
    }

    /// Its end is taken back, and what it is kept for counts anew.
    pub fn restore(&mut self, today: Date) {
        self.state = self.restorable.take().unwrap();
        self.lapsed = self.lapsed.map(|_| today);
    }
}

impl Life {
    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().unwrap()
    }

    /// Pays so many months from the balance, if it is enough.
    pub fn pay(&mut self, count: u16, today: Date) -> bool {
        let cost = self.service().price(count);
        let Some(paid) = self.purse.charge(cost) else { return false };
        self.service().goes_on(count, paid, today);
        true
    }

    pub fn pay_outside(&mut self, count: u16, today: Date) {
        let cost = self.service().price(count);
        let paid = self.purse.pay_outside(cost);
        self.service().goes_on(count, paid, today);
    }

    /// Takes back so much of a paid invoice.
    pub fn refund(&mut self, of: usize, amount: i64, outside: bool) {
        let paid = &mut self.service.as_mut().unwrap().paid[of];
        paid.credited = true;
        self.purse.refund(paid, amount, outside);
    }

    /// A run on a day; whether anything was due.
    pub fn run(&mut self, today: Date) -> bool {
        let Some(service) = &mut self.service else { return false };
        if !service.is_live() {
            return false;
        }
        if service.until.is_none() {
            let expired = service.ordered.saturating_add(UNPAID_ORDER.days()) <= today;
            if expired {
                service.end();
            }
            return expired;
        }
        let left = service.left(today);
        if service.auto && left <= RENEW_BEFORE {
            // What was asked for goes first.
            let count = service.owes.unwrap_or(service.last);
            if self.pay(count, today) {
                return true;
            }
        }
        let service = self.service();
        if service.lapsed.is_some_and(|since| since.saturating_add(KEEP.days()) <= today) {
            service.end();
            return true;
        }
        let mut done = false;
        let before = if service.auto { RENEW_BEFORE } else { RAISE_BEFORE };
        if service.owes.is_none() && service.ahead.is_none() && left <= before {
            service.ahead = Some(service.last);
            done = true;
        }
        if service.lapsed.is_none() && left < -GRACE {
            service.lapsed = Some(today);
            if service.state != State::ByCustomer {
                service.state = State::BySystem;
            }
            done = true;
        }
        done
    }
}
