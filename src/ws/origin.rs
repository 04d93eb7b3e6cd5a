//! Whether a web page may connect, by its `Origin` (RFC 6454 section 6.2).

use super::Head;

impl Head {
    /// Whether the client has an `Origin`: it is a page, or claims to be one.
    pub fn has_origin(&self) -> bool {
        self.origins().next().is_some()
    }

    /// Whether the client is no page, or a page from this machine's loopback interface. A browser
    /// sends every page's origin, and a page cannot choose it.
    pub fn is_of_loopback(&self) -> bool {
        self.origins().all(is_loopback)
    }

    fn origins(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(|(name, _)| name == "origin").map(|(_, value)| value.as_str())
    }
}

/// `http` or `https`, at `localhost`, an address in 127.0.0.0/8 or `[::1]`, at any port.
fn is_loopback(origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    let Some(host) = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
    else {
        return false;
    };
    let (name, port) = match host.strip_prefix("[::1]") {
        Some(port) => ("localhost", port),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    is_port(port) && (name == "localhost" || is_loopback_v4(name))
}

/// Empty, or a colon and a number.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

fn is_loopback_v4(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_number = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
            && part.parse::<u8>().is_ok()
    };
    parts.next() == Some("127") && parts.clone().count() == 3 && parts.all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(origins: &[&str]) -> Head {
        let headers = origins.iter().map(|value| ("origin".into(), (*value).to_owned())).collect();
        Head { url: "/".into(), headers }
    }

    #[test]
    fn pages_of_loopback_are_told_from_others() {
        for origin in [
            "http://localhost",
            "https://localhost:8443",
            "HTTP://LocalHost:1",
            "http://127.0.0.1",
            "http://127.255.0.9:65535",
            "http://[::1]",
            "https://[::1]:3000",
            "http://localhost:00080",
        ] {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://",
            "localhost",
            "file://",
            "ws://localhost",
            "http://localhost.evil.example",
            "http://evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1@evil.example",
            "http://evil.example:80@localhost",
            "http://localhost:",
            "http://localhost:x",
            "http://localhost:+1",
            "http://localhost:65536",
            "http://localhost/",
            "http://127.1",
            "http://127.0.0.01",
            "http://127.0.0.256",
            "http://127.0.0.1.",
            "http://127.0..1",
            "http://128.0.0.1",
            "http://[::1",
            "http://[::1].evil.example",
            "http://[::2]",
            "http://0.0.0.0",
            "http://localhost, http://localhost",
            "chrome-extension://abc",
            "http://LOCALHOST\u{e9}",
        ] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }

    #[test]
    fn every_origin_counts_and_none_is_no_page() {
        assert!(head(&[]).is_of_loopback() && !head(&[]).has_origin());
        assert!(head(&["http://localhost"]).is_of_loopback());
        assert!(head(&[""]).has_origin() && !head(&[""]).is_of_loopback());
        assert!(!head(&["http://localhost", "http://evil.example"]).is_of_loopback());
    }
}
