//! The opening handshake (RFC 6455 section 4), from bytes to bytes.

use crate::{
    config,
    error::{BadHandshake, Error},
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use httparse::Status;
use tungstenite::handshake::{
    client::generate_key,
    derive_accept_key,
    server::{create_response, write_response},
};

/// Result of the bytes that a client has sent so far.
#[derive(Debug)]
pub enum Upgrade {
    /// The head is incomplete.
    Partial,
    /// Send `response`; frames begin after the first `consumed` bytes.
    Accept {
        /// The 101 response.
        response: Vec<u8>,
        /// Length of the request's head.
        consumed: usize,
        /// The client's request.
        head: Head,
    },
    /// Send `response` and close.
    Refuse {
        /// A complete HTTP response.
        response: Vec<u8>,
    },
}

/// A client's upgrade request, as Node shows it: names in lower case, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Path and query.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Its memory size.
    pub fn bytes(&self) -> usize {
        let texts = self.headers.iter().map(|(name, value)| name.capacity() + value.capacity());
        self.url.capacity()
            + size_of::<(String, String)>() * self.headers.capacity()
            + texts.sum::<usize>()
    }

    fn of(head: &httparse::Request<'_, '_>) -> Self {
        let header = |header: &httparse::Header<'_>| {
            // Header values are Latin-1 in Node.
            let value = header.value.iter().map(|byte| char::from(*byte)).collect();
            (header.name.to_ascii_lowercase(), value)
        };
        Self {
            url: head.path.unwrap_or_default().to_owned(),
            headers: head.headers.iter().map(header).collect(),
        }
    }
}

/// Decides when a partial head is worth parsing: when it may be complete, and whenever its size has
/// doubled, so that data that is no HTTP is refused early. So it is parsed a few times at most,
/// however it is split.
#[derive(Debug, Default)]
pub struct HeadEnd {
    seen: usize,
    parse_at: usize,
}

impl HeadEnd {
    /// Whether to parse `bytes`, all data received so far. Empty lines before a head are removed
    /// (RFC 9112 section 2.2).
    pub fn is_due(&mut self, bytes: &mut Vec<u8>) -> bool {
        if self.seen == 0 {
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            bytes.drain(..empty);
            if bytes.is_empty() {
                return false;
            }
        }
        // The end may be split as well.
        let ended = has_empty_line(&bytes[self.seen.saturating_sub(3)..]);
        self.seen = bytes.len();
        let is_due = ended || self.seen >= self.parse_at;
        if is_due {
            self.parse_at = (2 * self.seen).min(config::MAX_HANDSHAKE_BYTES);
        }
        is_due
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// Reads a client's upgrade request. Any path is accepted, as with the `ws` package.
pub fn read_request(bytes: &[u8]) -> Upgrade {
    let mut headers = [httparse::EMPTY_HEADER; config::MAX_HANDSHAKE_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let consumed = match head.parse(bytes) {
        Ok(Status::Complete(consumed)) => consumed,
        Ok(Status::Partial) if bytes.len() < config::MAX_HANDSHAKE_BYTES => {
            return Upgrade::Partial;
        }
        Ok(Status::Partial) => return refuse(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(_) => return refuse(StatusCode::BAD_REQUEST),
    };
    match accept(&head) {
        Ok(response) => Upgrade::Accept { response, consumed, head: Head::of(&head) },
        Err(status) => {
            let mut response = refusal(status);
            // Content-Length is set, but no body follows (RFC 9110 section 9.3.2).
            if head.method == Some("HEAD") {
                response.truncate(response.len() - reason(status).len());
            }
            Upgrade::Refuse { response }
        }
    }
}

/// The 101 response to an upgrade request, or the status of a refusal.
fn accept(head: &httparse::Request<'_, '_>) -> Result<Vec<u8>, StatusCode> {
    let mut request = request(head).ok_or(StatusCode::BAD_REQUEST)?;
    if !request.headers().contains_key(header::UPGRADE) {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    // Headers that must occur exactly once (RFC 6455 sections 4.2.1 and 11.3).
    let once = [header::HOST, header::SEC_WEBSOCKET_KEY];
    if once.iter().any(|name| count(request.headers(), name) != 1) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let versions = request.headers().get_all(header::SEC_WEBSOCKET_VERSION);
    if versions.iter().next().is_some() && !versions.iter().eq([VERSION]) {
        return Err(StatusCode::UPGRADE_REQUIRED);
    }
    // Tungstenite only checks the first line, and does not split at tabs.
    if has_token(request.headers(), header::CONNECTION, "upgrade") {
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    // Tungstenite decodes the key, and refuses one whose last bits are not zero. Those bits are up
    // to the client: the response depends on the key's text (RFC 6455 section 4.2.2).
    let accept = request.headers().get(header::SEC_WEBSOCKET_KEY).and_then(accept_of);
    let Some(accept) = accept else { return Err(StatusCode::BAD_REQUEST) };
    request.headers_mut().insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static(ANY_KEY));
    let Ok(mut response) = create_response(&request) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    response.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    // Without a handler for it, `ws` takes the first subprotocol that the client offers.
    if let Some(first) = request
        .headers()
        .get(header::SEC_WEBSOCKET_PROTOCOL)
        .and_then(|offered| offered.to_str().ok())
        .and_then(|offered| offered.split(',').map(str::trim).next().filter(|one| !one.is_empty()))
        .and_then(|first| HeaderValue::from_str(first).ok())
    {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, first);
    }
    let mut out = Vec::new();
    write_response(&mut out, &response).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(out)
}

fn request(head: &httparse::Request<'_, '_>) -> Option<Request<()>> {
    let mut request = Request::builder()
        .method(head.method?)
        .uri(head.path?)
        .version(if head.version? == 0 { http::Version::HTTP_10 } else { http::Version::HTTP_11 })
        .body(())
        .ok()?;
    *request.headers_mut() = header_map(head.headers)?;
    Some(request)
}

fn header_map(headers: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        map.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(map)
}

/// The only version of the protocol (RFC 6455 section 4.1).
const VERSION: &str = "13";

fn count(headers: &HeaderMap, name: &HeaderName) -> usize {
    headers.get_all(name).iter().count()
}

/// Any valid key.
const ANY_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The accept value of a key; `None` where it is not the base64 of 16 bytes.
fn accept_of(key: &HeaderValue) -> Option<HeaderValue> {
    let digits = key.as_bytes().trim_ascii().strip_suffix(b"==")?;
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let is_key = digits.len() == ANY_KEY.len() - 2 && digits.iter().all(is_digit);
    let accept = is_key.then(|| derive_accept_key(key.as_bytes().trim_ascii()))?;
    HeaderValue::from_str(&accept).ok()
}

/// Whether `token` is in the combined list of all headers with this name.
fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).into_iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
}

fn refuse(status: StatusCode) -> Upgrade {
    Upgrade::Refuse { response: refusal(status) }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or_default()
}

/// A complete HTTP response that rejects a client.
pub fn refusal(status: StatusCode) -> Vec<u8> {
    let text = reason(status);
    // Tells a client with another version the supported one (RFC 6455 section 4.4).
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain\r\n\
         Sec-WebSocket-Version: {VERSION}\r\nContent-Length: {}\r\n\r\n{text}",
        text.len()
    )
    .into_bytes()
}

/// A client's side of one handshake.
#[derive(Debug)]
pub struct ClientHandshake {
    accept: String,
}

impl ClientHandshake {
    /// Begins a handshake for `path` at `host` (with port), and returns the request's bytes.
    pub fn new(host: &str, path: &str) -> (Self, Vec<u8>) {
        let key = generate_key();
        let request = format!(
            "GET {path} HTTP/1.1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nHost: {host}\r\n\r\n"
        );
        (Self { accept: derive_accept_key(key.as_bytes()) }, request.into_bytes())
    }

    /// Reads the server's response, after skipping a few informational heads (RFC 9110 section
    /// 15.2). `Some(n)`: done, frames begin after `n` bytes; `None`: the response is incomplete.
    ///
    /// # Errors
    /// The server declined, or its response violates RFC 6455 section 4.1.
    pub fn read_response(&self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        let mut begin = 0;
        for _ in 0..config::MAX_INFORMATION {
            let Some(length) = information(&bytes[begin..]) else { break };
            begin += length;
        }
        let has_room = bytes.len() < config::MAX_HANDSHAKE_BYTES;
        Ok(self.read_answer(&bytes[begin..], has_room)?.map(|length| begin + length))
    }

    fn read_answer(&self, bytes: &[u8], has_room: bool) -> Result<Option<usize>, Error> {
        let mut headers = [httparse::EMPTY_HEADER; config::MAX_HANDSHAKE_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let consumed = match head.parse(bytes) {
            Ok(Status::Complete(consumed)) => consumed,
            Ok(Status::Partial) if has_room => return Ok(None),
            Ok(Status::Partial) => return Err(BadHandshake::Overflow.into()),
            Err(error) => return Err(BadHandshake::NotHttp(error).into()),
        };
        let status = head.code.unwrap_or_default();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return Err(Error::UnexpectedResponse(status));
        }
        let response = header_map(head.headers)
            .map(|map| {
                let mut response = Response::new(());
                *response.headers_mut() = map;
                response
            })
            .ok_or(BadHandshake::Headers)?;
        let value = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if !value(header::UPGRADE).is_some_and(|v| v.eq_ignore_ascii_case("websocket")) {
            return Err(BadHandshake::Upgrade.into());
        }
        if !has_token(response.headers(), header::CONNECTION, "upgrade") {
            return Err(BadHandshake::Connection.into());
        }
        if value(header::SEC_WEBSOCKET_ACCEPT) != Some(&self.accept)
            || count(response.headers(), &header::SEC_WEBSOCKET_ACCEPT) != 1
        {
            return Err(BadHandshake::Accept.into());
        }
        // Proxies may send them empty.
        let says = |name| {
            let values = response.headers().get_all(name);
            values.into_iter().any(|value| !value.as_bytes().trim_ascii().is_empty())
        };
        if says(header::SEC_WEBSOCKET_PROTOCOL) {
            return Err(BadHandshake::Subprotocol.into());
        }
        if says(header::SEC_WEBSOCKET_EXTENSIONS) {
            return Err(BadHandshake::Extension.into());
        }
        Ok(Some(consumed))
    }
}

/// The length of the first head if it is informational.
fn information(bytes: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; config::MAX_HANDSHAKE_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(Status::Complete(length)) = head.parse(bytes) else { return None };
    // 101 is the final response.
    matches!(head.code, Some(100 | 102..=199)).then_some(length)
}

#[cfg(test)]
mod tests;
