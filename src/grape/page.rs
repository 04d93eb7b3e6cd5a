//! The status of a node as HTML for people, and as text for Prometheus.

use super::{Listing, Selection, Status};
use crate::config::grape as config;
use serde::Serialize;
use std::fmt::{self, Display, Write};

/// A status with data that the core does not have.
#[derive(Clone, Debug, Serialize)]
pub struct View<'a> {
    /// Version of the package.
    pub version: &'static str,
    /// Resident memory of the process in bytes, where the system provides it.
    pub memory: Option<u64>,
    /// The node's address.
    pub dht: String,
    /// The API's address.
    pub api: String,
    /// The node's own view.
    #[serde(flatten)]
    pub status: &'a Status,
    /// The displayed page of its services.
    #[serde(flatten)]
    pub listing: Listing,
    /// The request for that page.
    #[serde(skip)]
    pub selection: &'a Selection,
}

const STYLE: &str = "\
:root{color-scheme:light dark;background:#fff;color:#111}\
@media(prefers-color-scheme:dark){:root{background:#141517;color:#eee}a{color:#9bbcff}}\
body{font:16px/1.4 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:.5rem 1rem}\
h1{font-size:1.4rem;margin:.5rem 0}h2{font-size:1.1rem;margin:1.2rem 0 .3rem}\
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.5rem;margin:0}\
dl div{border:1px solid #8886;border-radius:.4rem;padding:.4rem .6rem}\
dt{font-size:.8rem;opacity:.8}dd{margin:0;font-weight:600;overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;border-bottom:1px solid #8884}\
td{overflow-wrap:anywhere}td+td{white-space:nowrap}th{font-size:.8rem;opacity:.8}\
header,nav{display:flex;flex-wrap:wrap;gap:.3rem .6rem;align-items:center;justify-content:space-between}\
nav{justify-content:start;margin:.5rem 0}[type=search]{font:inherit;max-width:100%}\
.warn{background:#a63c00;color:#fff;border-radius:.4rem;padding:.4rem .6rem}\
code{font-size:.85rem}footer{font-size:.8rem;margin:1.2rem 0}";

/// Updates the page, unless its reader is using it or switched that off; and requests the page for
/// a filter.
const SCRIPT: &str = "\
const one=selector=>document.querySelector(selector),live=one('#live'),filter=one('[type=search]'),said=one('[role=status]');\
live.parentNode.hidden=one('[role=search]').hidden=false;\
filter.onchange=()=>{location.search=filter.value?new URLSearchParams({filter:filter.value}):''};\
setInterval(async()=>{\
if(!live.checked||document.hidden||getSelection().type==='Range')return;\
try{\
const answer=await(await fetch(location)).text();\
const next=new DOMParser().parseFromString(answer,'text/html').querySelector('main');\
one('main').replaceWith(next.cloneNode(true));\
said.textContent=''\
}catch{said.textContent='The grape does not answer.'}\
},5000)";

/// Restricts the page to its own content and requests to the API.
pub const POLICY: &str = "default-src 'none'; \
script-src 'sha256-1xOrqOLVMgU/R04hgW2mkT1rr8807YNz8Y4rEKBzsDM='; \
style-src 'sha256-5reYItzZmIBRjoHDtzUDkUBhMp8rd851Hu0qu8LddFo='; \
img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

impl View<'_> {
    /// The status page. It requests its own text again every few seconds, and nothing else.
    pub fn html(&self) -> String {
        let mut page = String::with_capacity(8_192);
        // Writing to a string does not fail.
        let _ = self.write_html(&mut page);
        page
    }

    fn write_html(&self, page: &mut String) -> fmt::Result {
        let (status, counters) = (self.status, &self.status.counters);
        write!(
            page,
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <link rel=\"icon\" href=\"data:,\">\
             <title>Grape {dht}</title><style>{STYLE}</style></head><body><header><h1>Grape</h1>\
             <div role=\"search\" hidden><label>filter <input type=\"search\" maxlength=\"{length}\" \
             placeholder=\"name or address\" value=\"{filter}\"></label></div></header><main>",
            dht = Escaped(&self.dht),
            length = config::STATUS_NAME_BYTES,
            filter = Escaped(&self.selection.filter),
        )?;
        if status.isolated {
            page.write_str("<p class=\"warn\">No other node answers: this one is alone.</p>")?;
        }
        page.write_str("<dl>")?;
        fact(page, "services", status.names)?;
        fact(page, "addresses", status.addresses)?;
        fact(page, "nodes", status.known_nodes)?;
        fact(page, "values", status.values)?;
        fact(page, "lookups / s", format_args!("{:.1}", counters.rate_lookups))?;
        fact(page, "datagrams / s", format_args!("{:.1}", counters.rate_in))?;
        if let Some(memory) = self.memory {
            fact(page, "memory", format_args!("{:.1} MiB", memory as f64 / 1_048_576.0))?;
        }
        fact(page, "up", Age(status.uptime))?;
        fact(page, "DHT", Escaped(&self.dht))?;
        fact(page, "API", Escaped(&self.api))?;
        page.write_str("</dl><h2>Services</h2>")?;
        self.write_services(page)?;
        page.write_str("<h2>Nodes</h2>")?;
        if status.nodes.is_empty() {
            page.write_str("<p>No other node is known.</p>")?;
        } else {
            page.write_str(
                "<table id=\"nodes\"><tr><th scope=\"col\">id</th>\
                 <th scope=\"col\">address</th><th scope=\"col\">last seen</th></tr>",
            )?;
            for (address, id, silent) in &status.nodes {
                let seen = format!("{} ago", Age(*silent));
                row(page, [&id[..id.len().min(10)], address, &seen])?;
            }
            page.write_str("</table>")?;
        }
        left_out(page, status.nodes_left_out, "nodes")?;
        write!(
            page,
            "</main><footer><p hidden><input type=\"checkbox\" id=\"live\" checked> \
             <label for=\"live\">updated every 5 s</label> <span role=\"status\"></span></p>\
             <p>id <code>{}</code>, version {}, as JSON at <a href=\"/status\">/status</a>, \
             for Prometheus at <a href=\"/metrics\">/metrics</a></p></footer>\
             <script>{SCRIPT}</script></body></html>",
            Escaped(&status.id),
            Escaped(self.version)
        )
    }

    fn write_services(&self, page: &mut String) -> fmt::Result {
        let Listing { services, matching, .. } = &self.listing;
        if !self.selection.filter.is_empty() {
            write!(
                page,
                "<p>{matching} of {} addresses have <code>{}</code> in them or in their name. \
                 <a href=\"/\">Show all</a></p>",
                self.status.addresses,
                Escaped(&self.selection.filter)
            )?;
        } else if services.is_empty() {
            page.write_str("<p>No service is announced here.</p>")?;
        }
        if !services.is_empty() {
            page.write_str(
                "<table id=\"services\"><tr><th scope=\"col\">name</th>\
                 <th scope=\"col\">address</th><th scope=\"col\">age</th></tr>",
            )?;
            for service in services {
                for (address, age) in &service.addresses {
                    let age = age.map(|age| Age(age).to_string()).unwrap_or_default();
                    row(page, [&service.name, address, &age])?;
                }
            }
            page.write_str("</table>")?;
        }
        self.write_pages(page)
    }

    /// Links to the other pages.
    fn write_pages(&self, page: &mut String) -> fmt::Result {
        let Listing { page: at, pages, addresses_left_out, .. } = self.listing;
        if pages == 1 {
            return Ok(());
        }
        write!(
            page,
            "<nav aria-label=\"pages\">page {at} of {pages}; {addresses_left_out} more addresses \
             are on the others"
        )?;
        for (name, to) in
            [("first", 1), ("previous", at.saturating_sub(1)), ("next", at + 1), ("last", pages)]
        {
            if to != at && (1..=pages).contains(&to) {
                let query = self.selection.query(to);
                write!(page, " <a href=\"/?{}\">{name}</a>", Escaped(&query))?;
            }
        }
        page.write_str("</nav>")
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        let status = self.status;
        let c = &status.counters;
        let mut text = String::with_capacity(4_096);
        let mut metric = |kind: &str, name: &str, help: &str, values: &[(&str, u64)]| {
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP grape_{name} {help}\n# TYPE grape_{name} {kind}\n");
            for (labels, value) in values {
                let _ = writeln!(text, "grape_{name}{labels} {value}");
            }
        };
        metric("gauge", "nodes", "Known nodes.", &[("", status.known_nodes as u64)]);
        metric("gauge", "services", "Announced names.", &[("", status.names as u64)]);
        metric("gauge", "addresses", "Announced addresses.", &[("", status.addresses as u64)]);
        metric("gauge", "values", "Stored values.", &[("", status.values as u64)]);
        metric(
            "gauge",
            "isolated",
            "1 when no other node answers.",
            &[("", status.isolated.into())],
        );
        metric("gauge", "uptime_seconds", "Time since the start.", &[("", status.uptime)]);
        if let Some(memory) = self.memory {
            metric("gauge", "resident_memory_bytes", "Resident memory.", &[("", memory)]);
        }
        let by =
            |inward, outward| [("{direction=\"in\"}", inward), ("{direction=\"out\"}", outward)];
        let datagrams = by(c.datagrams_in, c.datagrams_out);
        metric("counter", "datagrams_total", "Datagrams.", &datagrams);
        metric("counter", "datagram_bytes_total", "Their bytes.", &by(c.bytes_in, c.bytes_out));
        let queries = [
            ("{query=\"ping\"}", c.ping),
            ("{query=\"find_node\"}", c.find_node),
            ("{query=\"get_peers\"}", c.get_peers),
            ("{query=\"announce_peer\"}", c.announce_peer),
            ("{query=\"unannounce_peer\"}", c.unannounce_peer),
            ("{query=\"get\"}", c.get),
            ("{query=\"put\"}", c.put),
        ];
        metric("counter", "queries_total", "Queries of other nodes.", &queries);
        let asked = [
            ("{answer=\"response\"}", c.responses),
            ("{answer=\"error\"}", c.errors),
            ("{answer=\"timeout\"}", c.timeouts),
        ];
        metric("counter", "asked_total", "Queries to other nodes, by what came back.", &asked);
        let dropped = [
            ("{reason=\"malformed\"}", c.malformed),
            ("{reason=\"unexpected\"}", c.unexpected),
            ("{reason=\"rate\"}", c.limited),
            ("{reason=\"refused\"}", c.refused),
        ];
        metric("counter", "dropped_total", "Datagrams that led to nothing.", &dropped);
        metric("counter", "lookups_total", "Lookups of this machine.", &[("", c.lookups)]);
        metric("counter", "announces_total", "Announces of this machine.", &[("", c.announces)]);
        metric("counter", "walks_total", "Walks through the network.", &[("", c.walks)]);
        metric("counter", "walk_queries_total", "Queries of walks.", &[("", c.walk_queries)]);
        text
    }
}

fn fact(page: &mut String, name: &str, value: impl Display) -> fmt::Result {
    write!(page, "<div><dt>{name}</dt><dd>{value}</dd></div>")
}

fn left_out(page: &mut String, count: usize, what: &str) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    write!(page, "<p>{count} more {what} are not shown.</p>")
}

fn row(page: &mut String, cells: [&str; 3]) -> fmt::Result {
    let [a, b, c] = cells.map(Escaped);
    write!(page, "<tr><td>{a}</td><td>{b}</td><td>{c}</td></tr>")
}

/// Text in HTML: names come from strangers.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c if disturbs(c) => f.write_char('\u{fffd}'),
            c => f.write_char(c),
        })
    }
}

/// Characters that would change the page's text direction or layout, or be invisible.
fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Seconds in readable form.
struct Age(u64);

impl Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds @ 0..100 => write!(f, "{seconds} s"),
            seconds @ 100..6_000 => write!(f, "{} min", seconds / 60),
            seconds @ 6_000..172_800 => write!(f, "{} h", seconds / 3_600),
            seconds => write!(f, "{} days", seconds / 86_400),
        }
    }
}

#[cfg(test)]
mod tests;
