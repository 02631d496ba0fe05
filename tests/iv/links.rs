//! Links in answers: they open for whom and for as long as they should, and can't be altered.

use std::net::IpAddr;

use domain::{
    billing::{CreditNoteId, InvoiceId},
    orders::OrderId,
};
use gateway_http::{auth::AuthSettings, http::Serving};
use iv_json::{
    ApiSettings,
    links::{CreditNoteLink, GraphLink, seal},
};
use serde_json::Value;
use store::{
    RealmKind,
    invoices::{Credit, Refund},
};

use super::bed::{Bed, get_from, path, settings};
use crate::support::Response;

const LOOKER: &str = "198.51.100.7";

async fn get(serving: &Serving, path: &str) -> Response {
    get_from(serving, path, None, "").await
}

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// The path with one letter of its token exchanged.
fn altered(path: &str) -> impl Iterator<Item = String> {
    let start = path.rfind('/').unwrap() + 1;
    let end = path.rfind('.').filter(|at| *at > start).unwrap_or(path.len());
    (start..end).step_by(7).map(move |at| {
        let other = if path.as_bytes()[at] == b'A' { "B" } else { "A" };
        format!("{}{other}{}", &path[..at], &path[at + 1..])
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_opens_as_a_page_and_as_a_pdf_for_whoever_has_the_link() {
    let bed = Bed::new().await;
    bed.app.running_order().await;
    let serving = bed.serve(&bed.api);
    let invoice = bed.done("account_orders", &[]).await[0].clone();
    assert_eq!((&invoice["or_cost"], &invoice["or_number"]), (&"14.90".into(), &Value::Null));
    let page = path(&invoice["or_url"]);
    let shown = get(&serving, &page).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(shown.header("referrer-policy"), Some("no-referrer"));
    assert!(text(&shown).contains("14.90") && text(&shown).contains("Debesų prieglauda"), "{}", text(&shown));
    assert!(!text(&shown).contains("VRT"));

    let realm = &bed.app.db.database.live;
    realm.transaction("number", async |tx| store::invoices::number(tx, "VRT").await).await.unwrap();
    let numbered = text(&get(&serving, &page).await);
    assert!(numbered.contains("VRT") && numbered.contains('1'), "{numbered}");
    let pdf = get(&serving, &format!("{page}.pdf")).await;
    assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
    assert!(pdf.body.starts_with(b"%PDF-"));

    for path in altered(&page) {
        assert_eq!(get(&serving, &path).await.status, 404, "{path}");
        assert_eq!(get(&serving, &format!("{path}.pdf")).await.status, 404, "{path}");
    }
    for path in ["/invoices/", "/invoices/x", "/invoices/1", "/invoices/1.pdf", "/invoices/%00"] {
        assert_eq!(get(&serving, path).await.status, 404, "{path}");
    }
    let graph = seal(&link(1, i64::MAX), bed.app.db.database.live.keys()).unwrap();
    assert_eq!(get(&serving, &format!("/invoices/{graph}")).await.status, 404, "a graph's token");
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_is_called_stays_text_on_the_page() {
    let bed = Bed::new().await;
    let name = "<script>alert(1)</script>&\"";
    let profile = format!(
        "insert into live.profile (customer_id, company) select id, '{name}' from live.customer where login = 'ann' \
         on conflict (customer_id) do update set company = excluded.company"
    );
    bed.app.db.run_sql(&profile).await;
    bed.app.running_order().await;
    let serving = bed.serve(&bed.api);
    let page = path(&bed.done("account_orders", &[]).await[0]["or_url"]);
    let shown = text(&get(&serving, &page).await);
    assert!(shown.contains("alert(1)") && !shown.contains("<script"), "{shown}");
    assert_eq!(get(&serving, &format!("{page}.pdf")).await.status, 200);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_stays_as_it_was_issued_and_its_credit_note_has_a_link_of_its_own() {
    let bed = Bed::new().await;
    bed.app.running_order().await;
    let live = &bed.app.db.database.live;
    live.transaction("number", async |tx| store::invoices::number(tx, "VRT").await).await.unwrap();
    let serving = bed.serve(&bed.api);
    let invoice = bed.done("account_orders", &[]).await[0].clone();
    let before = text(&get(&serving, &path(&invoice["or_url"])).await);

    let id = InvoiceId(invoice["or_id"].as_str().unwrap().parse().unwrap());
    let wanted = Credit { amount: None, cause: "a test", note: "Nothing came of it", refund: Refund::Wallets };
    live.transaction("credit", async |tx| store::invoices::credit(tx, id, &wanted).await).await.unwrap();
    bed.app.db.run_sql("insert into live.profile (customer_id, company) select id, 'Later' from live.customer").await;
    bed.app.db.run_sql("update live.customer set language = 'lt', vat_points = 2100").await;
    let later = path(&invoice["or_url"]);
    assert_eq!(text(&get(&serving, &later).await), before, "whatever became of it and of its customer");

    let listed = bed.done("account_orders", &[]).await;
    let (note, same) = (&listed[0], &listed[1]);
    assert_eq!((&note["or_cost"], &note["or_number"]), (&"-14.90".into(), &Value::Null));
    assert!(note["or_paid"].is_string() && note["or_id"] != same["or_id"], "{listed}");
    for field in ["or_id", "or_created", "or_paid", "or_series", "or_number", "or_cost"] {
        assert_eq!(same[field], invoice[field], "{field}");
    }
    live.transaction("number", async |tx| store::invoices::number_credit_notes(tx, "VRC").await).await.unwrap();
    let page = path(&note["or_url"]);
    let shown = text(&get(&serving, &page).await);
    for said in ["VRC", "VRT", "Nothing came of it", "−14.90"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(get(&serving, &format!("{page}.pdf")).await.body.starts_with(b"%PDF-"));
    for path in altered(&page) {
        assert_eq!(get(&serving, &path).await.status, 404, "{path}");
    }
    let none = seal(&CreditNoteLink::to(RealmKind::Live, CreditNoteId(id.0)), live.keys()).unwrap();
    assert_eq!(get(&serving, &format!("/invoices/{none}")).await.status, 404, "an invoice is no credit note");
    bed.app.db.verify_books().await;
    serving.stop().await;
}

fn link(order: i64, expires: i64) -> GraphLink {
    GraphLink::to(RealmKind::Live, OrderId(order), "cpu_daily".to_owned(), 300, LOOKER.parse().unwrap(), expires)
}

/// The API behind a proxy that is believed.
fn behind_proxy() -> ApiSettings {
    let trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    ApiSettings { auth: AuthSettings { trusted_proxies, ..AuthSettings::default() }, ..settings() }
}

/// The width in a PNG's head.
fn width(png: &[u8]) -> u32 {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    u32::from_be_bytes(png[16..20].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_opens_for_one_address_only() {
    let bed = Bed::new().await;
    let server = bed.app.running_order().await;
    let api = bed.with(behind_proxy());
    let serving = bed.serve(&api);
    let looker: IpAddr = LOOKER.parse().unwrap();
    for pixels in ["1", "300", "1000"] {
        let links = bed.done("server_graphs", &[("id", &server), ("width", pixels), ("ip", LOOKER)]).await;
        for (name, link) in links.as_object().unwrap() {
            let shown = get_from(&serving, &path(link), Some(looker), "").await;
            assert_eq!((shown.status, shown.header("content-type")), (200, Some("image/png")), "{name}");
            assert_eq!(width(&shown.body).to_string(), pixels, "{name}");
        }
    }
    let links = bed.done("server_graphs", &[("id", &server), ("width", "300"), ("ip", LOOKER)]).await;
    let daily = path(&links["cpu_daily"]);
    for other in ["198.51.100.8", "127.0.0.1", "2001:db8::7"] {
        let refused = get_from(&serving, &daily, Some(other.parse().unwrap()), "").await;
        assert_eq!(refused.status, 403, "{other}");
    }
    assert_eq!(get(&serving, &daily).await.status, 403, "the proxy itself");
    let call = "/json.php?nick=ann-api&password=ann-api-password&command=version";
    assert_eq!(get(&serving, call).await.status, 403, "a proxy that names nobody is not in the provider's networks");
    let mapped = get_from(&serving, &daily, Some("::ffff:198.51.100.7".parse().unwrap()), "").await;
    assert_eq!(mapped.status, 200, "the same address, written otherwise");
    let first = get_from(&serving, &daily, Some(looker), "").await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = get_from(&serving, &daily, Some(looker), &format!("If-None-Match: {tag}\r\n")).await;
    // The picture may have gone on by a minute since.
    let unchanged = again.header("etag") == Some(&tag);
    assert_eq!((again.status, again.body.is_empty()), if unchanged { (304, true) } else { (200, false) });
    for path in altered(&daily) {
        assert_eq!(get_from(&serving, &path, Some(looker), "").await.status, 404, "{path}");
    }
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_opens_for_a_day_and_what_is_not_there_does_not() {
    let bed = Bed::new().await;
    let server: i64 = bed.app.running_order().await.parse().unwrap();
    let serving = bed.serve(&bed.with(behind_proxy()));
    let looker: IpAddr = LOOKER.parse().unwrap();
    let now = bed.app.db.value::<i64>("select floor(extract(epoch from now()))::bigint").await;
    let keys = bed.app.db.database.live.keys();
    let open = async |link: &GraphLink| {
        get_from(&serving, &format!("/graphs/{}.png", seal(link, keys).unwrap()), Some(looker), "").await.status
    };
    assert_eq!(open(&link(server, now + 60)).await, 200);
    assert_eq!(open(&link(server, now)).await, 410);
    assert_eq!(open(&link(server, now - 86_400)).await, 410);
    assert_eq!(open(&link(999_999, now + 60)).await, 404);
    let (mut unknown, mut wide) = (link(server, now + 60), link(server, now + 60));
    unknown.graph = "cpu_hourly".to_owned();
    wide.width = 1001;
    assert_eq!((open(&unknown).await, open(&wide).await), (404, 404));
    let server = server.to_string();
    let given = bed.done("server_graphs", &[("id", &server), ("width", "300"), ("ip", LOOKER)]).await;
    let token = path(&given["io_yearly"]);
    let token = token.strip_prefix("/graphs/").unwrap().strip_suffix(".png").unwrap();
    let opened = iv_json::links::open::<GraphLink>(token, keys).unwrap();
    assert!((now + 86_340..=now + 86_460).contains(&opened.expires), "a day, and no more");
    let other = store::seal::Keyring::parse(&store::seal::Keyring::generate().unwrap()).unwrap();
    let forged = seal(&link(1, now + 60), &other).unwrap();
    assert_eq!(get_from(&serving, &format!("/graphs/{forged}.png"), Some(looker), "").await.status, 404);
    serving.stop().await;
}
