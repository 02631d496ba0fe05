//! The billing run as a scheduled job: any number of workers share it, one day at a time and one order a transaction.

use std::cell::Cell;

use domain::{
    dunning::{Finding, Settle},
    orders::OrderId,
};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use store::{
    Error, Realm,
    billing::{self, Begun, PAGE, Round, Tally},
    ledger, notices, payments,
};
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// So many customers' orders are attended to at once.
const AT_ONCE: usize = 4;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// Another worker has it in hand, or took it over.
    Elsewhere,
    /// It stands still until staff release it.
    Held(Vec<Finding>),
    /// All days were run that there were to run.
    Through {
        /// How many days.
        days: u32,
        /// What was done on them.
        tally: Tally,
    },
}

/// Has money that arrived pay what it is for, where the process that recorded it died before. Returns how many invoices.
pub(crate) async fn settle(realm: &Realm) -> Result<usize, Error> {
    if realm.rules().policy.settle != Settle::OldestFirst {
        return Ok(0);
    }
    let mut settled = 0;
    for customer in realm.read(async |connection| payments::unsettled(connection).await).await? {
        match payments::settle(realm, customer).await {
            Ok(paid) => settled += paid,
            Err(error @ Error::Unreachable(_)) => return Err(error),
            Err(error) => tracing::warn!(customer = customer.0, %error, "a customer's money can't settle anything"),
        }
    }
    Ok(settled)
}

/// One worker's hand in the billing run of a realm.
pub struct Biller<'a> {
    realm: &'a Realm,
    worker: Uuid,
    stop: Option<watch::Receiver<bool>>,
    /// When this process last asked the database for its time, by its own steady clock, and what it was told.
    asked: Cell<Option<(Instant, Timestamp)>>,
}

impl<'a> Biller<'a> {
    /// A hand that nobody knows yet. Where there is a `stop`, it lets go soon after that becomes true.
    #[must_use]
    pub fn new(realm: &'a Realm, stop: Option<watch::Receiver<bool>>) -> Self {
        Self { realm, worker: Uuid::new_v4(), stop, asked: Cell::new(None) }
    }

    /// Runs what there is to run, up to today.
    ///
    /// # Errors
    /// [`Error`] from the database; what was done stays done, and the next run does the rest.
    pub async fn run(&self) -> Result<Ran, Error> {
        let (mut days, mut all) = (0, Tally::default());
        loop {
            let round = match self.begin().await? {
                Begun::Elsewhere => return Ok(Ran::Elsewhere),
                Begun::Held { findings, new, .. } => {
                    self.tell_held(&findings, new);
                    return Ok(Ran::Held(findings));
                }
                Begun::Round { round, .. } => round,
            };
            self.expire_bonuses(&round).await?;
            let (tally, whole) = self.day(&round).await?;
            all = all.plus(tally);
            if !whole {
                return Ok(Ran::Elsewhere);
            }
            if round.reminds {
                self.remind(&round).await?;
            }
            days += 1;
            if round.is_today {
                return Ok(Ran::Through { days, tally: all });
            }
        }
    }

    async fn begin(&self) -> Result<Begun, Error> {
        let expected = self.asked.get().and_then(|(at, told)| told.checked_add(at.elapsed()).ok());
        let worker = self.worker;
        let begin = async |tx: &mut store::Tx| billing::begin(tx, worker, expected).await;
        let begun = self.realm.transaction("begin billing round", begin).await?;
        match &begun {
            Begun::Held { seen, .. } | Begun::Round { seen, .. } => self.asked.set(Some((Instant::now(), *seen))),
            Begun::Elsewhere => {}
        }
        Ok(begun)
    }

    fn tell_held(&self, findings: &[Finding], new: bool) {
        let found: Vec<String> = findings.iter().map(ToString::to_string).collect();
        let (realm, found) = (self.realm.schema(), found.join("; "));
        if new {
            tracing::error!(
                realm,
                found,
                "the billing run stands still until staff release it (vartai billing release)"
            );
        } else {
            tracing::debug!(realm, found, "the billing run stands still");
        }
    }

    /// Takes back what nobody spent in time. It rests on the clock, so it is in the interlock's hand as all else.
    async fn expire_bonuses(&self, round: &Round) -> Result<(), Error> {
        loop {
            let due = self.realm.read(async |connection| ledger::expired_bonuses(connection, round.day).await).await?;
            let mut done = 0;
            for id in due {
                let expire = async |tx: &mut store::Tx| ledger::expire_bonus(tx, id, round.day).await;
                match self.realm.transaction("expire bonus", expire).await {
                    Ok(true) => done += 1,
                    Ok(false) => {}
                    Err(error @ Error::Unreachable(_)) => return Err(error),
                    Err(error) => tracing::warn!(grant = id, %error, "a bonus can't be taken back"),
                }
            }
            if done == 0 {
                return Ok(());
            }
        }
    }

    /// Attends to all orders of which something is due, and ends the round. False when it was lost or given up meanwhile.
    async fn day(&self, round: &Round) -> Result<(Tally, bool), Error> {
        let list = async |tx: &mut store::Tx| {
            let candidates = billing::candidates(tx, round.day).await?;
            let first = candidates.get(..PAGE).unwrap_or(&candidates);
            let due = billing::due_orders(tx, round.day, first).await?;
            Ok::<_, Error>((candidates, due))
        };
        let (candidates, mut due) = self.realm.transaction("list due orders", list).await?;
        let (mut all, mut pages) = (Tally::default(), candidates.chunks(PAGE).skip(1));
        loop {
            let tally = self.attend_to(round, due).await?;
            all = all.plus(tally);
            let Some(page) = pages.next() else {
                let end = async |tx: &mut store::Tx| billing::end(tx, round, &tally).await;
                return Ok((all, self.realm.transaction("end billing round", end).await?));
            };
            let progress = async |tx: &mut store::Tx| billing::progress(tx, round, &tally).await;
            if !self.realm.transaction("billing progress", progress).await? {
                return Ok((all, false));
            }
            if self.stop.as_ref().is_some_and(|stop| *stop.borrow()) {
                self.realm.transaction("leave billing round", async |tx| billing::leave(tx, round).await).await?;
                return Ok((all, false));
            }
            let look = async |tx: &mut store::Tx| billing::due_orders(tx, round.day, page).await;
            due = self.realm.transaction("list due orders", look).await?;
        }
    }

    /// Reminds of orders that end soon, and of balances that won't do. That they can't be reminded of stops no round, and
    /// the next one tries again.
    async fn remind(&self, round: &Round) -> Result<(), Error> {
        let day = round.day;
        let orders = async |tx: &mut store::Tx, after| notices::remind(tx, day, after).await;
        let orders = self.page_by_page("remind of orders", orders).await;
        let balances = async |tx: &mut store::Tx, after| {
            let (new, more) = notices::remind_balances(tx, day, after).await?;
            if more.is_none() && orders.is_ok() {
                billing::reminded(tx, round).await?;
            }
            Ok((new, more))
        };
        let balances = self.page_by_page("remind of balances", balances).await;
        for reminded in [orders, balances] {
            match reminded {
                Err(error @ Error::Unreachable(_)) => return Err(error),
                Err(error) => tracing::warn!(realm = self.realm.schema(), %error, "nobody is reminded"),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Does a page after the other, each in its transaction; `page` begins after what it is given, and tells where the next
    /// one begins.
    async fn page_by_page<K: Copy>(
        &self,
        name: &'static str,
        page: impl AsyncFn(&mut store::Tx, Option<K>) -> Result<(usize, Option<K>), Error>,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            match self.realm.transaction(name, async |tx| page(tx, after).await).await?.1 {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn attend_to(&self, round: &Round, due: Vec<Vec<OrderId>>) -> Result<Tally, Error> {
        let turns = stream::iter(due).map(|of| self.of_customer(round, of)).buffer_unordered(AT_ONCE);
        let tallies: Vec<Result<Tally, Error>> = turns.collect().await;
        tallies.into_iter().try_fold(Tally::default(), |all, tally| Ok(all.plus(tally?)))
    }

    /// A customer's orders, one after the other: they share a balance, and which of them it pays is not to be chance.
    async fn of_customer(&self, round: &Round, due: Vec<OrderId>) -> Result<Tally, Error> {
        let mut all = Tally::default();
        for id in due {
            all = all.plus(self.attend(round, id).await?);
        }
        Ok(all)
    }

    /// One order's turn. One that can't be attended to keeps no other, and is tried again in the next run.
    async fn attend(&self, round: &Round, id: OrderId) -> Result<Tally, Error> {
        let attend = async |tx: &mut store::Tx| billing::attend(tx, id, round.day).await;
        match self.realm.transaction("attend to order", attend).await {
            Err(error @ Error::Unreachable(_)) => Err(error),
            Err(error) => {
                tracing::warn!(realm = self.realm.schema(), order = id.0, %error, "an order can't be billed");
                Ok(Tally { failed: 1, ..Tally::default() })
            }
            attended => attended,
        }
    }
}
