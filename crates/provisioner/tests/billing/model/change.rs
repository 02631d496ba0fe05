//! Other addons in the middle of what is paid: what is left of the old is given back, the new is paid for the days left.

use domain::{
    catalogue::TariffId,
    orders::{TariffRequest, parse_addons},
};
use jiff::civil::Date;
use store::{
    Error, Tx,
    orders::{self, RetariffFailure},
};

use super::{
    World,
    oracle::{Kind, Life, Service, State},
    purse::Part,
};

fn days(from: Date, until: Date) -> i64 {
    i64::from(from.until(until).unwrap().get_days())
}

fn half_up(dividend: i64, divisor: i64) -> i64 {
    (2 * dividend + divisor) / (2 * divisor)
}

impl World {
    /// Staff change how much an order has of its addon; or only try to.
    pub async fn change(&mut self, at: usize) -> (String, String, String) {
        let (today, extra, only_tried) =
            (self.today, i64::try_from(self.dice.below(4)).unwrap(), self.dice.below(4) == 0);
        let service = self.lives[at].service();
        if service.paid.iter().any(|paid| paid.credited && paid.parts.iter().any(|part| part.until > today)) {
            return ("what staff credited is of no line in particular".to_owned(), String::new(), String::new());
        }
        let (id, kind) = (service.id, service.kind);
        let (tariff, fixed, addon) = if kind == Kind::Vds { (10, "20,", 22) } else { (1, "", 1) };
        let addons = if extra > 0 { format!("{fixed}{addon}:{extra}") } else { fixed.trim_end_matches(',').to_owned() };
        let addons = if addons.is_empty() { Vec::new() } else { parse_addons(&addons) };
        let request = TariffRequest { tariff: TariffId(tariff), addons: Some(addons) };
        let changing = async |tx: &mut Tx| orders::change_tariff(tx, id, &request, "the dice", only_tried).await;
        let came = match self.bed.live().transaction("change tariff", changing).await {
            Ok(_) => "done".to_owned(),
            Err(RetariffFailure::Tried(_)) => "tried".to_owned(),
            Err(RetariffFailure::Store(Error::Refused(why))) => why,
            Err(RetariffFailure::Store(error)) => panic!("{error}"),
        };
        let may = self.lives[at].change(extra, today, only_tried);
        let expected = match (may, only_tried) {
            (true, true) => "tried".to_owned(),
            (true, false) => "done".to_owned(),
            (false, _) if came.starts_with(&format!("order {id}: ")) => came.clone(),
            (false, _) => "a reason".to_owned(),
        };
        (format!("{id} has {extra} of its addon, tried {only_tried}"), expected, came)
    }
}

impl Service {
    /// What the days of each interval that are left cost, with so much of the addon.
    fn rest(&self, extra: i64, today: Date) -> Vec<Part> {
        let open = self.intervals.iter().filter(|(_, until, _)| *until > today);
        let part = |&(begin, until, count): &(Date, Date, u16)| {
            let from = begin.max(today);
            let (exact, of) = self.kind.monthly(extra, count);
            let price = half_up(exact * days(from, until), of * days(begin, until));
            Part { from, until, price }
        };
        open.map(part).collect()
    }
}

impl Life {
    /// Whether it may be; and, unless it is only tried, so it is.
    fn change(&mut self, extra: i64, today: Date, only_tried: bool) -> bool {
        let service = self.service();
        let runs = matches!(service.state, State::Running | State::BySystem | State::ByCustomer);
        if !runs || service.owes.is_some() || extra == service.extra {
            return false;
        }
        let (mut purse, mut service) = (self.purse.clone(), self.service.clone().unwrap());
        for paid in &mut service.paid {
            let mut back = 0;
            for part in paid.parts.iter_mut().filter(|part| part.until > today) {
                let past = days(part.from, part.from.max(today));
                let consumed = half_up(part.price * past, days(part.from, part.until));
                back += part.price - consumed;
                (part.price, part.until) = (consumed, today);
            }
            if back > 0 {
                purse.refund(paid, back, false);
            }
        }
        let parts = service.rest(extra, today);
        let cost = parts.iter().map(|part| part.price).sum();
        if cost > 0 {
            let Some(mut paid) = purse.charge(cost) else { return false };
            paid.parts = parts;
            service.paid.push(paid);
        }
        if !only_tried {
            (service.extra, service.ahead) = (extra, None);
            (self.purse, self.service) = (purse, Some(service));
        }
        true
    }
}
