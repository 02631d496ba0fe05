//! What is written, compared with what PHP reads and would write itself.

use proptest::prelude::*;

use super::php_oracle::{PhpOracle, size};
use super::{Map, Reply};

/// Builds the value in PHP from a description that is neither of the two formats, and holds both against it. PHP's
/// own assignment decides what becomes of a key.
const COMPARE: &str = r#"
    function built(string $tree, int &$at) {
        $kind = $tree[$at++];
        if ($kind === 'N') return null;
        if ($kind === 'T') return text($tree, $at);
        $count = unpack('N', $tree, $at)[1];
        $at += 4;
        $array = [];
        for (; $count > 0; $count--) {
            if ($kind === 'L') {
                $array[] = built($tree, $at);
            } else {
                $key = text($tree, $at);
                $array[$key] = built($tree, $at);
            }
        }
        return $array;
    }
    function text(string $tree, int &$at): string {
        $length = unpack('N', $tree, $at)[1];
        $at += 4 + $length;
        return substr($tree, $at - $length, $length);
    }
    function answer(array $parts): string {
        [$tree, $php, $json] = $parts;
        $at = 0;
        $want = built($tree, $at);
        if (serialize($want) !== $php) return 'PHP serializes ' . serialize($want);
        $read = unserialize($php, ['allowed_classes' => false]);
        if ($read !== $want) return 'PHP unserializes ' . var_export($read, true);
        $decoded = json_decode($json, true);
        if ($decoded !== $want) return 'PHP reads the JSON as ' . var_export($decoded, true);
        if (json_encode($read) !== json_encode($decoded)) return 'PHP re-encodes ' . json_encode($read);
        return 'same';
    }
"#;

/// The description of a tree that `built` reads.
fn describe(reply: &Reply, out: &mut Vec<u8>) {
    let text = |text: &str, out: &mut Vec<u8>| {
        out.extend(size(text.len()));
        out.extend(text.as_bytes());
    };
    match reply {
        Reply::Null => out.push(b'N'),
        Reply::Text(value) => {
            out.push(b'T');
            text(value, out);
        }
        Reply::List(items) => {
            out.push(b'L');
            out.extend(size(items.len()));
            items.iter().for_each(|item| describe(item, out));
        }
        Reply::Map(map) => {
            out.push(b'M');
            out.extend(size(map.len()));
            for (key, value) in map.iter() {
                text(key, out);
                describe(value, out);
            }
        }
    }
}

/// The JSON value that a tree stands for.
fn json(reply: &Reply) -> serde_json::Value {
    match reply {
        Reply::Null => serde_json::Value::Null,
        Reply::Text(text) => text.as_str().into(),
        Reply::List(items) => items.iter().map(json).collect(),
        Reply::Map(map) => map.iter().map(|(key, value)| (key.to_owned(), json(value))).collect(),
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[а-яёА-ЯЁąčęėįšųūž€ ]{0,20}",
        "[\\x00-\\x20\"';:{}\\\\/]{0,20}",
        Just("\";O:8:\"stdClass\":0:{}".to_owned()),
        Just("s:5:\"x\";}a:1:{i:0;".to_owned()),
        Just("</script>\u{2028}\u{feff}".to_owned()),
    ]
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z]{1,3}",
        2 => (0..4u8).prop_map(|index| index.to_string()),
        1 => any::<i64>().prop_map(|integer| integer.to_string()),
        1 => (-3..=3i128, any::<bool>()).prop_map(|(step, high)| {
            (i128::from(if high { i64::MAX } else { i64::MIN }) + step).to_string()
        }),
        1 => "[-+ ]{0,2}0{0,2}[0-9]{0,21}[.e ]?",
        1 => texts(),
    ]
}

/// Anything that a tree can hold.
fn replies() -> impl Strategy<Value = Reply> {
    let leaf = prop_oneof![6 => texts().prop_map(Reply::Text), 1 => Just(Reply::Null)];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Reply::List),
            prop::collection::vec((keys(), inner), 0..8).prop_map(|entries| {
                let mut map = Map::new();
                for (key, value) in entries {
                    let _ = map.try_push(key, value);
                }
                Reply::Map(map)
            }),
        ]
    })
}

#[test]
fn php_reads_and_writes_the_same() {
    let Some(php) = PhpOracle::start(COMPARE) else { return };
    proptest!(ProptestConfig::with_cases(4000), |(reply in replies())| {
        let mut tree = Vec::new();
        describe(&reply, &mut tree);
        let said = php.ask(&[&tree, &reply.to_php().unwrap(), &reply.to_json().unwrap()]);
        prop_assert_eq!(String::from_utf8_lossy(&said), "same");
    });
}

proptest! {
    #[test]
    fn json_is_the_tree(reply in replies()) {
        let read: serde_json::Value = serde_json::from_slice(&reply.to_json().unwrap()).unwrap();
        prop_assert_eq!(read, json(&reply));
    }

    /// Neither an object, a float, a boolean nor a reference can be in the PHP form: outside of strings it has only
    /// the tags of arrays, strings, integer keys and null.
    #[test]
    fn php_has_arrays_strings_and_integer_keys_only(reply in replies()) {
        let bytes = reply.to_php().unwrap();
        let mut rest = bytes.as_slice();
        while let Some((&tag, after)) = rest.split_first() {
            let until = |end: u8| after.iter().position(|&byte| byte == end).unwrap();
            rest = match tag {
                b'}' => after,
                b'a' => &after[until(b'{') + 1..],
                b'i' | b'N' => &after[until(b';') + 1..],
                b's' => {
                    let end = after[1..].iter().position(|&byte| byte == b':').unwrap() + 1;
                    let length: usize = std::str::from_utf8(&after[1..end]).unwrap().parse().unwrap();
                    &after[end + length + 4..]
                }
                other => return Err(TestCaseError::fail(format!("tag {:?}", char::from(other)))),
            };
        }
    }
}

#[test]
fn the_two_forms_of_an_answer() {
    let reply = Reply::from(
        Map::new()
            .with("status", "SUCCESS")
            .with("tarifname", "Старт \"ąž\"")
            .with("orders", vec![Map::new().with("orderid", "1042").into(), Reply::from("x")])
            .with("none", Option::<String>::None)
            .with("empty", Map::new())
            .with("list", Vec::new())
            .with("10", "ten"),
    );
    assert_eq!(
        String::from_utf8(reply.to_php().unwrap()).unwrap(),
        "a:7:{s:6:\"status\";s:7:\"SUCCESS\";s:9:\"tarifname\";s:17:\"Старт \"ąž\"\";\
         s:6:\"orders\";a:2:{i:0;a:1:{s:7:\"orderid\";s:4:\"1042\";}i:1;s:1:\"x\";}\
         s:4:\"none\";N;s:5:\"empty\";a:0:{}s:4:\"list\";a:0:{}i:10;s:3:\"ten\";}"
    );
    assert_eq!(
        String::from_utf8(reply.to_json().unwrap()).unwrap(),
        "{\"status\":\"SUCCESS\",\"tarifname\":\"Старт \\\"ąž\\\"\",\
         \"orders\":[{\"orderid\":\"1042\"},\"x\"],\"none\":null,\"empty\":{},\"list\":[],\"10\":\"ten\"}"
    );
}
