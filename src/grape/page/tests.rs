use super::*;
use crate::grape::{Address, Command, Core, Options, Source, listing::list};

fn status(key: &[u8]) -> Status {
    let options = Options { host: Some([127, 0, 0, 1]), ..Options::default() };
    let mut core = Core::new(options, [1; 32], 0);
    core.bootstrap(0, Vec::new());
    core.start(0, 1, Command::Announce { key: key.to_vec(), port: 1337 });
    core.tick(65_000, []);
    core.status()
}

/// A service that its own machine announces.
fn announce(core: &mut Core, key: Vec<u8>, address: Address) {
    let [a, b, c, d] = address.ip;
    let client = Source::Client([0, 0, 0, 0, a, b, c, d]);
    core.start_for(0, 1, client, Command::AnnounceAt { key, address });
}

fn shown<T>(status: &Status, query: &str, read: impl Fn(&View<'_>) -> T) -> T {
    let selection = &Selection::of_query(query);
    read(&View {
        version: "1.2.3",
        memory: Some(3 * 1_048_576),
        dht: "127.0.0.1:20001".into(),
        api: "127.0.0.1:30001".into(),
        listing: list(&status.rows, selection),
        status,
        selection,
    })
}

fn html(key: &[u8]) -> String {
    shown(&status(key), "", |view| view.html())
}

#[test]
fn the_page_names_services_and_asks_for_nothing_else() {
    let page = html(b"rpc_test");
    assert!(page.contains("<td>rpc_test</td><td>127.0.0.1:1337</td><td>65 s</td>"), "{page}");
    assert!(page.contains("3.0 MiB") && page.contains("1.2.3"));
    assert!(page.contains("width=device-width"));
    for outside in ["http://", "https://", "http-equiv", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn strangers_names_do_not_make_it_long() {
    let mut core = Core::new(Options::default(), [1; 32], 0);
    for number in 0..20_000_u32 {
        let ip = number.to_be_bytes();
        // The longest names in HTML, and in JSON.
        let key = [b"\"\x01".repeat(4_000), ip.into()].concat();
        let address = Address { ip, port: 65_535 };
        announce(&mut core, key, address);
    }
    let status = core.status();
    let page = shown(&status, "", |view| view.html());
    let json = shown(&status, "", |view| serde_json::to_string(view).unwrap());
    assert!(page.len() < 1 << 20 && json.len() < 1 << 20, "{} {}", page.len(), json.len());
    assert!(page.contains(" more addresses are on the others"));
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    assert!(shown(&status, "", |view| view.metrics()).len() < 8_192);
}

#[test]
fn pages_and_the_filter_lead_to_each_other() {
    let mut core = Core::new(Options::default(), [1; 32], 0);
    for number in 0..2_500_u32 {
        let address = Address { ip: number.to_be_bytes(), port: 1 };
        announce(&mut core, format!("name {number:05}").into_bytes(), address);
    }
    let status = core.status();
    let second = shown(&status, "page=2&filter=name", |view| view.html());
    for part in [
        "page 2 of 3; 1500 more addresses are on the others",
        "<a href=\"/?page=1&amp;filter=name\">first</a>",
        "<a href=\"/?page=3&amp;filter=name\">next</a>",
        "value=\"name\"",
    ] {
        assert!(second.contains(part), "{part}");
    }
    assert!(!shown(&status, "page=3", |view| view.html()).contains(">next<"));
    assert!(!html(b"a").contains("<nav"));
    let evil = shown(&status, "filter=%22%3E%3Cscript%3E%26%27%E2%80%AE", |view| view.html());
    assert!(evil.contains("value=\"&quot;&gt;&lt;script&gt;&amp;&#39;\u{fffd}\""), "{evil}");
    assert!(evil.contains("0 of 2500 addresses"));
    assert_eq!(evil.matches("<script").count(), 1);
}

#[test]
fn names_cannot_become_html() {
    let page = html(b"<img onerror='x'>&\"\n");
    assert!(page.contains("&lt;img onerror=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"), "{page}");
    for hidden in ["\u{202e}", "\u{2066}", "\u{200f}", "\u{85}", "\u{0}", "\u{feff}", "\u{e0041}"] {
        let page = html(format!("a{hidden}b").as_bytes());
        assert!(page.contains("<td>a\u{fffd}b</td>"), "{hidden:?}");
    }
    let page = html(&[b'a', 0xff, b'b']);
    assert!(page.contains("<td>a\u{fffd}b</td>"));
    assert!(html("ключ 钥匙 🔑 مفتاح".as_bytes()).contains("ключ 钥匙 🔑 مفتاح"));
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let text = shown(&status(b"a"), "", |view| view.metrics());
    assert!(text.contains("# TYPE grape_services gauge\ngrape_services 1\n"), "{text}");
    assert!(text.contains("grape_queries_total{query=\"ping\"} 0\n"));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("grape_") && value.parse::<f64>().is_ok(), "{line}");
    }
}
