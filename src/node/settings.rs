//! The settings of a connection, as JavaScript gives them.

use crate::net::{Admission, BusyPoll, Io, Lanes, Settings};
use napi_derive::napi;

/// See [`Settings`].
#[napi(object)]
pub struct ConnectionSettings {
    pub in_loop: bool,
    /// Bits: 1 the RPC machinery, 2 listeners of the socket.
    pub lanes: u8,
    /// Microseconds; negative is adaptive.
    pub busy_poll: i32,
    pub max_payload: u32,
    pub heartbeat: u32,
    pub dial_after: u32,
    pub connect_timeout: u32,
    pub handshake_timeout: u32,
    /// Which clients are accepted: 0 no foreign pages over loopback, 1 all, 2 JavaScript decides
    /// about clients with an origin, 3 about every client.
    pub admission: u8,
    pub max_connections: u32,
    pub high_water: u32,
}

impl From<ConnectionSettings> for Settings {
    fn from(settings: ConnectionSettings) -> Self {
        Self {
            io: if settings.in_loop { Io::Libuv } else { Io::Tokio },
            lanes: Lanes::from_bits(settings.lanes),
            busy_poll: match u32::try_from(settings.busy_poll) {
                Ok(micros) => BusyPoll::Micros(micros),
                Err(_) => BusyPoll::Learnt,
            },
            max_payload: settings.max_payload as usize,
            heartbeat: settings.heartbeat.into(),
            dial_after: settings.dial_after.into(),
            connect_timeout: settings.connect_timeout.into(),
            handshake_timeout: settings.handshake_timeout.into(),
            admission: match settings.admission {
                1 => Admission::Any,
                2 => Admission::AskOrigins,
                3 => Admission::AskAll,
                _ => Admission::Local,
            },
            max_connections: settings.max_connections as usize,
            high_water: settings.high_water as usize,
        }
    }
}
