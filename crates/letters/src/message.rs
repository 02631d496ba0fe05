//! Messages for customers' webhooks, as Standard Webhooks suggests them.

use domain::{
    money::{Currency, Money},
    notices::{InvoiceNews, News, OrderNews},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// `{"type": …, "timestamp": …, "data": {…}}`: amounts are decimals in text, as everywhere on the wire.
#[must_use]
pub fn message(news: &News, login: &str, at: Timestamp) -> Value {
    let mut data = Map::new();
    data.insert("login".to_owned(), json!(login));
    match news {
        News::OrderReady(order)
        | News::OrderExpiring(order)
        | News::OrderSuspended(order)
        | News::OrderTerminated(order)
        | News::OrderManual(order) => of_order(&mut data, order),
        News::InvoiceIssued(invoice) | News::InvoicePaid(invoice) => of_invoice(&mut data, invoice),
        News::BalanceLow(low) => data.extend([
            ("balance".to_owned(), amount(low.balance, &low.currency)),
            ("missing".to_owned(), amount(low.missing, &low.currency)),
            ("currency".to_owned(), json!(low.currency)),
            ("ends_on".to_owned(), json!(low.ends_on)),
            ("orders".to_owned(), json!(low.orders)),
        ]),
        News::WebhookDisabled(webhook) => {
            data.extend([("url".to_owned(), json!(webhook.url)), ("days".to_owned(), json!(webhook.days))]);
            data.extend(webhook.gone.then(|| ("gone".to_owned(), json!(true))));
        }
        // For staff alone: no webhook is told of it.
        News::TasksWaiting(_) => {}
    }
    json!({ "type": news.event(), "timestamp": at.to_string(), "data": data })
}

fn of_order(data: &mut Map<String, Value>, order: &OrderNews) {
    data.insert("order".to_owned(), json!(order.order));
    data.insert("tariff".to_owned(), json!(order.tariff));
    data.insert("domain".to_owned(), json!(order.domain));
    data.insert("todate".to_owned(), json!(order.until));
    data.extend(order.by.as_ref().map(|by| ("suspended_by".to_owned(), json!(by))));
    data.extend(order.began.map(|began| ("began".to_owned(), json!(began))));
    data.extend(order.days_left.map(|left| ("days_left".to_owned(), json!(left))));
}

fn of_invoice(data: &mut Map<String, Value>, invoice: &InvoiceNews) {
    of_order(data, &invoice.order);
    data.insert("invoice".to_owned(), json!(invoice.invoice));
    data.insert("purpose".to_owned(), json!(invoice.purpose));
    data.insert("months".to_owned(), json!(invoice.months));
    data.insert("total".to_owned(), amount(invoice.total, &invoice.currency));
    data.insert("currency".to_owned(), json!(invoice.currency));
}

/// Minor units as a decimal; as they are where nobody knows the currency.
fn amount(minor: i64, currency: &str) -> Value {
    match currency.parse::<Currency>() {
        Ok(currency) => json!(Money::minor(minor, currency).to_string()),
        Err(_) => json!(minor.to_string()),
    }
}
