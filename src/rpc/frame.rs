//! `["rid", "key", payload]` and `["rid", error, result]`: split and checked, not parsed.
//!
//! V8 parses the payloads. A batch must contain strictly valid JSON, since one bad text would break
//! the whole batch; but texts that V8 accepts (lone surrogates, 1e999, any depth) must pass.
//! serde_json's raw values do both: the grammar is checked, numbers and escapes are not evaluated,
//! and nesting is not recursive.

use super::{depth::Structure, escape::plain};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// A frame's text, parsed as far as needed.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An array of at least three elements: the texts of the first three.
    Three(&'a str, &'a str, &'a str),
    /// Anything else, JSON or not: JavaScript decides.
    Other,
}

/// Memory cost of the parsed parts of a small request, in bytes: 0 if it is ordinary. A string or a
/// number is not scanned.
pub fn small_cost(parts: &[&str]) -> usize {
    if !parts.iter().any(|part| part.starts_with(['[', '{'])) {
        return 0;
    }
    let mut structure = Structure::default();
    for part in parts {
        structure.add(part.as_bytes());
    }
    structure.small_cost()
}

/// Splits a frame's text.
pub fn split(text: &str) -> Frame<'_> {
    split_plain(text).unwrap_or_else(|| split_any(text))
}

/// The form that peers write, in half of the time: no spaces around the elements, exactly three of
/// them, and no escapes in the first two.
fn split_plain(text: &str) -> Option<Frame<'_>> {
    let (a, rest) = word(text.strip_prefix('[')?)?;
    let (b, rest) = word(rest.strip_prefix(',')?)?;
    let c = rest.strip_prefix(',')?.strip_suffix(']')?;
    let is_json = match word(c) {
        Some((_, rest)) => rest.is_empty(),
        // Spaces around it are not part of it.
        None => {
            !c.starts_with(SPACES)
                && !c.ends_with(SPACES)
                && serde_json::from_str::<IgnoredAny>(c).is_ok()
        }
    };
    is_json.then_some(Frame::Three(a, b, c))
}

/// JSON's white space.
const SPACES: [char; 4] = [' ', '\t', '\n', '\r'];

/// `null`, or a string without escapes, and the rest.
fn word(text: &str) -> Option<(&str, &str)> {
    if text.starts_with("null") {
        return Some(text.split_at("null".len()));
    }
    let inner = text.strip_prefix('"')?;
    let end = plain(inner.as_bytes());
    inner[end..].starts_with('"').then(|| text.split_at(end + 2))
}

fn split_any(text: &str) -> Frame<'_> {
    let mut json = serde_json::Deserializer::from_str(text);
    match json.deserialize_seq(Three) {
        Ok(Some([a, b, c])) if json.end().is_ok() => Frame::Three(a, b, c),
        _ => Frame::Other,
    }
}

struct Three;

impl<'a> Visitor<'a> for Three {
    type Value = Option<[&'a str; 3]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = [""; 3];
        for part in &mut parts {
            match seq.next_element::<&RawValue>()? {
                Some(raw) => *part = raw.get(),
                None => return Ok(None),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_v8_accepts_passes() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in ["1e999", r#""\ud800""#, r#"{"a":1,"a":2}"#, "-0", "\"\u{2028}\"", &deep] {
            let text = format!(r#" [ "r" , "k" , {payload} ] "#);
            assert_eq!(split(&text), Frame::Three(r#""r""#, r#""k""#, payload));
        }
    }

    #[test]
    fn a_plain_small_request_costs_nothing_more_and_one_full_of_brackets_does() {
        let full = format!("[{}{{}}]", "{},".repeat(78));
        for (payload, costs) in [
            (r#""text [[[[[[[[""#, false),
            ("7", false),
            (r#"{"a":1,"b":[2,3],"c":{"d":"e"}}"#, false),
            (&full, true),
            ("[[[[[[]]]]]]", true),
            (&*format!("[{}3e9]", "3e9,".repeat(50)), true),
        ] {
            let cost = small_cost(&[r#""r""#, r#""k""#, payload]);
            assert_eq!(cost > 0, costs, "{payload}");
        }
        assert!(small_cost(&[&full, "1", "2"]) > 0 && small_cost(&["1", &full, "2"]) > 0);
    }

    #[test]
    fn what_v8_refuses_does_not_pass() {
        for payload in ["01", "'a'", "NaN", "[1,]", "\"\n\"", r#""\x""#, "{a:1}", "", "1 2", "tru"]
        {
            assert_eq!(split(&format!(r#"["r","k",{payload}]"#)), Frame::Other, "{payload}");
        }
        assert_eq!(split("\u{feff}[1,2,3]"), Frame::Other);
        assert_eq!(split("[1,2,3]]"), Frame::Other);
        assert_eq!(split("[1,2,3,]"), Frame::Other);
    }

    #[test]
    fn shapes() {
        assert_eq!(split("[1,2]"), Frame::Other);
        assert_eq!(split("{}"), Frame::Other);
        assert_eq!(split("5"), Frame::Other);
        assert_eq!(split("[1,null,3,4,{}]"), Frame::Three("1", "null", "3"));
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    fn word_or_json() -> impl Strategy<Value = String> {
        prop_oneof![
            r#"[ "\\nul\x01a,]{0,6}"#.prop_map(String::from),
            r#""[a-z0-9é,\[\]-]{0,40}""#.prop_map(String::from),
            json().prop_map(|value| value.to_string()),
        ]
    }

    #[test]
    fn what_peers_write_goes_the_short_way() {
        let (rid, key) = (r#""5a1f3c52-0000-4000-8000-000000000000""#, r#""rpc_test""#);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for payload in [r#""hello""#, "null", "7", r#"{"a":[1,"\\"]}"#, &deep] {
            let frame = Frame::Three(rid, key, payload);
            assert_eq!(split_plain(&format!("[{rid},{key},{payload}]")), Some(frame));
        }
    }

    proptest! {
        #[test]
        fn splits_as_serde_json_does(parts in prop::collection::vec(json(), 0..6), pretty: bool) {
            let array = serde_json::Value::Array(parts);
            let text = if pretty { format!("{array:#}") } else { array.to_string() };
            let whole: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            match split(&text) {
                Frame::Three(a, b, c) => {
                    for (raw, part) in [a, b, c].iter().zip(&whole) {
                        let value: serde_json::Value = serde_json::from_str(raw).unwrap();
                        prop_assert_eq!(&value, part);
                    }
                }
                Frame::Other => prop_assert!(whole.len() < 3),
            }
        }

        #[test]
        fn the_short_way_leads_to_the_same(
            a in word_or_json(), b in word_or_json(), c in word_or_json(), more in r"[\], \n]{0,3}",
        ) {
            let text = format!("[{a},{b},{c}{more}]");
            if let Some(frame) = split_plain(&text) {
                prop_assert_eq!(frame, split_any(&text));
            }
        }

        #[test]
        fn accepts_only_what_serde_json_accepts(text in r#"[\[\]{}",:0-9a-z\\ .-]{0,40}"#) {
            if let Frame::Three(..) = split(&text) {
                prop_assert!(serde_json::from_str::<Vec<IgnoredAny>>(&text).is_ok());
            }
        }
    }
}
