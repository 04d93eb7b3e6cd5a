//! The system's resolver. The standard library's lookups do not say why one failed, except in
//! words.

use std::net::IpAddr;

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The name does not exist, or has no address.
    Nowhere,
    /// Not known: name servers cannot be reached, or do not answer.
    Unanswered,
}

/// The addresses of `host`.
#[cfg(unix)]
pub(super) fn lookup(host: &str) -> Result<Vec<IpAddr>, Unknown> {
    use std::{ffi::CString, mem, ptr};

    let name = CString::new(host).map_err(|_| Unknown::Nowhere)?;
    // SAFETY: zeros are valid for these numbers and pointers.
    let mut hints: libc::addrinfo = unsafe { mem::zeroed() };
    // Else each address comes once for each type of socket.
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first = ptr::null_mut();
    // SAFETY: name and hints are valid during the call, and the result is freed below.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &hints, &mut first) };
    if code != 0 {
        // Before 2.26, glibc reads changes of /etc/resolv.conf only then.
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        // SAFETY: it changes the state of this thread's resolver only.
        unsafe {
            libc::res_init();
        }
        return Err(reason(code));
    }
    let mut found = Vec::new();
    let mut next = first;
    // SAFETY: a valid entry of the list, or null at its end.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: as the entry says.
        found.extend(unsafe { address(entry.ai_addr) });
        next = entry.ai_next;
    }
    // SAFETY: a list of `getaddrinfo`, which is not used any more.
    unsafe { libc::freeaddrinfo(first) };
    Ok(found)
}

/// The IP address of a socket address.
///
/// # Safety
/// `address` is null, or points to as many bytes as its family has.
#[cfg(unix)]
unsafe fn address(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: by the caller; every family's address begins with the family.
    match i32::from(unsafe { address.as_ref() }?.sa_family) {
        libc::AF_INET => {
            // SAFETY: by the caller.
            let address = unsafe { address.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(IpAddr::from(address.sin_addr.s_addr.to_ne_bytes()))
        }
        libc::AF_INET6 => {
            // SAFETY: by the caller.
            let address = unsafe { address.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(IpAddr::from(address.sin6_addr.s6_addr))
        }
        _ => None,
    }
}

/// Why a lookup failed, by its code (RFC 3493 section 6.1).
#[cfg(unix)]
fn reason(code: libc::c_int) -> Unknown {
    match code {
        libc::EAI_AGAIN => Unknown::Unanswered,
        _ => Unknown::Nowhere,
    }
}

/// The addresses of `host`.
#[cfg(not(unix))]
pub(super) fn lookup(host: &str) -> Result<Vec<IpAddr>, Unknown> {
    use std::net::ToSocketAddrs;

    /// The error of Windows for name servers that do not answer.
    const WSATRY_AGAIN: i32 = 11002;
    let found = (host, 0).to_socket_addrs().map_err(|error| match error.raw_os_error() {
        Some(WSATRY_AGAIN) => Unknown::Unanswered,
        _ => Unknown::Nowhere,
    })?;
    Ok(found.map(|address| address.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_this_machine_and_addresses() {
        let found = lookup("localhost").unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
        for address in ["127.0.0.1", "::1"] {
            assert_eq!(lookup(address).unwrap(), [address.parse::<IpAddr>().unwrap()]);
        }
        assert_eq!(lookup("local\0host"), Err(Unknown::Nowhere));
    }

    #[cfg(unix)]
    #[test]
    fn silent_name_servers_are_told_from_a_name_without_address() {
        assert_eq!(reason(libc::EAI_AGAIN), Unknown::Unanswered);
        assert_eq!(reason(libc::EAI_NONAME), Unknown::Nowhere);
        assert_eq!(reason(libc::EAI_SYSTEM), Unknown::Nowhere);
    }
}
