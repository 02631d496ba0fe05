//! Documents to look at.

use domain::{
    billing::{Bank, Party, VatLine},
    customers::Prices,
    language::Language,
    money::{Currency, Money, Percent, divide_half_up},
    vat::VatGround,
};
use jiff::civil::date;
use paper::{DocumentKind, DocumentLine, DocumentNumber, InvoiceDocument, LineTerm, Totals};

/// What lines are reckoned with.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub currency: Currency,
    pub vat: Percent,
    pub prices: Prices,
}

impl Terms {
    pub fn of(points: i64, prices: Prices) -> Self {
        Self { currency: Currency::EUR, vat: Percent::basis_points(points).expect("a rate"), prices }
    }
}

/// A line with its amounts as CONTRACT 1.5 has them.
pub fn line(title: &str, term: LineTerm, quantity: u32, unit: i64, discount: i64, terms: Terms) -> DocumentLine {
    let discount = Percent::basis_points(discount).expect("a discount");
    let months = match term {
        LineTerm::Setup | LineTerm::Change | LineTerm::Credit(_) => 1,
        LineTerm::Months(count) => i128::from(count),
    };
    let whole = i128::from(unit) * i128::from(quantity) * months * i128::from(discount.remainder());
    let price = i64::try_from(divide_half_up(whole, i128::from(Percent::WHOLE))).expect("a price");
    let amount = VatLine::of(Money::minor(price, terms.currency), terms.vat, terms.prices).expect("an amount");
    DocumentLine {
        title: title.to_owned(),
        term,
        quantity,
        unit_price: Money::minor(unit, terms.currency),
        discount,
        net: amount.net,
        vat: amount.vat,
        gross: amount.gross,
    }
}

/// A document of lines, summed.
pub fn document(kind: DocumentKind, language: Language, terms: Terms, lines: Vec<DocumentLine>) -> InvoiceDocument {
    let sum = |of: fn(&DocumentLine) -> Money| {
        lines.iter().fold(Money::zero(terms.currency), |sum, line| sum.plus(of(line)).expect("a sum"))
    };
    let totals = Totals { net: sum(|l| l.net), vat: sum(|l| l.vat), gross: sum(|l| l.gross) };
    let number = DocumentNumber { series: "VRT".to_owned(), number: 1042 };
    InvoiceDocument {
        number: (kind != DocumentKind::Proforma).then_some(number),
        paid: (kind != DocumentKind::Proforma).then_some(date(2027, 2, 1)),
        kind,
        payment_reference: Some("Užsakymas 1042 / заказ 1042".to_owned()),
        issued: date(2027, 1, 31),
        currency: terms.currency,
        seller: seller(),
        buyer: buyer(),
        lines,
        vat_rate: terms.vat,
        vat_ground: VatGround::Fixed,
        prices: terms.prices,
        totals,
        language,
        note: None,
    }
}

pub fn seller() -> Party {
    Party {
        name: "UAB „Žaibo debesys“".to_owned(),
        code: Some("305123456".to_owned()),
        vat_code: Some("LT100012345678".to_owned()),
        address: vec!["Ąžuolyno g. 5-12".to_owned(), "LT-08234 Vilnius, Lietuva".to_owned()],
        bank: Some(Bank {
            name: "AB „Pavyzdžio bankas“".to_owned(),
            code: Some("PVZDLT2X".to_owned()),
            account: "LT12 1000 0111 0100 1000".to_owned(),
        }),
        email: Some("saskaitos@zaibas.example".to_owned()),
        phone: Some("+370 5 200 0000".to_owned()),
    }
}

pub fn buyer() -> Party {
    Party {
        name: "ООО «Северный хостинг»".to_owned(),
        code: Some("1234567890".to_owned()),
        address: vec!["ул. Ёлочная, д. 7, офис 21".to_owned(), "190000 Санкт-Петербург".to_owned()],
        email: Some("buh@sever.example".to_owned()),
        ..Party::default()
    }
}

/// An order as customers place them.
pub fn usual_lines(terms: Terms) -> Vec<DocumentLine> {
    vec![
        line("VDS-2 – įrengimas", LineTerm::Setup, 1, 500, 0, terms),
        line("VDS-2", LineTerm::Months(3), 1, 990, 300, terms),
        line("Debian 12", LineTerm::Months(3), 1, 0, 300, terms),
        line("Extra RAM, GB", LineTerm::Months(3), 2, 150, 300, terms),
        line("Выделенный сервер DS-1, 2 × 960 ГБ SSD, Вильнюс", LineTerm::Months(12), 14, 59_900, 750, terms),
    ]
}

/// So many lines, of all the sorts.
pub fn many_lines(count: usize, terms: Terms) -> Vec<DocumentLine> {
    usual_lines(terms)
        .into_iter()
        .cycle()
        .take(count)
        .enumerate()
        .map(|(at, line)| DocumentLine { title: format!("{} ({})", line.title, at + 1), ..line })
        .collect()
}
