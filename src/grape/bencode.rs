//! Bencode values (BEP 3), borrowed from their datagram.

use crate::config::grape as config;
use bendy::decoding::{Decoder, Object};
use std::borrow::Cow;

/// Any value. Dictionaries are sorted by key, as bencode requires.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value<'a> {
    /// A byte string.
    Bytes(Cow<'a, [u8]>),
    /// An integer.
    Int(i64),
    /// A list.
    List(Vec<Value<'a>>),
    /// A dictionary.
    Dict(Vec<(Cow<'a, [u8]>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Reads one value; bytes after it are ignored, as in the original.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes).with_max_depth(config::DEPTH);
        let mut left = config::ELEMENTS;
        decoder.next_object().ok()?.and_then(|object| read(object, &mut left))
    }

    /// The bencoded bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ENCODED);
        self.write(&mut bytes);
        bytes
    }

    /// Appends the encoded value. Callers sort the keys of dictionaries, and a decoded value nests
    /// no deeper than [`config::DEPTH`]: so nothing has to be checked, as bendy would.
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => write_bytes(out, bytes),
            Self::Int(number) => {
                out.push(b'i');
                out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
                out.push(b'e');
            }
            Self::List(values) => {
                out.push(b'l');
                values.iter().for_each(|value| value.write(out));
                out.push(b'e');
            }
            Self::Dict(pairs) => {
                out.push(b'd');
                for (key, value) in pairs {
                    write_bytes(out, key);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }

    /// A borrowed byte string.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(bytes))
    }

    /// A dictionary with these pairs, which must be sorted by key.
    pub fn dict(pairs: impl IntoIterator<Item = (&'static str, Value<'a>)>) -> Self {
        let pairs = pairs.into_iter().map(|(key, value)| (Cow::Borrowed(key.as_bytes()), value));
        Self::Dict(pairs.collect())
    }

    /// The value of `key`, in a dictionary.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        let Self::Dict(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| **name == *key.as_bytes()).map(|(_, value)| value)
    }

    /// The bytes of a string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number of an integer.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The value as JavaScript's `toString` prints it.
    pub fn to_text(&self) -> String {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Int(number) => number.to_string(),
            Self::List(values) => values.iter().map(Value::to_text).collect::<Vec<_>>().join(","),
            Self::Dict(_) => "[object Object]".into(),
        }
    }
}

/// Reads a value; `left` is the number of values that it may still have: an element of two bytes
/// takes many times as many in memory.
fn read<'a>(object: Object<'_, 'a>, left: &mut usize) -> Option<Value<'a>> {
    *left = left.checked_sub(1)?;
    Some(match object {
        Object::Bytes(bytes) => Value::bytes(bytes),
        Object::Integer(text) => Value::Int(text.parse().ok()?),
        Object::List(mut list) => {
            let mut values = Vec::new();
            while let Some(object) = list.next_object().ok()? {
                values.push(read(object, left)?);
            }
            Value::List(values)
        }
        Object::Dict(mut dict) => {
            let mut pairs = Vec::new();
            while let Some((key, object)) = dict.next_pair().ok()? {
                pairs.push((Cow::Borrowed(key), read(object, left)?));
            }
            Value::Dict(pairs)
        }
    })
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(itoa::Buffer::new().format(bytes.len()).as_bytes());
    out.push(b':');
    out.extend_from_slice(bytes);
}

/// Room for most messages.
const ENCODED: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    fn value() -> impl Strategy<Value = Value<'static>> {
        let leaf = prop_oneof![
            vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Bytes(bytes.into())),
            any::<i64>().prop_map(Value::Int),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::btree_map(vec(any::<u8>(), 0..6), inner, 0..6).prop_map(
                    |map| Value::Dict(
                        map.into_iter().map(|(key, value)| (key.into(), value)).collect()
                    )
                ),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in value()) {
            let bytes = value.encode();
            prop_assert_eq!(Value::decode(&bytes), Some(value));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            if let Some(value) = Value::decode(&bytes) {
                let written = value.encode();
                prop_assert_eq!(&bytes[..written.len()], written);
            }
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![b'l'; depth], vec![b'e'; depth]].concat();
        assert!(Value::decode(&nested(config::DEPTH)).is_some());
        assert!(Value::decode(&nested(config::DEPTH + 1)).is_none());
        assert!(Value::decode(&vec![b'l'; config::MESSAGE_BYTES]).is_none());
    }

    #[test]
    fn elements_are_bounded() {
        let list = |count: usize| [b"l", &b"le".repeat(count)[..], b"e"].concat();
        assert!(Value::decode(&list(config::ELEMENTS - 1)).is_some());
        assert!(Value::decode(&list(config::ELEMENTS)).is_none());
        let mut dict = b"d".to_vec();
        (0..8_000).for_each(|key| dict.extend(format!("4:{key:04}i1e").bytes()));
        dict.push(b'e');
        assert!(Value::decode(&dict).is_none());
    }

    #[test]
    fn unknown_fields_and_trailing_bytes_do_not_matter() {
        assert!(Value::decode(b"d1:bi1e1:ai2ee").is_none(), "unsorted keys are no bencode");
        let value = Value::decode(b"d1:ai1e2:\xff\xfeli2eeetrailing").unwrap();
        assert_eq!(value.get("a").and_then(Value::as_int), Some(1));
        assert_eq!(value.get("b"), None);
    }
}
