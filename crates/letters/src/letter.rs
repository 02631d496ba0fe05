//! Letters: a subject, a text, and the same text as a page.

use askama::Template;
use domain::{
    billing::Party,
    language::Language,
    money::{Currency, Money},
    notices::{BalanceLow, InvoiceNews, News, OrderNews, TasksWaiting, WebhookDisabled},
};
use paper::{day, months, plain, sum};

/// A letter. Neither its subject nor its text has any line that comes from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Who reads it, and of what.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The customer's login.
    pub login: &'a str,
    /// The customer's name, if it is known.
    pub name: Option<&'a str>,
    /// What the customer speaks.
    pub language: Language,
    /// The name of the order's tariff.
    pub tariff: Option<&'a str>,
    /// Who writes.
    pub company: &'a Party,
}

/// Why there is no letter.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The facts can't be.
    #[error("the facts can't be told: {0}")]
    Facts(String),
    /// The template can't be filled.
    #[error("the letter can't be written: {0}")]
    Template(#[from] askama::Error),
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ready,
    Expiring,
    SuspendedBySystem,
    SuspendedByCustomer,
    Terminated,
    NeverPaid,
    Manual,
    Issued,
    Paid,
    BalanceLow,
    WebhookDisabled,
    TasksWaiting,
}

/// What an invoice is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Order,
    Renewal,
    Change,
}

/// The facts as the language writes them; empty where there is none.
struct Facts<'a> {
    kind: Kind,
    purpose: Purpose,
    login: String,
    name: String,
    company: &'a Party,
    order: i64,
    service: String,
    until: String,
    days_left: i32,
    invoice: i64,
    months: String,
    total: String,
    balance: String,
    missing: String,
    ends_on: String,
    orders: String,
    url: String,
    days: u16,
    gone: bool,
    driver: String,
    why: String,
    since: String,
}

macro_rules! templates {
    ($($name:ident $path:literal),*) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            f: &'a Facts<'a>,
        }
    )*};
}
templates!(English "en.txt", Lithuanian "lt.txt", Russian "ru.txt", ToStaff "staff.txt");

#[derive(Template)]
#[template(path = "letter.html")]
struct Page<'a> {
    language: Language,
    paragraphs: Vec<Vec<&'a str>>,
}

/// The letter to the customer.
///
/// # Errors
/// [`LetterError`].
pub fn letter(news: &News, reader: &Reader<'_>) -> Result<Letter, LetterError> {
    if matches!(news, News::TasksWaiting(_)) {
        return Err(LetterError::Facts(format!("{} is for staff alone", news.event())));
    }
    let facts = facts(news, reader, reader.language)?;
    let written = match reader.language {
        Language::En => English { f: &facts }.render()?,
        Language::Lt => Lithuanian { f: &facts }.render()?,
        Language::Ru => Russian { f: &facts }.render()?,
    };
    laid_out(&written, reader.language)
}

/// The letter to staff, in the language of the command line: English.
///
/// # Errors
/// [`LetterError`].
pub fn letter_to_staff(news: &News, reader: &Reader<'_>) -> Result<Letter, LetterError> {
    let facts = facts(news, reader, Language::En)?;
    laid_out(&ToStaff { f: &facts }.render()?, Language::En)
}

/// Templates write the subject on their first line.
fn laid_out(written: &str, language: Language) -> Result<Letter, LetterError> {
    let (subject, text) = written.trim_start().split_once('\n').unwrap_or((written, ""));
    let text = format!("{}\n", text.trim());
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.lines().collect()).collect();
    let html = Page { language, paragraphs }.render()?;
    Ok(Letter { subject: subject.trim().to_owned(), text, html })
}

fn facts<'a>(news: &News, reader: &Reader<'a>, language: Language) -> Result<Facts<'a>, LetterError> {
    let mut facts = Facts {
        kind: kind(news),
        purpose: Purpose::Order,
        login: plain(reader.login),
        name: reader.name.map(plain).unwrap_or_default(),
        company: reader.company,
        order: 0,
        service: String::new(),
        until: String::new(),
        days_left: 0,
        invoice: 0,
        months: String::new(),
        total: String::new(),
        balance: String::new(),
        missing: String::new(),
        ends_on: String::new(),
        orders: String::new(),
        url: String::new(),
        days: 0,
        gone: false,
        driver: String::new(),
        why: String::new(),
        since: String::new(),
    };
    if let Some(order) = news.order() {
        of_order(&mut facts, order, reader, language);
    }
    match news {
        News::InvoiceIssued(invoice) | News::InvoicePaid(invoice) => of_invoice(&mut facts, invoice, language)?,
        News::BalanceLow(low) => of_balance(&mut facts, low, language)?,
        News::WebhookDisabled(WebhookDisabled { url, days, gone, .. }) => {
            facts.url = plain(url);
            facts.days = *days;
            facts.gone = *gone;
        }
        News::TasksWaiting(TasksWaiting { driver, why, since, .. }) => {
            facts.driver = plain(driver);
            facts.why = plain(why);
            facts.since = since.to_string();
        }
        News::OrderReady(_)
        | News::OrderExpiring(_)
        | News::OrderSuspended(_)
        | News::OrderTerminated(_)
        | News::OrderManual(_) => {}
    }
    Ok(facts)
}

fn kind(news: &News) -> Kind {
    match news {
        News::OrderReady(_) => Kind::Ready,
        News::OrderExpiring(_) => Kind::Expiring,
        News::OrderSuspended(order) if order.by.as_deref() == Some("customer") => Kind::SuspendedByCustomer,
        News::OrderSuspended(_) => Kind::SuspendedBySystem,
        News::OrderTerminated(order) if order.began == Some(false) => Kind::NeverPaid,
        News::OrderTerminated(_) => Kind::Terminated,
        News::OrderManual(_) => Kind::Manual,
        News::InvoiceIssued(_) => Kind::Issued,
        News::InvoicePaid(_) => Kind::Paid,
        News::BalanceLow(_) => Kind::BalanceLow,
        News::WebhookDisabled(_) => Kind::WebhookDisabled,
        News::TasksWaiting(_) => Kind::TasksWaiting,
    }
}

fn of_order(facts: &mut Facts<'_>, order: &OrderNews, reader: &Reader<'_>, language: Language) {
    facts.order = order.order;
    let domain = order.domain.as_deref().map(plain);
    let parts: Vec<String> =
        reader.tariff.map(plain).into_iter().chain(domain).filter(|part| !part.is_empty()).collect();
    facts.service = parts.join(", ");
    facts.until = order.until.map(|until| day(until, language)).unwrap_or_default();
    facts.days_left = order.days_left.unwrap_or_default();
}

fn of_invoice(facts: &mut Facts<'_>, invoice: &InvoiceNews, language: Language) -> Result<(), LetterError> {
    facts.invoice = invoice.invoice;
    facts.months = months(invoice.months, language);
    facts.total = money(invoice.total, &invoice.currency, language)?;
    facts.purpose = match invoice.purpose.as_str() {
        "order" => Purpose::Order,
        "renewal" => Purpose::Renewal,
        "change" => Purpose::Change,
        other => return Err(LetterError::Facts(format!("an invoice for {other:?}"))),
    };
    Ok(())
}

fn of_balance(facts: &mut Facts<'_>, low: &BalanceLow, language: Language) -> Result<(), LetterError> {
    facts.balance = money(low.balance, &low.currency, language)?;
    facts.missing = money(low.missing, &low.currency, language)?;
    facts.ends_on = day(low.ends_on, language);
    facts.orders = low.orders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Ok(())
}

fn money(minor: i64, currency: &str, language: Language) -> Result<String, LetterError> {
    let currency: Currency = currency.parse().map_err(|_| LetterError::Facts(format!("the currency {currency:?}")))?;
    Ok(sum(Money::minor(minor, currency), language))
}
