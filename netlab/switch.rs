//! An Ethernet switch in user space, for tests of several hosts on one Linux machine: `netlab-switch N`
//! makes the devices `lab0` to `lab<N - 1>` and carries frames between them, with what a real network
//! does to these. Commands come as JSON, one a line; each is answered by a line `ok`. It ends with
//! its standard input, and the devices with it.

#[cfg(target_os = "linux")]
mod lan;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod tap;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    lan::serve(std::env::args().nth(1).ok_or("netlab-switch <ports>")?.parse()?)
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("netlab-switch: only Linux has namespaces");
}
