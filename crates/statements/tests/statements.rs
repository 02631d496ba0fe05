//! Statements, and everything that can be done to one: a proof that finds nothing must be able to find.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan, civil::date};
use proptest::prelude::*;
use secrecy::SecretBox;
use statements::{Entry, GENESIS, Head, PublicKeys, Seal, SigningKey, verify, write};

const ANN: i64 = 7;

fn key(id: i32, seed: u8) -> SigningKey {
    SigningKey::of(id, &SecretBox::new(Box::new([seed; 32]))).unwrap()
}

fn keys(of: &[&SigningKey]) -> PublicKeys {
    PublicKeys(of.iter().map(|key| (key.id, key.public())).collect())
}

fn head() -> Head {
    Head {
        customer: ANN,
        login: "ann".into(),
        currency: "EUR".into(),
        company: "Debesų prieglauda, UAB".into(),
        from: None,
        to: None,
        written: "2027-01-01T00:00:00Z".parse().unwrap(),
    }
}

/// A wallet's entries of these amounts, sealed for a customer.
fn wallet(name: &str, customer: i64, amounts: &[i64], key: &SigningKey) -> Vec<(Entry, Seal)> {
    let (mut balance, mut previous, mut sealed) = (0, GENESIS, Vec::new());
    for (number, amount) in (1..).zip(amounts) {
        balance += amount;
        let entry = Entry {
            wallet: name.to_owned(),
            number,
            at: Timestamp::UNIX_EPOCH + number.hours(),
            kind: if *amount > 0 { "deposit" } else { "charge" }.to_owned(),
            reference: format!("movement {number}"),
            journal: number * 10,
            amount: *amount,
            balance,
            note: "už „žąsis.lt“".to_owned(),
        };
        let seal = entry.seal(customer, "EUR", previous, key);
        previous = seal.hash;
        sealed.push((entry, seal));
    }
    sealed
}

/// Ann's statement: five entries of credit, two of bonus. Lines: head, 2 to 6, 7 and 8, end.
fn statement() -> (String, PublicKeys) {
    let signer = key(1, 1);
    let mut entries = wallet("credit", ANN, &[1000, -300, 500, -700, 25], &signer);
    entries.extend(wallet("bonus", ANN, &[200, -50], &signer));
    (write(&head(), &entries, &keys(&[&signer]), &signer).unwrap(), keys(&[&signer]))
}

fn findings(text: &str, trusted: &PublicKeys) -> Vec<String> {
    verify(text, Some(trusted)).unwrap().findings.iter().map(ToString::to_string).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn what_was_written_is_right() {
    let (text, trusted) = statement();
    assert_eq!(findings(&text, &trusted), [""; 0]);
    let verdict = verify(&text, None).unwrap();
    assert_eq!((verdict.entries, verdict.head, verdict.findings.len()), (7, head(), 0));
    assert_eq!(verdict.keys, trusted, "which its reader is to compare");
    assert!(text.contains(r#""figures":["-3.00","7.00"]"#), "{text}");
    assert_eq!(PublicKeys::parse(&format!("# of ours\n\n{trusted}")).unwrap(), trusted);
}

#[test]
fn a_part_is_right_where_it_says_that_it_is_one() {
    let signer = key(1, 1);
    let entries = wallet("credit", ANN, &[1000, -300, 500, -700, 25], &signer);
    let part = Head { from: Some(date(1970, 1, 1)), ..head() };
    let text = write(&part, &entries[2..4], &keys(&[&signer]), &signer).unwrap();
    assert_eq!(findings(&text, &keys(&[&signer])), [""; 0]);
    let whole = write(&head(), &entries[2..4], &keys(&[&signer]), &signer).unwrap();
    assert_eq!(findings(&whole, &keys(&[&signer])), ["line 2, credit 3: 1 to 2 are missing before it"]);
}

#[test]
fn a_change_is_found_where_it_is() {
    let (text, trusted) = statement();
    for (from, to, line, entry) in [
        ("\"amount\":-300", "\"amount\":-200", 3, "credit 2"),
        ("\"balance\":1200", "\"balance\":1201", 4, "credit 3"),
        (
            "\"kind\":\"deposit\",\"reference\":\"movement 3\"",
            "\"kind\":\"refund\",\"reference\":\"movement 3\"",
            4,
            "credit 3",
        ),
        ("\"reference\":\"movement 4\"", "\"reference\":\"movement 5\"", 5, "credit 4"),
        ("\"journal\":50", "\"journal\":51", 6, "credit 5"),
        (
            "\"at\":\"1970-01-01T02:00:00Z\",\"kind\":\"charge\",\"reference\":\"movement 2\",\"journal\":20,\"amount\":-50",
            "\"at\":\"1970-01-01T02:00:01Z\",\"kind\":\"charge\",\"reference\":\"movement 2\",\"journal\":20,\"amount\":-50",
            8,
            "bonus 2",
        ),
        ("\"figures\":[\"-7.00\"", "\"figures\":[\"-6.00\"", 5, "credit 4"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let found = findings(&text.replace(from, to), &trusted);
        assert!(found[0].starts_with(&format!("line {line}, {entry}: ")), "{from}: {found:?}");
        assert_eq!(found.last().unwrap(), "line 9: the lines before are not those that were signed");
    }
    let found = findings(&text.replacen("\"login\":\"ann\"", "\"login\":\"bob\"", 1), &trusted);
    assert_eq!(found, ["line 9: the lines before are not those that were signed"], "the head is signed as well");
}

#[test]
fn what_is_missing_is_named() {
    let (text, trusted) = statement();
    let without = |at: &[usize]| {
        let kept = lines(&text).into_iter().enumerate().filter(|(line, _)| !at.contains(line));
        findings(&kept.map(|(_, line)| line).collect::<String>(), &trusted)
    };
    assert_eq!(without(&[2])[0], "line 3, credit 3: 2 is missing before it");
    assert_eq!(without(&[2, 3])[0], "line 3, credit 4: 2 to 3 are missing before it");
    assert_eq!(without(&[1])[0], "line 2, credit 2: 1 is missing before it");
    assert_eq!(without(&[5])[0], "line 8: there were 7 entries, and 6 are here", "the last of a wallet");
    assert_eq!(without(&[6, 7])[0], "line 7: there were 7 entries, and 5 are here", "a whole wallet");
    assert_eq!(without(&[8]), ["line 9: the end is missing: entries may be missing before it"]);
    assert!(verify(&lines(&text)[1..].concat(), None).is_err(), "without its head it is no statement");
}

#[test]
fn another_order_and_a_line_twice_are_found() {
    let (text, trusted) = statement();
    let mut swapped = lines(&text);
    swapped.swap(2, 3);
    let found = findings(&swapped.concat(), &trusted);
    assert!(
        found.contains(&"line 4, credit 2: it stands after 3: the order was changed, or it is there twice".to_owned()),
        "{found:?}"
    );
    let mut twice = lines(&text);
    twice.insert(3, twice[2].clone());
    let found = findings(&twice.concat(), &trusted);
    assert_eq!(found[0], "line 4, credit 2: it stands after 2: the order was changed, or it is there twice");
}

#[test]
fn what_was_added_is_found_whoever_sealed_it() {
    let (text, trusted) = statement();
    let (company, thief) = (key(1, 1), key(1, 66));
    // One of another customer's, with a seal that is good there.
    let bob = wallet("credit", 8, &[1000, -300, 500, -700, 25, 9900], &company);
    let of_bob = write(&Head { customer: 8, ..head() }, &bob, &trusted, &company).unwrap();
    let mut with_bob_s = lines(&text);
    with_bob_s.insert(6, lines(&of_bob)[6].clone());
    let found = findings(&with_bob_s.concat(), &trusted);
    assert!(found[0].starts_with("line 7, credit 6: what it says is not what was sealed"), "{found:?}");
    // One that follows well, and that the company did not sign; the end made anew.
    let mut entries = wallet("credit", ANN, &[1000, -300, 500, -700, 25], &company);
    let (_, last) = entries.last().unwrap();
    let (mut entry, _) = wallet("credit", ANN, &[1; 6], &thief).pop().unwrap();
    entry.amount = 990_000;
    entry.balance = 525 + 990_000;
    let seal = entry.seal(ANN, "EUR", last.hash, &thief);
    entries.push((entry, seal));
    let forged = write(&head(), &entries, &keys(&[&thief]), &thief).unwrap();
    assert_eq!(
        findings(&forged, &trusted),
        ["line 7, credit 6: key 1 did not sign it", "line 8: the end: key 1 did not sign it"]
    );
    assert_eq!(findings(&(text.clone() + &lines(&text)[1]), &trusted), ["line 10: it stands after the end"]);
}

#[test]
fn keys_change_and_old_signatures_stay_good() {
    let (old, new) = (key(1, 1), key(2, 2));
    let mut entries = wallet("credit", ANN, &[1000, -300], &old);
    let (mut entry, _) = wallet("credit", ANN, &[1, 1, 5], &old).pop().unwrap();
    entry.balance = 705;
    let seal = entry.seal(ANN, "EUR", entries[1].1.hash, &new);
    entries.push((entry, seal));
    let text = write(&head(), &entries, &keys(&[&old, &new]), &new).unwrap();
    assert_eq!(findings(&text, &keys(&[&old, &new])), [""; 0]);
    let found = findings(&text, &keys(&[&new]));
    assert_eq!(
        found,
        [1, 2].map(|n| format!("line {}, credit {n}: it is signed with key 1, which is not known", n + 1))
    );
}

proptest! {
    /// Whatever byte of a statement is another, it is found.
    #[test]
    fn no_byte_can_be_another(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let (text, trusted) = statement();
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        if let Ok(changed) = String::from_utf8(bytes) {
            let is_right = verify(&changed, Some(&trusted)).is_ok_and(|verdict| verdict.findings.is_empty());
            // White space after the last line is nobody's entry.
            prop_assert!(!is_right || changed.trim_end() == statement().0.trim_end(), "at {at}: {changed}");
        }
    }

    /// Two entries that differ in anything have different seals.
    #[test]
    fn no_two_entries_are_the_same_bytes(a in any::<[String; 4]>(), b in any::<[String; 4]>(), n in any::<[i64; 2]>()) {
        let entry = |[wallet, kind, reference, note]: &[String; 4]| Entry {
            wallet: wallet.clone(), kind: kind.clone(), reference: reference.clone(), note: note.clone(),
            number: 1, at: Timestamp::UNIX_EPOCH, journal: 1, amount: n[0], balance: n[1],
        };
        let hashes = [&a, &b].map(|of| entry(of).hash(1, "EUR", &GENESIS));
        prop_assert_eq!(hashes[0] == hashes[1], a == b);
        prop_assert_ne!(entry(&a).hash(1, "EUR", &GENESIS), entry(&a).hash(2, "EUR", &GENESIS));
    }
}

#[test]
fn keys_are_read_as_they_are_written() {
    assert_eq!(PublicKeys::parse("# none").unwrap_err().to_string(), "there is no key");
    assert_eq!(PublicKeys::parse("\n1 zz").unwrap_err().to_string(), "line 2 of the keys is not `NUMBER BASE64`");
    let published: BTreeMap<i32, _> = [(3, key(3, 9).public())].into();
    assert_eq!(PublicKeys::parse(&PublicKeys(published.clone()).to_string()).unwrap().0, published);
}
