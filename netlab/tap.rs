//! Ethernet devices whose other end is a file (Linux, `Documentation/networking/tuntap.rst`).

use std::{
    fs::{File, OpenOptions},
    io::{Error, Result},
    os::fd::AsRawFd,
};

/// Creates the device `name`, which is removed when the file is closed.
pub fn create(name: &str) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all of its fields are numbers and bytes.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from as libc::c_char;
    }
    // SAFETY: the call takes an `ifreq`, and only reads and writes within it.
    match unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &mut request) } {
        0 => Ok(file),
        _ => Err(Error::last_os_error()),
    }
}
