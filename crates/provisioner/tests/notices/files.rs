//! Mail in files, which is where it goes unless a server is set up, and always in the test realm.

use std::{collections::BTreeMap, fs, path::Path};

use domain::language::Language;
use provisioner::notices::SmtpSecurity;
use store::{
    RealmKind::{Live, Test},
    Tx, notices,
};

use crate::{bed::Bed, mail_server::MailServer, service::Service};

fn files(directory: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
    let entries = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_a_file_and_the_same_one_when_it_is_sent_again() {
    let bed = Bed::new().await;
    let ann = bed.customer(Live, "ann", Language::Ru, "Анна").await;
    bed.order(Live, &ann, "a.lt").await;
    assert_eq!(bed.relay(Live).await, 1);
    let first = files(&bed.mail());
    let uid: String = bed.db.value("select uid::text from live.notice").await;
    assert_eq!(first.keys().collect::<Vec<_>>(), [&format!("{uid}.eml")]);
    bed.db.run_sql("update live.notice set state = 'waiting', ended_at = null").await;
    assert_eq!(bed.relay_all().await, 1);
    assert_eq!(files(&bed.mail()), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_address_is_said_to_have_none() {
    let bed = Bed::new().await;
    let poor = bed.db.customer("poor").credit("10.00").add().await;
    bed.order(Live, &poor, "a.lt").await;
    let odd = bed.customer(Live, "odd", Language::En, "Odd").await;
    bed.db.run_sql("update live.profile set email = 'not an address' || E'\\r\\nBcc: x@example.com'").await;
    bed.order(Live, &odd, "b.lt").await;
    assert_eq!(bed.relay(Live).await, 0);
    assert_eq!(bed.states().await, "skipped 1, failed 1");
    assert_eq!(
        bed.db.value::<String>("select detail from live.notice where state = 'skipped'").await,
        "the customer has no e-mail address"
    );
    assert!(files(&bed.mail()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_test_realm_goes_anywhere_but_into_files() {
    let (mut bed, server) = (Bed::new().await, MailServer::new());
    bed.smtp(server.port, SmtpSecurity::None);
    let tom = bed.customer(Test, "tom", Language::En, "Tom").await;
    let (test, service) = (&bed.db.database.test, Service::new(&["200 OK"]));
    let set = async |tx: &mut Tx| notices::set(tx, tom.customer, &service.url).await;
    test.transaction("set", set).await.unwrap();
    bed.order(Test, &tom, "a.lt").await;
    bed.relay(Test).await;
    assert!(server.taken().is_empty() && service.asked().is_empty());
    let states = "select string_agg(channel || ' ' || state, ', ' order by id) from test.notice";
    assert_eq!(bed.db.value::<String>(states).await, "mail sent, webhook skipped");
    let written = files(&bed.mail().join("test"));
    assert!(
        written.len() == 1 && written.values().all(|text| text.contains("To: ") && text.contains("tom@example.com"))
    );
}
