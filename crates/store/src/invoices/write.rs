//! Writing an invoice with its lines.

use diesel::ExpressionMethods;
use diesel_async::RunQueryDsl;
use domain::{
    billing::{InvoiceId, InvoiceLine, InvoicePurpose, LineItem, NewInvoice},
    calendar::Months,
    catalogue::Catalogue,
    customers::{CustomerId, Prices},
    money::Percent,
    orders::OrderId,
};
use jiff_diesel::ToDiesel;

use crate::{
    db::{Error, Tx},
    schema::{invoice, invoice_line},
};

/// A VAT rate or discount as its column has it.
fn points(percent: Percent) -> Result<i32, Error> {
    i32::try_from(percent.in_basis_points()).map_err(Error::corrupt)
}

/// Writes the proforma that is raised ahead for an order's renewal; it is never a reason for code 20.
pub(crate) async fn write_ahead(
    tx: &mut Tx,
    customer: CustomerId,
    order: OrderId,
    new: &NewInvoice,
) -> Result<(), Error> {
    insert(tx, customer, order, new, true).await?;
    Ok(())
}

/// The company as it is today, as a paper keeps it.
pub(super) fn seller(tx: &Tx) -> Result<serde_json::Value, Error> {
    serde_json::to_value(&tx.rules().seller).map_err(Error::corrupt)
}

/// Writes an invoice of an order. The database sees to it that its lines sum to its total, and keeps the buyer as its
/// profile has it now.
pub(crate) async fn write(
    tx: &mut Tx,
    customer: CustomerId,
    order: OrderId,
    new: &NewInvoice,
) -> Result<InvoiceId, Error> {
    insert(tx, customer, order, new, false).await
}

async fn insert(
    tx: &mut Tx,
    customer: CustomerId,
    order: OrderId,
    new: &NewInvoice,
    ahead: bool,
) -> Result<InvoiceId, Error> {
    let paid_at = new.paid.then(|| tx.now().to_diesel());
    let purpose = match new.purpose {
        InvoicePurpose::Order(_) => "order",
        InvoicePurpose::Renewal(_) => "renewal",
        InvoicePurpose::Change => "change",
    };
    let prices = match new.prices {
        Prices::Gross => "gross",
        Prices::Net => "net",
    };
    let id: i64 = diesel::insert_into(invoice::table)
        .values((
            invoice::customer_id.eq(customer.0),
            invoice::order_id.eq(order.0),
            invoice::purpose.eq(purpose),
            invoice::months.eq(i16::try_from(new.purpose.months().map_or(0, Months::count)).map_err(Error::corrupt)?),
            invoice::status.eq(if new.paid { "paid" } else { "unpaid" }),
            invoice::currency.eq(new.total.currency().code()),
            invoice::total.eq(new.total.in_minor()),
            invoice::vat_points.eq(points(new.vat.rate)?),
            invoice::vat_ground.eq(new.vat.ground.name()),
            invoice::vat_country.eq(new.vat.country.map(|country| country.to_string())),
            invoice::prices.eq(prices),
            invoice::base_currency.eq(new.conversion.map(|conversion| conversion.base.code())),
            invoice::rate_billionths.eq(new.conversion.map(|conversion| conversion.rate.rate.in_billionths())),
            invoice::rate_day.eq(new.conversion.and_then(|conversion| conversion.rate.day).map(ToDiesel::to_diesel)),
            invoice::created_at.eq(tx.now().to_diesel()),
            invoice::paid_at.eq(paid_at),
            invoice::ahead.eq(ahead),
            invoice::seller.eq(seller(tx)?),
        ))
        .returning(invoice::id)
        .get_result(tx.conn())
        .await?;
    write_lines(tx, id, &new.lines).await?;
    Ok(InvoiceId(id))
}

async fn write_lines(tx: &mut Tx, id: i64, lines: &[InvoiceLine]) -> Result<(), Error> {
    let catalogue = tx.catalogue();
    for (at, line) in (1_i16..).zip(lines) {
        let (item, item_id, mut title) = describe(&catalogue, line.item);
        if let (Some(part), true) = (line.working.part, line.months > 0) {
            // What stands beside it is the whole interval's arithmetic.
            title.push_str(&format!(", {} – {}: {} / {}", part.from, part.until, part.days, part.of_days));
        }
        // One by one: such a statement stays prepared, and most invoices have one line.
        let row = (
            invoice_line::invoice_id.eq(id),
            invoice_line::line.eq(at),
            invoice_line::item.eq(item),
            invoice_line::item_id.eq(item_id),
            invoice_line::title.eq(title),
            invoice_line::quantity.eq(i32::try_from(line.quantity).map_err(Error::corrupt)?),
            invoice_line::unit_price.eq(line.unit_price.in_minor()),
            invoice_line::months.eq(i16::try_from(line.months).map_err(Error::corrupt)?),
            invoice_line::discount_points.eq(points(line.discount)?),
            invoice_line::net.eq(line.amount.net.in_minor()),
            invoice_line::vat.eq(line.amount.vat.in_minor()),
            invoice_line::gross.eq(line.amount.gross.in_minor()),
            invoice_line::working.eq(serde_json::to_value(line.working).map_err(Error::corrupt)?),
        );
        diesel::insert_into(invoice_line::table).values(row).execute(tx.conn()).await?;
    }
    Ok(())
}

/// A line's kind, number and name: the name is the one at issue, whatever the catalogue says later.
pub(super) fn describe(catalogue: &Catalogue, item: LineItem) -> (&'static str, i64, String) {
    let tariff = |id| catalogue.tariff(id).map_or_else(String::new, |t| t.name.clone());
    let addon = |id| catalogue.addon(id).map_or_else(String::new, |a| a.name.clone());
    match item {
        LineItem::TariffSetup(id) => ("tariff_setup", id.0, tariff(id)),
        LineItem::Tariff(id) => ("tariff", id.0, tariff(id)),
        LineItem::AddonSetup(id) => ("addon_setup", id.0, addon(id)),
        LineItem::Addon(id) => ("addon", id.0, addon(id)),
        LineItem::Resources(id) => ("resources", id.0, tariff(id)),
        LineItem::Change(id) => ("change", id.0, tariff(id)),
    }
}
