//! The key file: turned over, cut short, lost.

use std::fs;

use serde_json::json;

use super::{bed::Bed, client::Client};

/// Which key sealed something.
async fn sealed_with(bed: &Bed, what: &str) -> i64 {
    let sql = format!("select ('x' || encode(substr(({what}), 1, 4), 'hex'))::bit(32)::bigint");
    bed.owner().await.query_one(&sql, &[]).await.unwrap().get(0)
}

fn password_of(order: &str) -> String {
    format!("select server_password from live.orders where id = {order}")
}

fn answer_to(requestid: &str) -> String {
    format!("select answer from live.saved_answer where request_id = '{requestid}'")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_seals_and_the_old_one_opens_what_it_sealed() {
    let bed = Bed::new();
    let file = bed.data_dir().join("keys");
    bed.json(&["demo", "load"]).await;
    // No worker yet: the create task opens the password after the change.
    let serving = bed.serve(&[]).await;
    let demo = Client::demo(serving.gateway);
    let buy = "vid=vds&tarifid=10&period=1&addons=20&requestid=";
    let first = demo.bytes("createOrder", &format!("{buy}first")).await;
    let old = serde_json::from_slice::<serde_json::Value>(&first).unwrap()["orderid"].as_str().unwrap().to_owned();
    assert_eq!(sealed_with(&bed, &password_of(&old)).await, 1);
    assert_eq!(sealed_with(&bed, &answer_to("first")).await, 1);
    assert_eq!(serving.stop().await.code, Some(0));

    let one = fs::read_to_string(&file).unwrap();
    let second = format!("2 {}\n", "0f".repeat(32));
    fs::write(&file, format!("{one}{second}")).unwrap();
    let serving = bed.serve(&["--with-worker"]).await;
    let demo = Client::demo(serving.gateway);
    assert_eq!(demo.bytes("createOrder", &format!("{buy}first")).await, first, "the saved answer is another");
    demo.processed(&old).await;
    let new = demo.order("requestid=second").await;
    demo.processed(&new).await;
    assert_eq!(sealed_with(&bed, &password_of(&old)).await, 1);
    assert_eq!(sealed_with(&bed, &password_of(&new)).await, 2);
    assert_eq!(sealed_with(&bed, &answer_to("second")).await, 2);
    assert_eq!(bed.json(&["doctor"]).await["ok"], true);
    assert_eq!(serving.stop().await.code, Some(0));

    // Without a line, with other keys under the same numbers, without the file: the doctor says so.
    let others = format!("1 {}\n2 {}\n", "ab".repeat(32), "cd".repeat(32));
    for (text, order, why) in [
        (&second, &old, "sealed with key 1, which is not in the key file"),
        (&one, &new, "sealed with key 2, which is not in the key file"),
        (&others, &old, "does not open"),
    ] {
        fs::write(&file, text).unwrap();
        let doctor = bed.run(&["doctor", "--json"]).await;
        let told = doctor.json()["findings"].as_array().unwrap().iter().find(|f| f["ok"] == false).unwrap().to_string();
        assert_eq!(doctor.code, Some(1));
        assert!(told.contains(&format!("order {order} ")) && told.contains(why), "{told}");
    }
    fs::remove_file(&file).unwrap();
    let lost = bed.run(&["order", "list"]).await;
    assert!(lost.error(1).contains("put it back"), "{lost:?}");
    assert!(!file.exists(), "keys were made that open nothing");
    assert_eq!(bed.run(&["doctor", "--json"]).await.json()["ok"], json!(false));
}
