//! An Ethernet switch in user space, for tests of several hosts on one Linux machine:
//! `netlab-switch N` creates the devices `lab0` to `lab<N - 1>` and carries frames between them,
//! with the faults of a real network. Commands are JSON, one per line; each is answered by a line
//! `ok`. It ends when its standard input does, and removes the devices.

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
