//! How deep a JSON text nests.
//!
//! V8 reads JSON of any depth, but writes it by recursion: what a stranger sent could not be written
//! again, by an answer that holds it or by whatever a service does with it.

#[cfg(target_arch = "x86_64")]
use super::blocks::exceeds;
#[cfg(any(test, not(target_arch = "x86_64")))]
use super::escape::plain;
#[cfg(not(target_arch = "x86_64"))]
use exceeds_stepwise as exceeds;

/// Whether the JSON text has more than `most` arrays and objects within each other. Of a text that is
/// no JSON nothing is promised.
///
/// Nearly every message is seen to be flat by its length, or by how many brackets it has at all.
pub fn is_nested(json: &[u8], most: usize) -> bool {
    // Each level has two brackets.
    json.len() > 2 * most && opening(json) > most && exceeds(json, most)
}

/// How many `[` and `{` there are, in strings too. The compiler makes it a loop over vectors, which
/// wants small counters.
pub(super) fn opening(json: &[u8]) -> usize {
    count_where(json, |byte| byte | 0x20 == b'{')
}

/// How often a byte is there.
pub(super) fn count(json: &[u8], wanted: u8) -> usize {
    count_where(json, |byte| byte == wanted)
}

fn count_where(json: &[u8], is_wanted: impl Fn(u8) -> bool) -> usize {
    json.chunks(255)
        .map(|chunk| usize::from(chunk.iter().map(|byte| u8::from(is_wanted(*byte))).sum::<u8>()))
        .sum()
}

/// Follows the levels through the text, from one bracket to the next.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn exceeds_stepwise(json: &[u8], most: usize) -> bool {
    let is_structure = |byte: &u8| matches!(byte, b'"' | b'[' | b'{' | b']' | b'}');
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(next) = json[at..].iter().position(is_structure) {
        at += next + 1;
        match json[at - 1] {
            b'"' => match string_end(&json[at..]) {
                Some(length) => at += length,
                None => return false,
            },
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return true;
                }
            }
            _ => depth = depth.saturating_sub(1),
        }
    }
    false
}

/// How many bytes of a string are left, with its closing quote.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn string_end(json: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += plain(json.get(at..)?);
        match json.get(at)? {
            b'"' => return Some(at + 1),
            // The byte after it is part of the escape, whatever it is.
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// With many brackets in strings.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Into::into),
            r#"[\[\]{}"\\ a,é]{0,12}"#.prop_map(Value::String),
        ];
        leaf.prop_recursive(8, 40, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map(r#"[\[\]{}"\\]{0,4}"#, inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn levels_are_counted() {
        for levels in [1, 2, 255, 256, 257, 4200, 100_000] {
            let arrays = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
            let objects = format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
            for text in [arrays, objects] {
                assert!(is_nested(text.as_bytes(), levels - 1));
                assert!(!is_nested(text.as_bytes(), levels));
            }
        }
    }

    #[test]
    fn strings_may_end_anywhere_in_a_block() {
        for before in 0..140 {
            for string in [r#""]]""#, r#""\\""#, r#""\"]""#, r#""\\\"]}""#] {
                let text = format!("[{}[{string},[1,{string}]]]", " ".repeat(before));
                for (most, nested) in [(2, true), (3, false)] {
                    assert_eq!(exceeds(text.as_bytes(), most), nested, "{text}");
                    assert_eq!(exceeds_stepwise(text.as_bytes(), most), nested, "{text}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_json_is_looked_at_safely() {
        for text in ["\"", "[\"", "[\"\\", "[[\"\\\"", "]]]][[", "\"\\u", "{{{\"a\\\\\""] {
            is_nested(text.as_bytes(), 0);
            exceeds(text.as_bytes(), 1);
            exceeds_stepwise(text.as_bytes(), 1);
        }
    }

    proptest! {
        #[test]
        fn as_deep_as_serde_json_finds_it(value in json(), pretty: bool, most in 0_usize..9) {
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            prop_assert_eq!(is_nested(text.as_bytes(), most), depth(&value) > most);
            prop_assert_eq!(exceeds(text.as_bytes(), most), depth(&value) > most);
            prop_assert_eq!(exceeds_stepwise(text.as_bytes(), most), depth(&value) > most);
        }

        #[test]
        fn any_bytes(bytes: Vec<u8>, most in 0_usize..3) {
            is_nested(&bytes, most);
            exceeds(&bytes, most);
            exceeds_stepwise(&bytes, most);
            prop_assert_eq!(opening(&bytes), bytes.iter().filter(|byte| b"[{".contains(byte)).count());
        }
    }
}
