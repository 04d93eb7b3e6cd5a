//! Reads and writes a shared socket during the handshake, with little memory.

use crate::config;
use std::io::{self, ErrorKind};
use tokio::net::TcpStream;

/// Reads once into `bytes`, up to the size of a head; false at the end of the stream.
pub(super) async fn read_more(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        stream.readable().await?;
        match read_part(stream, bytes) {
            Err(error) if is_passing(&error) => {}
            result => return result,
        }
    }
}

/// Separate from [`read_more`], whose memory every waiting connection holds.
fn read_part(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 1024];
    let room = config::MAX_HANDSHAKE_BYTES.saturating_sub(bytes.len()).clamp(1, part.len());
    let read = stream.try_read(&mut part[..room])?;
    grow(bytes, read);
    bytes.extend_from_slice(&part[..read]);
    Ok(read > 0)
}

/// Makes room for `more` bytes as a `Vec` does, but never for more than the limit of a head.
fn grow(bytes: &mut Vec<u8>, more: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let most = config::MAX_HANDSHAKE_BYTES.max(needed);
        bytes.reserve_exact((2 * bytes.capacity()).clamp(needed, most) - bytes.len());
    }
}

pub(super) async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether the same call may succeed the next time.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_never_has_more_memory_than_its_largest_size() {
        for part in [1, 7, 800, 1000, 1024] {
            let mut bytes = Vec::new();
            while bytes.len() < config::MAX_HANDSHAKE_BYTES {
                let read = part.min(config::MAX_HANDSHAKE_BYTES - bytes.len());
                grow(&mut bytes, read);
                bytes.extend(std::iter::repeat_n(b'a', read));
            }
            assert_eq!(bytes.capacity(), config::MAX_HANDSHAKE_BYTES);
        }
    }
}
