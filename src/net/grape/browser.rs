//! Requests that a web page makes without its reader's knowledge: a page of any site can reach the
//! API on the reader's machine and network.

use crate::grape::Failure;
use http::{HeaderMap, Method, Uri, header, header::HeaderName};
use std::net::{IpAddr, SocketAddr};

// Constant names cost no lookup per request.
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The API's own host names.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    /// Only this machine can reach it: then all its names are known.
    is_loopback: bool,
    bound: IpAddr,
    names: Vec<String>,
}

impl Guard {
    /// For an API at `bound`. `names`: its other host names.
    pub fn new(bound: SocketAddr, names: impl IntoIterator<Item = String>) -> Self {
        let bound = bound.ip();
        Self { is_loopback: bound.is_loopback(), bound, names: names.into_iter().collect() }
    }

    /// Whether a request may be served. Programs send no origin; browsers do for every request that
    /// may change something. `is_page`: a page for people, who may follow a link of another site.
    ///
    /// # Errors
    /// The API's error response.
    pub fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        is_page: bool,
    ) -> Result<(), Failure> {
        let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(&header::HOST);
        // DNS rebinding: under a name that an attacker's name server resolves to this address, the
        // API would belong to the attacker's site.
        let named = uri.authority().map(|authority| authority.as_str());
        let mut hosts = host.into_iter().chain(named).filter(|host| !host.is_empty());
        let is_foreign = |host: &str| match self.is_loopback {
            true => !self.is_own(host) && !is_unspecified_of_program(name(host), headers),
            // A program cannot be lured to a name: services may use any name.
            false => !self.is_own(host) && is_anybodys(name(host)) && is_browser(headers),
        };
        if hosts.any(is_foreign) {
            return Err(Failure::ForeignHost);
        }
        if headers.get(header::ORIGIN).is_some()
            && !headers.get_all(header::ORIGIN).iter().all(|origin| {
                host.is_some_and(|host| self.is_own_origin(origin.to_str().unwrap_or("?"), host))
            })
        {
            return Err(Failure::ForeignOrigin);
        }
        match text(&SITE) {
            None | Some("same-origin" | "none") => Ok(()),
            // A followed link. The page with the link cannot read the response.
            Some(_) if is_page && method == Method::GET && is_navigation(&text) => Ok(()),
            Some(_) => Err(Failure::ForeignOrigin),
        }
    }

    /// Whether `origin` is this API.
    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        // An equal name proves nothing: anybody can own names, but not addresses.
        place.is_some_and(|place| place.eq_ignore_ascii_case(host))
            && (self.is_own(host) || ip(name(host)).is_some())
    }

    fn is_own(&self, host: &str) -> bool {
        let name = name(host);
        match ip(name) {
            Some(ip) => ip.is_loopback() || ip == self.bound || self.is_named(name),
            None => name.eq_ignore_ascii_case("localhost") || self.is_named(name),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Whether a name may belong to a stranger's domain: those have a dot.
fn is_anybodys(name: &str) -> bool {
    ip(name).is_none() && name.contains('.')
}

/// Whether a browser sent the request, as far as a page cannot hide it: over plain HTTP a browser
/// sends no Fetch Metadata, but always Accept-Language.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ACCEPT_LANGUAGE) || says_browser(headers)
}

/// The same, for any language.
fn says_browser(headers: &HeaderMap) -> bool {
    let says = [SITE, header::ORIGIN, header::REFERER];
    let agent = headers.get(header::USER_AGENT).map(|agent| agent.as_bytes());
    says.iter().any(|name| headers.contains_key(name))
        || agent.is_some_and(|agent| agent.starts_with(b"Mozilla/"))
}

/// Whether a program uses the unspecified address (`0.0.0.0`), by which systems reach themselves.
/// No name server can give a site an address as its name. Browsers send no Fetch Metadata to it, so
/// a page's silent GET is only recognized by the browser's other headers.
fn is_unspecified_of_program(name: &str, headers: &HeaderMap) -> bool {
    let is_unspecified = ip(name).is_some_and(|ip| ip.is_unspecified());
    // Node's `fetch` accepts any language.
    let mut languages = headers.get_all(header::ACCEPT_LANGUAGE).iter();
    let names_language = languages.any(|value| value != "*");
    is_unspecified && !names_language && !says_browser(headers)
}

fn is_navigation<'a>(text: &impl Fn(&HeaderName) -> Option<&'a str>) -> bool {
    text(&MODE) == Some("navigate") && text(&DEST) == Some("document")
}

/// A host without its port.
fn name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn ip(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(v6) => v6.parse().ok().map(|ip| IpAddr::V6(ip).to_canonical()),
        None => name.parse().ok().map(IpAddr::V4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bound: &str, page: bool, method: Method, fields: &[(&'static str, &str)]) -> bool {
        let guard = Guard::new(bound.parse().unwrap(), ["grape.example".to_owned()]);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        guard.check(&method, &Uri::from_static("/"), &headers, page).is_ok()
    }

    const LOOPBACK: &str = "127.0.0.1:31001";
    const EVERYWHERE: &str = "[::]:31001";

    #[test]
    fn programs_are_asked_for_nothing() {
        for bound in [LOOPBACK, EVERYWHERE, "10.0.0.1:31001"] {
            assert!(check(bound, false, Method::POST, &[]));
            assert!(check(bound, false, Method::POST, &[("host", "127.0.0.1:31001")]));
            assert!(check(bound, false, Method::POST, &[("host", "[::ffff:7f00:1]:31001")]));
        }
        for host in ["any", "grape-1:30001", "10.0.0.7", ""] {
            assert!(check(EVERYWHERE, false, Method::POST, &[("host", host)]), "{host}");
        }
    }

    #[test]
    fn on_loopback_only_its_own_names_count() {
        let host = |host: &str| check(LOOPBACK, true, Method::GET, &[("host", host)]);
        for own in
            ["127.0.0.1:31001", "127.9.9.9", "localhost:1", "LOCALHOST", "[::1]:5", "Grape.example"]
        {
            assert!(host(own), "{own}");
        }
        for foreign in [
            "evil.example:31001",
            "10.0.0.1",
            "localhost.evil.example",
            "[::2]",
            "localhost:x",
            ":",
        ] {
            assert!(!host(foreign), "{foreign}");
        }
        let guard = Guard::new(LOOPBACK.parse().unwrap(), []);
        let uri = Uri::from_static("http://evil.example/");
        assert!(guard.check(&Method::GET, &uri, &HeaderMap::new(), true).is_err());
    }

    #[test]
    fn a_program_on_loopback_may_use_the_unspecified_address() {
        for host in ["0.0.0.0:31001", "0.0.0.0", "[::]:31001"] {
            let with = |more| check(LOOPBACK, false, Method::POST, &[("host", host), more]);
            for program in
                [("accept", "*/*"), ("accept-language", "*"), ("user-agent", "node-fetch/1.0")]
            {
                assert!(with(program), "{host} {program:?}");
            }
            for page in [
                ("accept-language", "en"),
                ("user-agent", "Mozilla/5.0 (X11)"),
                ("referer", "http://0.0.0.0:31001/"),
                ("origin", "http://0.0.0.0:31001"),
                ("sec-fetch-site", "same-origin"),
            ] {
                assert!(!with(page), "{host} {page:?}");
            }
        }
    }

    #[test]
    fn elsewhere_a_browser_may_not_use_a_name_that_a_stranger_can_have() {
        let languages = ("accept-language", "en");
        let marks =
            [languages, ("user-agent", "Mozilla/5.0 (X11)"), ("referer", "http://evil.example/")];
        for bound in [EVERYWHERE, "10.0.0.1:31001"] {
            for host in ["evil.example", "evil.example:31001", "grape.example.", "1.2.3.evil"] {
                for mark in marks {
                    let fields = [("host", host), mark];
                    assert!(!check(bound, true, Method::GET, &fields), "{fields:?}");
                }
                assert!(check(bound, true, Method::GET, &[("host", host)]), "a program: {host}");
            }
            for own in
                ["10.0.0.1:31001", "[::2]:1", "localhost:31001", "grape:30001", "Grape.example"]
            {
                assert!(check(bound, true, Method::GET, &[("host", own), languages]), "{own}");
            }
        }
    }

    #[test]
    fn only_its_own_pages_may_ask() {
        let origin = |bound: &str, origin: &str, host: &str| {
            check(bound, false, Method::POST, &[("host", host), ("origin", origin)])
        };
        for bound in [LOOPBACK, EVERYWHERE] {
            assert!(origin(bound, "http://127.0.0.1:31001", "127.0.0.1:31001"));
            assert!(origin(bound, "http://localhost:31001", "localhost:31001"));
            assert!(origin(bound, "https://grape.example", "grape.example"));
            for foreign in [
                "null",
                "",
                "http://evil.example",
                "http://127.0.0.1:3000",
                "http://localhost:31001",
                "chrome-extension://abc",
                "127.0.0.1:31001",
            ] {
                assert!(!origin(bound, foreign, "127.0.0.1:31001"), "{foreign}");
            }
            assert!(!origin(bound, "http://evil.example:31001", "evil.example:31001"));
            assert!(!check(bound, false, Method::POST, &[("origin", "http://127.0.0.1")]));
        }
        assert!(origin(EVERYWHERE, "http://10.0.0.1:31001", "10.0.0.1:31001"));
        let twice = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "null")];
        assert!(!check(LOOPBACK, false, Method::POST, &twice));
    }

    #[test]
    fn a_browser_says_where_a_request_comes_from() {
        let site = |site: &str, method: Method, page: bool, mode: &str, dest: &str| {
            let fields =
                [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
            check(LOOPBACK, page, method, &fields)
        };
        assert!(site("same-origin", Method::POST, false, "cors", "empty"));
        assert!(site("none", Method::GET, true, "navigate", "document"));
        for foreign in ["cross-site", "same-site", "?"] {
            assert!(site(foreign, Method::GET, true, "navigate", "document"));
            assert!(!site(foreign, Method::POST, true, "navigate", "document"));
            assert!(!site(foreign, Method::GET, false, "navigate", "document"));
            assert!(!site(foreign, Method::GET, true, "navigate", "iframe"));
            assert!(!site(foreign, Method::GET, true, "no-cors", "image"));
        }
    }
}
