//! How an invoice's figures came about, from what was kept with it and the ledger.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::{
    billing::{Charge, InvoiceId, Kept, KeptLine, NewInvoice, Step, VatLine, Working, explain as reckon},
    catalogue::{Catalogue, Conversion, DatedRate},
    customers::Prices,
    money::{Currency, Money, Percent, Rate},
    orders::OrderId,
};

use super::{
    InvoiceLineRow, InvoiceRow, credit_notes_of,
    list::{lines, show},
    write::describe,
};
use crate::{
    db::{Conn, Error, Tx},
    ledger::{self, OfGrant},
    schema::invoice,
};

/// How an invoice came about.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The invoice.
    pub invoice: InvoiceRow,
    /// The arithmetic, and then what the ledger says of it; the last step's amount is what was charged, or is owed.
    pub steps: Vec<Step>,
    /// What the ledger charged for it; nothing where it was not paid.
    pub charged: Money,
}

/// Explains an invoice. Its arithmetic is done again, and every figure must be what was kept.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Corrupt`] where a figure isn't what its arithmetic comes to.
pub async fn explain(connection: &mut Conn, id: InvoiceId) -> Result<Explained, Error> {
    let invoice = show(connection, id).await?;
    let lines = lines(connection, id).await?;
    let mut steps =
        reckon(&kept(&invoice, &lines)?).map_err(|wrong| Error::corrupt(format!("invoice {}: {wrong}", id.0)))?;
    let total = invoice.total()?;
    let taken = ledger::charged_of(connection, id, total.currency()).await?;
    let grants = ledger::grants_of(connection, id, total.currency()).await?;
    steps.extend(paid(&invoice, &taken, grants, total)?);
    let charged = taken.total().map_err(Error::corrupt)?;
    Ok(Explained { invoice, steps, charged })
}

/// What an invoice that isn't written yet would be explained by.
///
/// # Errors
/// [`Error::Corrupt`].
pub fn explain_new(catalogue: &Catalogue, new: &NewInvoice) -> Result<Vec<Step>, Error> {
    let of = |line: &domain::billing::InvoiceLine| KeptLine {
        title: describe(catalogue, line.item).2,
        quantity: line.quantity,
        unit_price: line.unit_price,
        months: line.months,
        discount: line.discount,
        amount: line.amount,
        working: Some(line.working),
    };
    let kept = Kept {
        vat: new.vat.rate,
        ground: new.vat.ground,
        prices: new.prices,
        conversion: new.conversion,
        lines: new.lines.iter().map(of).collect(),
        total: new.total,
    };
    reckon(&kept).map_err(Error::corrupt)
}

fn paid(invoice: &InvoiceRow, taken: &Charge, grants: Vec<OfGrant>, total: Money) -> Result<Vec<Step>, Error> {
    let step = |text: String, amount| Step { text, amount: Some(amount) };
    let charged = taken.total().map_err(Error::corrupt)?;
    Ok(match invoice.status.as_str() {
        "paid" if charged.is_zero() => vec![step("paid; the ledger charged".to_owned(), charged)],
        "paid" => {
            let mut steps: Vec<Step> = vec![step("paid out of the bonus".to_owned(), taken.bonus)];
            steps.extend(grants.into_iter().map(|of| step(format!("    of the bonus {:?}", of.reason), of.amount)));
            steps.push(step("paid out of the credit".to_owned(), taken.credit));
            steps.push(step("paid; the ledger charged".to_owned(), charged));
            steps
        }
        "cancelled" => vec![step("cancelled; the ledger charged".to_owned(), charged)],
        _ => vec![step("unpaid: owed".to_owned(), total)],
    })
}

fn kept(of: &InvoiceRow, lines: &[InvoiceLineRow]) -> Result<Kept, Error> {
    let currency: Currency = of.currency.parse().map_err(Error::corrupt)?;
    let conversion = match (&of.base_currency, of.rate_billionths) {
        (Some(base), Some(billionths)) => Some(Conversion {
            base: base.parse().map_err(Error::corrupt)?,
            rate: DatedRate { rate: Rate::billionths(billionths).map_err(Error::corrupt)?, day: of.rate_day },
        }),
        _ => None,
    };
    Ok(Kept {
        vat: Percent::basis_points(of.vat_points.into()).map_err(Error::corrupt)?,
        ground: of.vat_ground.parse().map_err(Error::corrupt)?,
        prices: if of.prices == "net" { Prices::Net } else { Prices::Gross },
        conversion,
        lines: lines.iter().map(|line| kept_line(line, currency)).collect::<Result<_, _>>()?,
        total: of.total()?,
    })
}

fn kept_line(of: &InvoiceLineRow, currency: Currency) -> Result<KeptLine, Error> {
    let money = |minor| Money::minor(minor, currency);
    let working: Option<Working> =
        of.working.clone().map(serde_json::from_value).transpose().map_err(Error::corrupt)?;
    Ok(KeptLine {
        title: of.title.clone(),
        quantity: u32::try_from(of.quantity).map_err(Error::corrupt)?,
        unit_price: money(of.unit_price),
        months: u16::try_from(of.months).map_err(Error::corrupt)?,
        discount: Percent::basis_points(of.discount_points.into()).map_err(Error::corrupt)?,
        amount: VatLine { net: money(of.net), vat: money(of.vat), gross: money(of.gross) },
        working,
    })
}

/// Explains what an order cost: each of its invoices and credit notes, and what the ledger has of it in all. The last
/// step's amount is the order's revenue.
///
/// # Errors
/// [`Error::Corrupt`] as of [`explain`], and where the ledger has another sum.
pub async fn explain_order(tx: &mut Tx, order: OrderId) -> Result<Vec<Step>, Error> {
    let all: Vec<InvoiceRow> = invoice::table
        .filter(invoice::order_id.eq(order.0))
        .order(invoice::id)
        .select(InvoiceRow::as_select())
        .load(tx.conn())
        .await?;
    let first = all.as_slice().first().ok_or_else(|| Error::NotFound(format!("order {order} has no invoices")))?;
    let mut sum = Money::zero(first.total()?.currency());
    let mut steps = Vec::new();
    for row in &all {
        let id = InvoiceId(row.id);
        let head = format!("invoice {}, {}, {}", row.id, row.purpose, row.status);
        steps.push(Step { text: head, amount: Some(row.total()?) });
        let explained = explain(tx.conn(), id).await?;
        steps.extend(explained.steps.into_iter().map(|step| Step { text: format!("    {}", step.text), ..step }));
        sum = sum.plus(explained.charged).map_err(Error::corrupt)?;
        for note in credit_notes_of(tx.conn(), id).await? {
            let back = ledger::refunded_of(tx.conn(), note.id, sum.currency()).await?;
            let text = format!("credit note {} of invoice {}, {}; given back", note.id, row.id, note.note);
            steps.push(Step { text, amount: Some(back) });
            sum = sum.minus(back).map_err(Error::corrupt)?;
        }
    }
    let revenue = ledger::revenue_of(tx.conn(), order, sum.currency()).await?;
    if revenue != sum {
        return Err(Error::corrupt(format!("order {order}: its papers sum to {sum}, and the ledger has {revenue}")));
    }
    steps.push(Step { text: "charged less what was given back, as the ledger has it".to_owned(), amount: Some(sum) });
    Ok(steps)
}
