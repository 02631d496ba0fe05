//! How an invoice's figures came about, step by step, reckoned again from what was kept with it.

use super::{RESOURCE_SCALE, VatLine, Working, price::split};
use crate::{
    catalogue::{Conversion, Origin},
    customers::Prices,
    money::{Currency, Money, MoneyError, Percent, divide_half_up, format_fixed},
    vat::VatGround,
};

/// A line as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLine {
    /// What it is for.
    pub title: String,
    /// How many.
    pub quantity: u32,
    /// Of one, for a month or once.
    pub unit_price: Money,
    /// For so many months; 0 for what is paid once.
    pub months: u16,
    /// Less this share.
    pub discount: Percent,
    /// Its amounts.
    pub amount: VatLine,
    /// What it was reckoned from; none of a line from before that was kept.
    pub working: Option<Working>,
}

/// An invoice as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The VAT rate.
    pub vat: Percent,
    /// Why that.
    pub ground: VatGround,
    /// Whether prices contained it.
    pub prices: Prices,
    /// The rate that prices were converted at.
    pub conversion: Option<Conversion>,
    /// Its lines.
    pub lines: Vec<KeptLine>,
    /// What is to be paid, gross.
    pub total: Money,
}

/// One step of the arithmetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is reckoned, and how.
    pub text: String,
    /// What it comes to, where that is an amount.
    pub amount: Option<Money>,
}

/// The figures of an invoice are not what its arithmetic comes to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// A line's price.
    #[error("line {line} is {kept}, and its arithmetic comes to {reckoned}")]
    Line {
        /// From 1.
        line: usize,
        /// What stands there.
        kept: Money,
        /// What it should be.
        reckoned: Money,
    },
    /// The total.
    #[error("the total is {kept}, and the lines sum to {reckoned}")]
    Total {
        /// What stands there.
        kept: Money,
        /// What it should be.
        reckoned: Money,
    },
    /// Amounts of several currencies, or too large.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The steps that led to an invoice's total, each checked against what was kept; the last one's amount is the total.
///
/// # Errors
/// [`ExplainError`] where what was kept is not what its arithmetic comes to.
pub fn explain(of: &Kept) -> Result<Vec<Step>, ExplainError> {
    let mut steps = Vec::new();
    if let Some(Conversion { base, rate }) = of.conversion {
        let day = rate.day.map_or_else(|| "of the catalogue".to_owned(), |day| format!("of {day}"));
        say(&mut steps, format!("rate {day}: 1 {base} = {} {}", rate.rate, of.total.currency()), None);
    }
    let numbered: Vec<(usize, &KeptLine)> = (1..).zip(&of.lines).collect();
    let mut total = Money::zero(of.total.currency());
    for group in numbered.chunk_by(|(_, a), (_, b)| part(a) == part(b)) {
        total = total.plus(explain_group(of, group, &mut steps)?)?;
    }
    if total != of.total {
        return Err(ExplainError::Total { kept: of.total, reckoned: total });
    }
    say(&mut steps, format!("total of {} lines", of.lines.len()), Some(total));
    Ok(steps)
}

fn say(steps: &mut Vec<Step>, text: String, amount: Option<Money>) {
    steps.push(Step { text, amount });
}

/// Lines of one part of an interval are rounded together.
fn part(line: &KeptLine) -> Option<(jiff::civil::Date, i32)> {
    line.working.and_then(|working| working.part).map(|part| (part.until, part.days))
}

/// Lines that were rounded together; what they come to, gross.
fn explain_group(of: &Kept, group: &[(usize, &KeptLine)], steps: &mut Vec<Step>) -> Result<Money, ExplainError> {
    let currency = of.total.currency();
    if group.iter().any(|(_, line)| line.working.is_none()) {
        return as_it_stands(group, currency, steps);
    }
    let (exact, scale): (Vec<i128>, i128) = exacts(group);
    let whole = divide_half_up(exact.iter().sum(), scale);
    for ((number, line), exact) in group.iter().zip(&exact) {
        origin(*number, line, steps);
        let shown = exact_text(*exact, scale, currency);
        say(steps, format!("line {number}: {} = {shown}", formula(line)), None);
    }
    if group.len() > 1 {
        let sum = exact_text(exact.iter().sum(), scale, currency);
        say(steps, format!("together {sum}, rounded once, half up"), Some(minor(whole, currency)?));
    }
    let mut gross = Money::zero(currency);
    for ((number, line), share) in group.iter().zip(split(&exact, scale, whole)) {
        let price = minor(share, currency)?;
        let amount = VatLine::of(price, of.vat, of.prices)?;
        if amount != line.amount {
            return Err(ExplainError::Line { line: *number, kept: line.amount.gross, reckoned: amount.gross });
        }
        let how = if group.len() > 1 { "share by largest remainder" } else { "rounded half up" };
        say(steps, format!("line {number}: {how}"), Some(price));
        say(steps, vat_text(of, *number, &amount), Some(amount.gross));
        gross = gross.plus(amount.gross)?;
    }
    Ok(gross)
}

/// Lines from before their working was kept.
fn as_it_stands(
    group: &[(usize, &KeptLine)],
    currency: Currency,
    steps: &mut Vec<Step>,
) -> Result<Money, ExplainError> {
    let mut gross = Money::zero(currency);
    for (number, line) in group {
        let text = format!("line {number}, {}: as it stands, its working was not kept", line.title);
        say(steps, text, Some(line.amount.gross));
        gross = gross.plus(line.amount.gross)?;
    }
    Ok(gross)
}

/// The exact amounts of lines, and what they are counted in.
fn exacts(group: &[(usize, &KeptLine)]) -> (Vec<i128>, i128) {
    let part = group.first().and_then(|(_, line)| line.working).and_then(|working| working.part);
    let scale = part.map_or(RESOURCE_SCALE * i128::from(Percent::WHOLE), |part| part.scale());
    let exact = |(_, line): &(usize, &KeptLine)| {
        let kept = line.working.and_then(|working| working.exact_monthly).map(i128::from);
        let one = kept.unwrap_or_else(|| i128::from(line.unit_price.in_minor()) * RESOURCE_SCALE);
        let monthly = one * i128::from(line.quantity);
        match part {
            Some(part) => part.exact(super::ExactMonthly(monthly)),
            None => monthly * i128::from(line.months.max(1)) * i128::from(line.discount.remainder()),
        }
    };
    (group.iter().map(exact).collect(), scale)
}

/// Where a line's unit price is from.
fn origin(number: usize, line: &KeptLine, steps: &mut Vec<Step>) {
    let price = line.unit_price;
    let text = match line.working.map(|working| working.origin) {
        None | Some(Origin::Catalogue) => "unit price of the catalogue".to_owned(),
        Some(Origin::Own) => format!("the catalogue's own price in {}", price.currency()),
        Some(Origin::Rate { base }) => format!("{base} {} at the rate, rounded half up", base.currency()),
        Some(Origin::Staff) => "price that staff fixed for the order".to_owned(),
        Some(Origin::Units) => {
            let monthly = line.working.and_then(|working| working.exact_monthly).unwrap_or_default();
            format!("units beyond the plan, {} a month", exact_text(monthly.into(), RESOURCE_SCALE, price.currency()))
        }
    };
    let of_month = line.working.is_none_or(|working| working.exact_monthly.is_none());
    say(steps, format!("line {number}, {}: {text}", line.title), of_month.then_some(price));
}

/// `2 × 1.50 × 3 months × (100 − 5) %`, and the days.
fn formula(line: &KeptLine) -> String {
    let part = line.working.and_then(|working| working.part);
    let currency = line.unit_price.currency();
    let one = match line.working.and_then(|working| working.exact_monthly) {
        Some(exact) => exact_text(exact.into(), RESOURCE_SCALE, currency),
        None => line.unit_price.to_string(),
    };
    let (months, discount) = part.map_or((line.months, line.discount), |part| (part.months, part.discount));
    let mut text = format!("{} × {one}", line.quantity);
    if months > 0 {
        text.push_str(&format!(" × {months} months"));
    }
    if discount != Percent::ZERO {
        text.push_str(&format!(" × (100 − {discount}) %"));
    }
    if let Some(part) = part {
        text.push_str(&format!(" × {} of {} days from {} until {}", part.days, part.of_days, part.from, part.until));
    }
    text
}

fn vat_text(of: &Kept, number: usize, amount: &VatLine) -> String {
    let (rate, VatLine { net, vat, .. }) = (of.vat, amount);
    match (of.ground, of.prices) {
        (VatGround::ReverseCharge, _) => format!("line {number}: no VAT, the buyer accounts for it"),
        (VatGround::Export, _) => format!("line {number}: no VAT, the buyer is outside the union"),
        (VatGround::Fixed | VatGround::Seller | VatGround::Destination, Prices::Gross) => {
            format!("line {number}: contains {rate} % VAT, {vat}, and is {net} without it; with it")
        }
        (VatGround::Fixed | VatGround::Seller | VatGround::Destination, Prices::Net) => {
            format!("line {number}: {net} and {rate} % VAT, {vat}; with it")
        }
    }
}

fn minor(of: i128, currency: Currency) -> Result<Money, MoneyError> {
    i64::try_from(of).map(|minor| Money::minor(minor, currency)).map_err(|_| MoneyError::TooLarge)
}

/// An amount before rounding, with four places more than the currency has; `…` where there are more.
fn exact_text(exact: i128, scale: i128, currency: Currency) -> String {
    const MORE: i128 = 10_000;
    let (whole, rest) = ((exact * MORE) / scale, (exact * MORE) % scale);
    let shown = i64::try_from(whole).map_or_else(|_| whole.to_string(), |of| format_fixed(of, currency.digits() + 4));
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    if rest == 0 { shown.to_owned() } else { format!("{shown}…") }
}
