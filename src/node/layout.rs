//! The numbers on which both sides agree, for JavaScript: the elements of a batch, arguments and
//! results of calls, and limits. `lib` has none of them a second time.

use super::{messages, raw, settings};
use crate::{
    config,
    net::Lanes,
    rpc::{NOTHING_READ, RECORDS},
    ws::{FIN, Opcode},
};
use napi::{
    Env, Result,
    bindgen_prelude::{JsObjectValue, Object},
};
use napi_derive::napi;
use std::time::Duration;

/// A frozen object of frozen objects: see `lib/native/layout.js`.
#[napi(catch_unwind)]
#[cfg_attr(test, allow(dead_code, reason = "napi exports nothing to Rust's tests"))]
pub fn layout<'env>(env: &'env Env) -> Result<Object<'env>> {
    let mut layout = Object::new(env)?;
    layout.set("RECORDS", records(env)?)?;
    layout.set("BACKLOG", numbers(env, &BACKLOG)?)?;
    layout.set("SENT", numbers(env, &SENT)?)?;
    layout.set("LANES", numbers(env, &LANES)?)?;
    layout.set("ADMISSION", numbers(env, &ADMISSION)?)?;
    layout.set("OPCODE", numbers(env, &OPCODE)?)?;
    layout.set("FIN", u32::from(FIN))?;
    layout.set("LIMITS", limits(env)?)?;
    layout.freeze()?;
    Ok(layout)
}

/// What `raw.receive` returns.
const BACKLOG: [(&str, usize); 4] =
    [("NONE", raw::NO_BACKLOG), ("LONE", raw::LONE), ("SOME", raw::SOME), ("FULL", raw::FULL)];

/// What `core.send` returns.
const SENT: [(&str, usize); 3] = [
    ("OVER", messages::OVER as usize),
    ("SENT", messages::SENT as usize),
    ("BEHIND", messages::BEHIND as usize),
];

/// Who gets a connection's messages: any sum of these.
const LANES: [(&str, usize); 4] = [
    ("NONE", Lanes::NONE.bits() as usize),
    ("RPC", Lanes::RPC.bits() as usize),
    ("SOCKET", Lanes::SOCKET.bits() as usize),
    ("ASK_ALL", Lanes::ASK_ALL.bits() as usize),
];

/// Which clients are accepted.
const ADMISSION: [(&str, usize); 4] = [
    ("LOCAL", settings::ADMIT_LOCAL as usize),
    ("ANY", settings::ADMIT_ANY as usize),
    ("ASK_ORIGINS", settings::ADMIT_ASKING_ORIGINS as usize),
    ("ASK_ALL", settings::ADMIT_ASKING_ALL as usize),
];

/// Frames that `core.send` composes.
const OPCODE: [(&str, usize); 5] = [
    ("CONTINUATION", Opcode::Continuation as usize),
    ("TEXT", Opcode::Text as usize),
    ("BINARY", Opcode::Binary as usize),
    ("PING", Opcode::Ping as usize),
    ("PONG", Opcode::Pong as usize),
];

/// Limits that both sides enforce: bytes, milliseconds, or counts.
const LIMITS: [(&str, usize); 14] = [
    ("BACKLOG", config::LISTEN_BACKLOG as usize),
    ("FAREWELL_TIMEOUT", ms(config::FAREWELL_TIMEOUT)),
    ("GRAPE_KEEP_ALIVE", ms(config::GRAPE_KEEP_ALIVE)),
    ("KEEPALIVE", ms(config::KEEPALIVE)),
    ("LARGE", config::LARGE_BYTES),
    ("MAX_GRAPE_ANSWER", config::MAX_GRAPE_ANSWER_BYTES),
    ("MAX_HANDSHAKES", config::MAX_HANDSHAKES),
    ("MAX_INFORMATION", config::MAX_INFORMATION),
    ("MAX_NESTING", config::MAX_NESTING),
    ("MAX_SLOTS", config::MAX_SLOTS as usize),
    ("MAX_TIMEOUT", config::MAX_TIMEOUT_MS as usize),
    ("REFUSED_ID", config::REFUSED_ID_BYTES),
    ("SHORT_TEXT", config::SHORT_TEXT_CHARS),
    ("SWEEP", config::EXPIRE_EVERY_MS as usize),
];

const fn ms(time: Duration) -> usize {
    time.as_millis() as usize
}

fn limits(env: &Env) -> Result<Object<'_>> {
    let mut limits = Object::new(env)?;
    for (name, limit) in LIMITS {
        limits.set(name, limit as f64)?;
    }
    limits.set("NOTHING_READ", NOTHING_READ)?;
    limits.freeze()?;
    Ok(limits)
}

fn numbers<'env>(env: &'env Env, named: &[(&str, usize)]) -> Result<Object<'env>> {
    let mut object = Object::new(env)?;
    for (name, number) in named {
        object.set(name, *number as f64)?;
    }
    object.freeze()?;
    Ok(object)
}

/// Each kind of record: its tag, its number of elements with the tag, and the index of each field
/// behind the tag.
fn records(env: &Env) -> Result<Object<'_>> {
    let mut records = Object::new(env)?;
    for record in RECORDS {
        let mut object = Object::new(env)?;
        object.set("tag", u32::from(record.tag))?;
        object.set("size", 1 + record.fields.len() as u32)?;
        for (at, field) in (1u32..).zip(record.fields) {
            object.set(field, at)?;
        }
        object.freeze()?;
        records.set(record.name, object)?;
    }
    records.freeze()?;
    Ok(records)
}
