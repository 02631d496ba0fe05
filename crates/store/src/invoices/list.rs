//! Listing invoices.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::{billing::InvoiceId, customers::CustomerId, money::Money};

use crate::{
    db::{Conn, Error},
    schema::{invoice, invoice_line},
};

/// An invoice in a list.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invoice)]
pub struct InvoiceRow {
    /// Its number for staff.
    pub id: i64,
    /// Who pays it.
    pub customer_id: i64,
    /// For which order.
    pub order_id: i64,
    /// `order` or `renewal`.
    pub purpose: String,
    /// The months it pays for.
    pub months: i16,
    /// Raised ahead for renewal.
    pub ahead: bool,
    /// `unpaid`, `paid` or `cancelled`.
    pub status: String,
    /// ISO 4217.
    pub currency: String,
    /// Minor units, gross.
    pub total: i64,
    /// VAT rate at issue, in hundredths of a percent.
    pub vat_points: i32,
    /// Why that rate: the name of a [`domain::vat::VatGround`].
    pub vat_ground: String,
    /// The country whose rate it is, or that it is not charged to.
    pub vat_country: Option<String>,
    /// The currency that prices were converted from, where they were.
    pub base_currency: Option<String>,
    /// The rate that they were converted at, in billionths.
    pub rate_billionths: Option<i64>,
    /// The rate's day, where it has one.
    #[diesel(deserialize_as = jiff_diesel::NullableDate)]
    pub rate_day: Option<jiff::civil::Date>,
    /// `gross` or `net`: whether the prices contained the VAT.
    pub prices: String,
    /// With number, what stands on paper.
    pub series: Option<String>,
    /// Gapless in its series.
    pub number: Option<i64>,
    /// When it was issued.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub created_at: jiff::Timestamp,
    /// When it was paid.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub paid_at: Option<jiff::Timestamp>,
}

impl InvoiceRow {
    /// What is to be paid.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn total(&self) -> Result<Money, Error> {
        Ok(Money::minor(self.total, self.currency.parse().map_err(Error::corrupt)?))
    }
}

/// A line of an invoice.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = invoice_line)]
pub struct InvoiceLineRow {
    /// From 1.
    pub line: i16,
    /// `tariff_setup`, `addon_setup`, `tariff` or `addon`.
    pub item: String,
    /// Its name at issue.
    pub title: String,
    /// How many.
    pub quantity: i32,
    /// Minor units, of one, for a month or once.
    pub unit_price: i64,
    /// 0 for what is paid once.
    pub months: i16,
    /// In hundredths of a percent.
    pub discount_points: i32,
    /// Minor units, without VAT.
    pub net: i64,
    /// Minor units of VAT.
    pub vat: i64,
    /// Minor units, with VAT.
    pub gross: i64,
    /// What it was reckoned from, as the domain's `Working`; none of a line from before that was kept.
    pub working: Option<serde_json::Value>,
}

/// Invoices, by id: of a customer, or all.
///
/// # Errors
/// [`Error`] from the database.
pub async fn list(connection: &mut Conn, customer: Option<CustomerId>) -> Result<Vec<InvoiceRow>, Error> {
    let query = invoice::table.order(invoice::id).select(InvoiceRow::as_select());
    Ok(match customer {
        Some(customer) => query.filter(invoice::customer_id.eq(customer.0)).load(connection).await?,
        None => query.load(connection).await?,
    })
}

/// An invoice.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn show(connection: &mut Conn, id: InvoiceId) -> Result<InvoiceRow, Error> {
    let query = invoice::table.find(id.0).select(InvoiceRow::as_select());
    let found = query.get_result(connection).await.optional()?;
    found.ok_or_else(|| Error::NotFound(format!("there is no invoice {}", id.0)))
}

/// An invoice's lines.
///
/// # Errors
/// [`Error`] from the database.
pub async fn lines(connection: &mut Conn, id: InvoiceId) -> Result<Vec<InvoiceLineRow>, Error> {
    let query = invoice_line::table.filter(invoice_line::invoice_id.eq(id.0)).order(invoice_line::line);
    Ok(query.select(InvoiceLineRow::as_select()).load(connection).await?)
}
