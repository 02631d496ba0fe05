use domain::{
    customers::Prices,
    language::Language,
    money::{Currency, Money, MoneyError},
};
use paper::{DocumentKind, SumError};

use crate::sample::{Terms, document, usual_lines};

#[test]
fn figures_that_contradict_each_other_are_found() {
    let terms = Terms::of(2_100, Prices::Gross);
    let good = document(DocumentKind::Invoice, Language::Lt, terms, usual_lines(terms));
    assert_eq!(good.check(), Ok(()));
    let cent = Money::minor(1, Currency::EUR);

    let mut line = good.clone();
    line.lines[1].net = line.lines[1].net.plus(cent).expect("a sum");
    assert_eq!(line.check(), Err(SumError::Line(2)));

    let mut totals = good.clone();
    totals.totals.gross = totals.totals.gross.plus(cent).expect("a sum");
    assert_eq!(totals.check(), Err(SumError::Totals));

    let mut mixed = good;
    mixed.lines[0].unit_price = Money::minor(500, Currency::JPY);
    assert_eq!(mixed.check(), Err(SumError::Money(MoneyError::Mixed(Currency::EUR, Currency::JPY))));
}
