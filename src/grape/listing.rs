//! Pages of the services that a node knows, with a filter.

use super::{Address, Found};
use crate::config::grape as config;
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// One address of a service.
#[derive(Clone, Debug)]
pub struct Row {
    /// The start of the name, up to the displayed length.
    key: Arc<[u8]>,
    /// The name is longer.
    is_cut: bool,
    /// Index of the name: equal for equal names.
    of: u32,
    address: Address,
    age: Option<u64>,
}

/// Rows of the addresses that a node knows; `age` returns the age of an announce.
pub fn rows(
    found: impl Iterator<Item = (Arc<[u8]>, Found)>,
    age: impl Fn(&Found) -> Option<u64>,
) -> Vec<Row> {
    let mut names = HashMap::new();
    found
        .map(|(key, found)| {
            let of = names.len() as u32;
            // All addresses of a name share one text.
            let (of, start) = names.entry(key.clone()).or_insert_with(|| {
                let is_long = key.len() > config::STATUS_NAME_BYTES;
                (of, if is_long { key[..config::STATUS_NAME_BYTES].into() } else { key.clone() })
            });
            let is_cut = key.len() > start.len();
            Row { key: start.clone(), is_cut, of: *of, address: found.address, age: age(&found) }
        })
        .collect()
}

/// The requested page and filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Page number, from 1. Beyond the last page, the last one.
    pub page: usize,
    /// Only services whose name or address contains this, ignoring case.
    pub filter: String,
}

impl Default for Selection {
    fn default() -> Self {
        Self { page: 1, filter: String::new() }
    }
}

impl Selection {
    /// From the query of a URL: `page=2&filter=rpc`. Invalid parameters are ignored.
    pub fn of_query(query: &str) -> Self {
        let mut selection = Self::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "page" => selection.page = value.parse().unwrap_or(1).max(1),
                "filter" => {
                    let text = String::from_utf8_lossy(&decoded(value)).trim().to_owned();
                    selection.filter = text.chars().take(config::STATUS_NAME_BYTES).collect();
                }
                _ => {}
            }
        }
        selection
    }

    /// The query of a URL for this page, without an empty filter.
    pub fn query(&self, page: usize) -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).into(),
            other => format!("%{other:02X}"),
        };
        let filter: String = self.filter.bytes().map(byte).collect();
        let filter = if filter.is_empty() { filter } else { format!("&filter={filter}") };
        format!("page={page}{filter}")
    }
}

/// Percent-decoding, as in forms.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut out = Vec::with_capacity(text.len());
    while let Some(&byte) = bytes.next() {
        let pair = || {
            let digit = |at: usize| char::from(*bytes.as_slice().get(at)?).to_digit(16);
            Some((digit(0)? * 16 + digit(1)?) as u8)
        };
        match byte {
            b'+' => out.push(b' '),
            b'%' => match pair() {
                Some(decoded) => {
                    out.push(decoded);
                    bytes.nth(1);
                }
                None => out.push(b'%'),
            },
            other => out.push(other),
        }
    }
    out
}

/// Addresses as texts, each with its age in seconds.
pub type Addresses = Vec<(String, Option<u64>)>;

/// A service that was announced to this node.
#[derive(Clone, Debug, Serialize)]
pub struct Service {
    /// Its name; a long one is cut, and ends with `…`.
    pub name: String,
    /// Its addresses.
    pub addresses: Addresses,
}

/// A page of services.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// Page number, from 1.
    pub page: usize,
    /// Number of pages.
    pub pages: usize,
    /// Matching addresses on all pages.
    pub matching: usize,
    /// Services of this page, sorted by name.
    pub services: Vec<Service>,
    /// Matching addresses that are not on this page.
    pub addresses_left_out: usize,
}

struct Shown<'a> {
    row: &'a Row,
    name: String,
    address: String,
}

/// A page of the rows. The rows are given in an order that is fair to the announcing hosts; a page
/// has as many of them as fit, with a limit per name; within a page they are sorted by name.
pub fn list(rows: &[Row], wanted: &Selection) -> Listing {
    let filter = wanted.filter.to_lowercase();
    let matches = |text: &str| text.to_lowercase().contains(&filter);
    let mut places = Places::default();
    let mut matching: Vec<(usize, Shown<'_>)> = Vec::new();
    for row in rows {
        let (name, address) = (name(&row.key, row.is_cut), row.address.to_string());
        if filter.is_empty() || matches(&name) || matches(&address) {
            matching.push((places.take(row.of, name.len()), Shown { row, name, address }));
        }
    }
    let pages = places.pages.len().max(1);
    let page = wanted.page.clamp(1, pages);
    let (count, mut on_page) = (matching.len(), 0);
    let mut services: BTreeMap<(String, u32), Addresses> = BTreeMap::new();
    for (_, Shown { row, name, address }) in matching.into_iter().filter(|(at, _)| at + 1 == page) {
        services.entry((name, row.of)).or_default().push((address, row.age));
        on_page += 1;
    }
    let services =
        services.into_iter().map(|((name, _), addresses)| Service { name, addresses }).collect();
    Listing { page, pages, matching: count, services, addresses_left_out: count - on_page }
}

/// Assigns rows to pages, in one pass.
#[derive(Default)]
struct Places {
    /// Rows of each page, and bytes left for names; 0 when it is full.
    pages: Vec<(usize, usize)>,
    /// The first page that is not full.
    open: usize,
    /// The page of each name, and its rows there.
    names: HashMap<u32, (usize, usize)>,
}

impl Places {
    /// The page for one more row of the name `of`, whose text has this many bytes.
    fn take(&mut self, of: u32, bytes: usize) -> usize {
        let (at, count) = self.names.entry(of).or_default();
        if *at < self.open {
            (*at, *count) = (self.open, 0);
        }
        loop {
            if *at == self.pages.len() {
                self.pages.push((0, config::STATUS_NAMES_BYTES));
            }
            let (rows, left) = &mut self.pages[*at];
            if *rows >= config::STATUS_ROWS || *left < bytes {
                // Later rows go to later pages, even if they are shorter.
                *left = 0;
            } else if *count < config::VALUES {
                *rows += 1;
                *left -= bytes;
                *count += 1;
                return *at;
            }
            (*at, *count) = (*at + 1, 0);
            while self.pages.get(self.open).is_some_and(|(_, left)| *left == 0) {
                self.open += 1;
            }
        }
    }
}

/// A name as displayed.
fn name(start: &[u8], is_cut: bool) -> String {
    let mut text = String::from_utf8_lossy(start).into_owned();
    if is_cut {
        // The cut may split a character.
        if text.ends_with('\u{fffd}') {
            text.pop();
        }
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::{Command, Core, Options, Source, Status};

    /// A node to which these are announced, each by a machine of its own.
    fn status(names: impl Iterator<Item = Vec<u8>>) -> Status {
        let mut core = Core::new(Options::default(), [1; 32], 0);
        for (number, key) in names.enumerate() {
            let ip = (number as u32).to_be_bytes();
            let address = Address { ip, port: 1 };
            let [a, b, c, d] = ip;
            let client = Source::Client([0, 0, 0, 0, a, b, c, d]);
            core.start_for(0, number as u64, client, Command::AnnounceAt { key, address });
        }
        core.status()
    }

    fn page(status: &Status, page: usize, filter: &str) -> Listing {
        list(&status.rows, &Selection { page, filter: filter.into() })
    }

    #[test]
    fn a_long_name_is_cut_where_a_character_ends() {
        let long = |text: &str| text.repeat(4_000).into_bytes();
        for (key, shown) in [
            (long("x"), format!("{}…", "x".repeat(200))),
            (long("€"), format!("{}…", "€".repeat(66))),
            (vec![0xff; 8_000], format!("{}…", "\u{fffd}".repeat(199))),
            (b"x".repeat(200), "x".repeat(200)),
            (vec![b'a', 0xff, b'b'], "a\u{fffd}b".into()),
        ] {
            assert_eq!(page(&status([key].into_iter()), 1, "").services[0].name, shown);
        }
    }

    #[test]
    fn a_page_has_a_limit_and_all_pages_have_everything() {
        let short = status((0..5_000).map(|number| format!("name {number:05}").into_bytes()));
        assert_eq!((short.names, short.addresses), (5_000, 5_000));
        let mut names = Vec::new();
        for number in 1..=5 {
            let page = page(&short, number, "");
            assert_eq!((page.page, page.pages, page.services.len()), (number, 5, 1_000));
            assert_eq!((page.matching, page.addresses_left_out), (5_000, 4_000));
            assert!(page.services.is_sorted_by(|a, b| a.name < b.name));
            names.extend(page.services.into_iter().map(|service| service.name));
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5_000);
        assert_eq!(page(&short, 99, "").page, 5);

        let long = |number: usize| [vec![0xff; 8_000], number.to_be_bytes().into()].concat();
        let long = status((0..2_000).map(long));
        let first = page(&long, 1, "");
        let bytes: usize = first.services.iter().map(|service| service.name.len()).sum();
        assert!(bytes <= config::STATUS_NAMES_BYTES && bytes > config::STATUS_NAMES_BYTES / 2);
        assert_eq!(first.services.len() + first.addresses_left_out, long.addresses);
        let all = (1..=first.pages).map(|number| page(&long, number, "").services.len());
        assert_eq!(all.sum::<usize>(), long.addresses);

        let crowd = status((0..1_000).map(|_| b"\"".repeat(150)).chain([b"a".to_vec()]));
        let lengths = |page: Listing| -> Vec<_> {
            page.services.iter().map(|service| service.addresses.len()).collect()
        };
        assert_eq!(
            (lengths(page(&crowd, 1, "")), lengths(page(&crowd, 2, ""))),
            (vec![100, 1], vec![100])
        );
        assert_eq!((page(&crowd, 1, "").addresses_left_out, page(&crowd, 1, "").pages), (900, 10));
        let none = page(&status(std::iter::empty()), 1, "");
        assert_eq!((none.page, none.pages, none.matching, none.addresses_left_out), (1, 1, 0, 0));
    }

    #[test]
    fn a_filter_finds_names_and_addresses() {
        let some = status([b"rpc_a".to_vec(), b"RPC_b".to_vec(), "Ünder".into()].into_iter());
        for (filter, found) in
            [("rpc", 2), ("_B", 1), ("ünd", 1), ("0.0.0.1:1", 1), (":1", 3), ("none", 0)]
        {
            let page = page(&some, 1, filter);
            assert_eq!((page.services.len(), page.matching), (found, found), "{filter}");
        }
        // On whatever page it is without a filter.
        let many = status((0..9_000).map(|number| format!("name {number:05}").into_bytes()));
        let found = page(&many, 1, "name 08999");
        assert_eq!((found.services.len(), found.pages, found.addresses_left_out), (1, 1, 0));
    }

    #[test]
    fn a_query_says_what_is_wanted() {
        for (query, page, filter) in [
            ("", 1, ""),
            ("page=3", 3, ""),
            ("page=0&filter=", 1, ""),
            ("page=-1&filter=a+b%2Fc&page", 1, "a b/c"),
            ("filter=%C3%BC%zz%", 1, "ü%zz%"),
            ("filter=%ff", 1, "\u{fffd}"),
            ("page=99999999999999999999999", 1, ""),
            ("page=2&other=1", 2, ""),
        ] {
            let selection = Selection::of_query(query);
            assert_eq!((selection.page, &selection.filter[..]), (page, filter), "{query}");
            assert_eq!(Selection::of_query(&selection.query(page)), selection);
        }
        assert_eq!(
            Selection::of_query(&format!("filter={}", "€".repeat(9_000))).filter.chars().count(),
            200
        );
        let evil = Selection { page: 1, filter: "\"><script>&'".into() };
        assert_eq!(evil.query(2), "page=2&filter=%22%3E%3Cscript%3E%26%27");
    }
}
