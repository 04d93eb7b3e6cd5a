//! Nesting depth of a JSON text.
//!
//! V8 parses JSON of any depth, but serializes by recursion: a deep message of a stranger could not
//! be serialized again, neither in a reply that contains it nor by anything else that a service
//! does with it.

#[cfg(target_arch = "x86_64")]
use super::blocks::exceeds;
#[cfg(any(test, not(target_arch = "x86_64")))]
use super::escape::plain;
use crate::config;
#[cfg(not(target_arch = "x86_64"))]
use exceeds_stepwise as exceeds;

/// Number of bytes of each kind that make a JSON text costly, including those in strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// `[` and `{`.
    pub opening: usize,
    commas: usize,
    colons: usize,
}

impl Structure {
    /// Counts a text.
    pub fn of(json: &[u8]) -> Self {
        let mut structure = Self::default();
        structure.add(json);
        structure
    }

    /// Adds the counts of another text. One pass, which the compiler vectorizes; that needs small
    /// counters.
    pub(super) fn add(&mut self, json: &[u8]) {
        for chunk in json.chunks(usize::from(u8::MAX)) {
            let (mut opening, mut commas, mut colons) = (0_u8, 0_u8, 0_u8);
            for byte in chunk {
                opening += u8::from(byte | 0x20 == b'{');
                commas += u8::from(*byte == b',');
                colons += u8::from(*byte == b':');
            }
            self.opening += usize::from(opening);
            self.commas += usize::from(commas);
            self.colons += usize::from(colons);
        }
    }

    /// Memory cost of the parsed text, in bytes, besides the text's own.
    pub fn cost(self) -> usize {
        self.opening * config::OBJECT_BYTES
            + self.commas * config::ELEMENT_BYTES
            + self.colons * config::PROPERTY_BYTES
    }

    /// The same for a small text; 0 if its counts are ordinary.
    pub fn small_cost(self) -> usize {
        let is_plain = self.opening <= config::SMALL_MESSAGE_OBJECTS
            && self.commas + self.colons <= config::SMALL_MESSAGE_ELEMENTS;
        if is_plain { 0 } else { self.cost() }
    }
}

/// Whether the JSON text with this `structure` has more than `most` arrays and objects nested in
/// each other. For a text that is no JSON the result is arbitrary.
///
/// For nearly every message the total number of brackets already shows that it is flat.
pub fn is_nested(json: &[u8], structure: Structure, most: usize) -> bool {
    structure.opening > most && exceeds(json, most)
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

/// Bytes left of a string, including its closing quote.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn string_end(json: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += plain(json.get(at..)?);
        match json.get(at)? {
            b'"' => return Some(at + 1),
            // The next byte is part of the escape, whatever it is.
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

    fn is_nested(json: &[u8], most: usize) -> bool {
        super::is_nested(json, Structure::of(json), most)
    }

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
    fn brackets_cost_an_object_each() {
        for (text, objects) in [("", 0), ("\"abc\"", 0), ("[{}]", 2), (&*"[".repeat(1_000), 1_000)]
        {
            assert_eq!(Structure::of(text.as_bytes()).cost(), objects * config::OBJECT_BYTES);
        }
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
            let many = bytes.repeat(9);
            let count = |wanted: &[u8]| many.iter().filter(|byte| wanted.contains(byte)).count();
            let structure = Structure { opening: count(b"[{"), commas: count(b","), colons: count(b":") };
            prop_assert_eq!(Structure::of(&many), structure);
        }
    }
}
