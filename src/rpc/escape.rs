//! Strings as JSON, escaped as JavaScript does it.

/// Escapes the end of `out`, from `start` on, as the content of a JSON string. False when only
/// JavaScript can: UTF-8 has U+FFFD where a string has a lone surrogate, whose JSON is an escape
/// (ECMA-262, QuoteJSONString).
pub fn escape(out: &mut Vec<u8>, start: usize) -> bool {
    let bytes = &out[start..];
    if plain(bytes) == bytes.len() && bytes.is_ascii() {
        return true;
    }
    let bytes = out.split_off(start);
    let Ok(text) = str::from_utf8(&bytes) else { return false };
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return false;
    }
    // serde_json adds quotes, which the caller writes itself.
    let Ok(json) = serde_json::to_string(text) else { return false };
    out.extend_from_slice(&json.as_bytes()[1..json.len() - 1]);
    true
}

/// How many leading bytes need no escape in a JSON string: up to its end, or the first byte that
/// must be or is escaped (RFC 8259 section 7). Checks eight at a time.
pub fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // Sets the high bit of each byte below `n`; above the first such byte possibly of others too.
    let below = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word & HIGH;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);

    let (eights, rest) = bytes.as_chunks::<8>();
    for (at, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let special = below(word, b' ') | is(word, b'"') | is(word, b'\\');
        if special != 0 {
            return at * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> Option<String> {
        let mut out = b"before".to_vec();
        out.extend_from_slice(text.as_bytes());
        escape(&mut out, 6).then(|| {
            assert!(out.starts_with(b"before"));
            String::from_utf8(out.split_off(6)).unwrap()
        })
    }

    #[test]
    fn plain_text_is_left_as_it_is() {
        for text in ["", "hello", "a'b/c~", "é", "\u{7f}", "\u{2028}"] {
            assert_eq!(escaped(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn escapes_are_those_of_javascript() {
        // Those of `JSON.stringify`.
        let cases = [
            ("\"\\", r#"\"\\"#),
            ("\u{8}\t\n\u{c}\r", r"\b\t\n\f\r"),
            ("\0\u{1}\u{b}\u{1f}", r"\u0000\u0001\u000b\u001f"),
            ("日\n本", r"日\n本"),
        ];
        for (text, json) in cases {
            assert_eq!(escaped(text).as_deref(), Some(json));
        }
    }

    #[test]
    fn what_may_have_been_a_lone_surrogate_is_for_javascript() {
        assert_eq!(escaped("a\u{fffd}"), None);
    }

    proptest! {
        #[test]
        fn plain_ends_at_the_first_special_byte(bytes: Vec<u8>, special: bool) {
            // Rare in random bytes.
            let bytes: Vec<u8> = bytes
                .into_iter()
                .map(|byte| if special { byte } else { byte | 0x80 })
                .chain([0x1f, 0x20, b'"'])
                .collect();
            let first = bytes.iter().position(|byte| *byte < b' ' || b"\"\\".contains(byte));
            prop_assert_eq!(Some(plain(&bytes)), first);
        }

        #[test]
        fn it_is_the_strings_json(text: String) {
            prop_assume!(!text.contains('\u{fffd}'));
            prop_assert_eq!(format!("\"{}\"", escaped(&text).unwrap()), serde_json::to_string(&text).unwrap());
        }
    }
}
