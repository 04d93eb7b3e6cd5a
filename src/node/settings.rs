//! The settings of a connection, as JavaScript gives them.

use crate::net::{Admission, BusyPoll, Io, Lanes, Settings};
use napi_derive::napi;

/// All but pages of a foreign origin over the loopback interface: see [`Admission`].
pub(super) const ADMIT_LOCAL: u8 = 0;
pub(super) const ADMIT_ANY: u8 = 1;
pub(super) const ADMIT_ASKING_ORIGINS: u8 = 2;
pub(super) const ADMIT_ASKING_ALL: u8 = 3;

/// See [`Settings`].
#[napi(object)]
pub struct ConnectionSettings {
    pub in_loop: bool,
    /// Who gets the messages: bits of `LANES` of the layout.
    pub lanes: u8,
    /// Microseconds; negative is adaptive.
    pub busy_poll: i32,
    pub max_payload: u32,
    pub heartbeat: u32,
    pub dial_after: u32,
    pub connect_timeout: u32,
    pub handshake_timeout: u32,
    /// Which clients are accepted: see `ADMISSION` of the layout.
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
                ADMIT_ANY => Admission::Any,
                ADMIT_ASKING_ORIGINS => Admission::AskOrigins,
                ADMIT_ASKING_ALL => Admission::AskAll,
                _ => Admission::Local,
            },
            max_connections: settings.max_connections as usize,
            high_water: settings.high_water as usize,
        }
    }
}
