//! A customer's money, in plain integers: credit, and bonuses with their last days.

use jiff::civil::Date;

/// A bonus that was given.
#[derive(Debug, Clone, Copy)]
struct Grant {
    left: i64,
    until: Option<Date>,
}

/// A paid invoice: what it took, and what was given back of it.
#[derive(Debug, Clone)]
pub struct Paid {
    pub total: i64,
    bonus: i64,
    pub refunded: i64,
    /// What it has of each bonus.
    of: Vec<(usize, i64)>,
    /// What it paid for days.
    pub parts: Vec<Part>,
    /// Whether staff credited some of it, of whatever they liked.
    pub credited: bool,
}

/// Days that were paid, and what for them, without what is paid once.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub from: Date,
    pub until: Date,
    pub price: i64,
}

impl Paid {
    fn new(total: i64) -> Self {
        Self { total, bonus: 0, refunded: 0, of: Vec::new(), parts: Vec::new(), credited: false }
    }

    /// Bonus given back once so much of it was, half up over all of it.
    fn bonus_of(&self, refunded: i64) -> i64 {
        (2 * self.bonus * refunded + self.total) / (2 * self.total)
    }
}

/// What a customer has, and what has come of it.
#[derive(Debug, Clone, Default)]
pub struct Purse {
    pub credit: i64,
    grants: Vec<Grant>,
    /// Paid in, less what was paid out.
    pub cash: i64,
    /// Bonuses given, less those that ended.
    pub given: i64,
    /// Charged, less what was refunded.
    pub consumed: i64,
}

impl Purse {
    pub fn bonus(&self) -> i64 {
        self.grants.iter().map(|grant| grant.left).sum()
    }

    pub fn give(&mut self, amount: i64, until: Option<Date>) {
        self.given += amount;
        self.grants.push(Grant { left: amount, until });
    }

    /// Bonuses by their ends, those without one last; of one day the older first.
    fn by_end(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.grants.len()).collect();
        order.sort_by_key(|at| self.grants[*at].until.unwrap_or(Date::MAX));
        order
    }

    /// Takes the cost, bonus first, if there is as much.
    pub fn charge(&mut self, cost: i64) -> Option<Paid> {
        let bonus = self.bonus().min(cost);
        if self.credit < cost - bonus {
            return None;
        }
        let mut paid = Paid { bonus, ..Paid::new(cost) };
        let mut rest = bonus;
        for at in self.by_end() {
            let share = rest.min(self.grants[at].left);
            if share > 0 {
                self.grants[at].left -= share;
                paid.of.push((at, share));
                rest -= share;
            }
        }
        self.credit -= cost - bonus;
        self.consumed += cost;
        Some(paid)
    }

    pub fn pay_outside(&mut self, cost: i64) -> Paid {
        self.cash += cost;
        self.consumed += cost;
        Paid::new(cost)
    }

    /// Gives so much of a paid invoice back: bonus to the bonuses that it was paid from, the longest first.
    pub fn refund(&mut self, paid: &mut Paid, amount: i64, outside: bool) {
        let before = paid.bonus_of(paid.refunded);
        paid.refunded += amount;
        let bonus = paid.bonus_of(paid.refunded) - before;
        let mut rest = bonus;
        for at in self.by_end().into_iter().rev() {
            let Some((_, has)) = paid.of.iter_mut().find(|(of, _)| *of == at) else { continue };
            let share = rest.min(*has);
            (*has, self.grants[at].left, rest) = (*has - share, self.grants[at].left + share, rest - share);
        }
        assert_eq!(rest, 0, "a bonus that was paid by nobody");
        self.consumed -= amount;
        if outside {
            self.cash -= amount - bonus;
        } else {
            self.credit += amount - bonus;
        }
    }

    /// Bonuses whose last day is over end.
    pub fn end(&mut self, today: Date) {
        for grant in self.grants.iter_mut().filter(|grant| grant.until.is_some_and(|until| until < today)) {
            self.given -= grant.left;
            grant.left = 0;
        }
    }
}
