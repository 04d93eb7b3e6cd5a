//! The portable driver: connections on a thread beside JavaScript's.

mod driver;
mod pump;
mod server;

pub use driver::Driver;
pub use server::Server;
