//! Results and exit codes (faults 32 and 33, and `docs/hooks.md`).

use domain::tasks::Operation;
use provisioner::driver::{Class, Driver, Observed, Outcome};

use super::{RESULT, class, done, ran, ran_with};
use crate::bed::{Place, exec, exec_settings, task, unhurried};

#[tokio::test]
async fn success_needs_one_result_of_this_task() {
    let place = Place::new();
    let other = r#"echo '{"t":"result","task":"9"}'"#;
    let fault = |why: &str| Outcome::Fail { class: Class::Protocol, why: why.into() };
    let cases = [
        (format!("{RESULT}\n{RESULT}"), done()),
        (r#"echo '{"t":"result","task":"1042"}'"#.into(), Outcome::Done { node: "the hypervisor".into() }),
        (String::new(), fault("the hook told no result")),
        (r#"echo '{"t":"result","task":"1042"'"#.into(), fault("the hook told no result")),
        (format!("{RESULT}\n{other}"), fault("the hook told two results that differ")),
        (other.into(), fault("the hook told the result of task \"9\", not \"1042\"")),
        (r#"echo '{"t":"result"}'"#.into(), fault("the hook told the result of task \"\", not \"1042\"")),
    ];
    for (text, wanted) in cases {
        assert_eq!(ran(place.sh(&text)).await.0, wanted, "{text}");
    }
    let (outcome, _) = ran(place.sh(r#"echo '{"t":"result","task":5}'"#)).await;
    assert_eq!(class(&outcome), Some(Class::Protocol), "{outcome:?}");
}

#[tokio::test]
async fn each_exit_code_says_one_thing() {
    let place = Place::new();
    let told = |outcome: &Outcome| match outcome {
        Outcome::Done { .. } => "done",
        Outcome::Pending { .. } => "pending",
        Outcome::Retry { .. } => "retry",
        Outcome::Fail { .. } => "fail",
        Outcome::Unknown { .. } => "unknown",
    };
    let cases = [
        (0, "done", None),
        (10, "done", None),
        (20, "fail", Some(Class::Missing)),
        (64, "fail", Some(Class::Refused)),
        (65, "fail", Some(Class::Refused)),
        (69, "retry", Some(Class::Unavailable)),
        (75, "retry", Some(Class::Unavailable)),
        (77, "fail", Some(Class::Person)),
        (79, "retry", Some(Class::Fenced)),
        (1, "unknown", Some(Class::Internal)),
        (126, "unknown", Some(Class::Internal)),
        (255, "unknown", Some(Class::Internal)),
    ];
    for (code, wanted, of) in cases {
        let (outcome, _) = ran(place.sh(&format!("{RESULT}; exit {code}"))).await;
        assert_eq!((told(&outcome), class(&outcome)), (wanted, of), "{code}: {outcome:?}");
    }
    let settings = exec_settings(place.sh("exit 20"));
    let (outcome, _) = ran_with(settings, &task(Operation::Destroy), super::Duration::from_secs(60)).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

#[tokio::test]
async fn what_can_not_be_looked_at_is_not_lost() {
    let place = Place::new();
    let task = task(Operation::Create);
    let seen = async |text: &str| {
        let (ctx, _lines) = unhurried();
        exec(place.sh(text)).observe(&task, &ctx).await
    };
    assert_eq!(seen("exit 20").await, Observed::Missing);
    assert_eq!(seen(r#"echo '{"t":"result","task":"1042","state":"missing"}'"#).await, Observed::Missing);
    let unsure = [
        "exit 69",
        "exit 1",
        "kill -9 $$",
        RESULT,
        r#"echo '{"t":"result","task":"1042","state":"present"}'"#,
        r#"echo '{"t":"result","task":"1042","state":"present","machine":{"running":"yes","generation":1}}'"#,
        r#"echo '{"t":"result","task":"9","state":"missing"}'"#,
        "",
    ];
    for text in unsure {
        assert!(matches!(seen(text).await, Observed::Unavailable(_)), "{text}");
    }
    let little = r#"echo '{"t":"result","task":"1042","state":"present","machine":{"running":true,"generation":2}}'"#;
    let Observed::Present(machine) = seen(little).await else { panic!("it is there") };
    assert_eq!((machine.generation, machine.boot, machine.traits.size), (2, None, None));
}

#[tokio::test]
async fn a_hook_of_another_protocol_is_found_out() {
    let place = Place::new();
    let probed = async |text: &str| exec(place.sh(text)).probe().await.map_err(|trouble| trouble.class);
    let knows = r#"echo '{"t":"result","protocol":[1,2],"operations":["create","reboot","teleport"]}'"#;
    assert_eq!(probed(knows).await, Ok([Operation::Create, Operation::Restart].into()));
    assert_eq!(probed(r#"echo '{"t":"result","protocol":[2]}'"#).await, Err(Class::Protocol));
    assert_eq!(probed("exit 64").await, Err(Class::Refused));
    assert_eq!(probed("exit 69").await, Err(Class::Unavailable));
}

#[tokio::test]
async fn a_mark_of_byte_order_before_the_result_is_no_part_of_it() {
    let place = Place::new();
    let (task, (ctx, _lines)) = (task(Operation::Create), unhurried());
    let told = r#"printf '\xef\xbb\xbf{"t":"result","task":"1042","node":"n1"}\r\n'"#;
    assert_eq!(exec(place.sh(told)).execute(&task, &ctx).await, Outcome::Done { node: "n1".into() });
}

#[tokio::test]
async fn counters_that_can_not_be_are_a_gap() {
    let place = Place::new();
    let read = async |text: &str| exec(place.sh(text)).usage(domain::orders::OrderId(31)).await;
    assert_eq!(read(r#"echo '{"t":"result","cpu_ns":5}'"#).await.unwrap().cpu_ns, Some(5));
    assert_eq!(read(r#"echo '{"t":"result","cpu_ns":-1}'"#).await, None);
    assert_eq!(read(r#"echo '{"t":"result","cpu_ns":1.5}'"#).await, None);
    assert_eq!(read("exit 69").await, None);
    assert_eq!(read(r#"echo '{"t":"result","rx_bytes":18446744073709551615}'"#).await.unwrap().rx_bytes, None);
}
