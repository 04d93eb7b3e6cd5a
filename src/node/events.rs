//! Events and errors as JavaScript objects.

use super::{
    inner::Inner,
    value::{self, Scope, Value},
};
use crate::{
    caught::caught,
    error::Error,
    net::{Arrival, Conn},
    rpc::{Data, Event},
    ws::Head,
};
use napi::{
    Env, JsValue, Result,
    bindgen_prelude::{BufferSlice, Object, Unknown},
};
use napi_derive::napi;
use std::{net::SocketAddr, sync::Arc};

/// Type of the event for a message that is longer than a string or Buffer can be.
const UNREADABLE: &str = "unreadable";

/// An error's data: JavaScript makes the Error, with Node's fields for system errors.
#[napi(object)]
pub struct Failure {
    pub message: String,
    pub code: Option<String>,
    pub errno: Option<i32>,
    pub syscall: Option<String>,
    pub address: Option<String>,
    pub port: Option<u32>,
}

pub(super) fn failure(error: &Error) -> Failure {
    let address = error.address();
    Failure {
        message: error.to_string(),
        code: error.code().map(Into::into),
        errno: error.errno(),
        syscall: error.syscall().map(Into::into),
        address: address.map(|address| address.ip().to_string()),
        port: address.map(|address| address.port().into()),
    }
}

/// The subject of an event.
enum Subject {
    Conn(u32),
    Arrival(Arc<Conn>),
    Exchange(u32),
    Name(u32),
    Ask(u32),
}

fn subject(event: &Event<Arrival>) -> Subject {
    match event {
        Event::Accepted { conn, .. } | Event::Opened { conn } => {
            Subject::Arrival(conn.conn.clone())
        }
        Event::Closed { conn, .. }
        | Event::Request { conn, .. }
        | Event::Reply { conn, .. }
        | Event::Message { conn, .. }
        | Event::Ping { conn, .. }
        | Event::Pong { conn, .. }
        | Event::Drained { conn }
        | Event::Leaving { conn }
        | Event::Large { conn }
        | Event::Room { conn }
        | Event::Composed { conn }
        | Event::Overdue { conn }
        | Event::Expired { conn, .. } => Subject::Conn(*conn),
        Event::Answered { id, .. } => Subject::Exchange(*id),
        Event::Resolved { id, .. } => Subject::Name(*id),
        Event::Asked { ask, .. } | Event::Unasked { ask, .. } => Subject::Ask(*ask),
    }
}

/// Converts an event. A failed conversion ends its connection or exchange, but not the other
/// messages and events of its batch.
pub(super) fn object_or_end<'a>(
    scope: Scope<'a>,
    inner: &Inner,
    event: Event<Arrival>,
) -> Result<Value<'a>> {
    let env = Env::from_raw(scope.raw());
    let object = convert(&env, inner, event)?;
    // SAFETY: the object was made in the running call.
    Ok(unsafe { Value::new(object.raw()) })
}

fn convert<'env>(env: &'env Env, inner: &Inner, event: Event<Arrival>) -> Result<Object<'env>> {
    let subject = subject(&event);
    let error = match caught(|| object(env, inner, event)) {
        Ok(Ok(object)) => return Ok(object),
        // V8 can only refuse a string above its maximum length.
        Ok(Err(_)) => Error::MessageTooBig,
        Err(error) => error,
    };
    let mut object = Object::new(env)?;
    match subject {
        Subject::Conn(number) => {
            inner.with(number, |entry| inner.spoil(&entry.conn, error));
        }
        Subject::Arrival(conn) => {
            inner.spoil(&conn, error);
            // No driver has it that could end it.
            conn.end();
        }
        // The client is disconnected.
        Subject::Ask(ask) => inner.driver.decide(ask, Some(Vec::new())),
        Subject::Exchange(id) | Subject::Name(id) => {
            let kind = if matches!(subject, Subject::Name(_)) { "resolved" } else { "answered" };
            object.set("type", kind)?;
            object.set("id", id)?;
            object.set("error", failure(&error))?;
            return Ok(object);
        }
    }
    object.set("type", "lost")?;
    Ok(object)
}

/// Converts an event; an accepted connection is registered from here on.
fn object<'env>(env: &'env Env, inner: &Inner, event: Event<Arrival>) -> Result<Object<'env>> {
    let mut object = Object::new(env)?;
    match event {
        Event::Accepted { server, conn } => {
            object.set("type", "accepted")?;
            object.set("server", server)?;
            set_client(&mut object, conn.head.as_ref(), conn.remote)?;
            if let Some(ask) = conn.ask {
                object.set("ask", ask)?;
            }
            object.set("conn", inner.arrive(Some(server), conn))?;
        }
        Event::Asked { server, ask } => {
            object.set("type", "asked")?;
            object.set("server", server)?;
            object.set("ask", ask)?;
            if let Some(question) = inner.driver.question(ask) {
                set_client(&mut object, Some(&question.head), question.remote)?;
            }
        }
        Event::Unasked { server, ask } => {
            object.set("type", "unasked")?;
            object.set("server", server)?;
            object.set("ask", ask)?;
        }
        Event::Opened { conn } => {
            object.set("type", "opened")?;
            object.set("conn", inner.arrive(None, conn))?;
        }
        Event::Closed { conn, code, reason, error } => {
            object.set("type", "closed")?;
            object.set("conn", conn)?;
            object.set("code", code)?;
            object.set("reason", reason)?;
            object.set("error", error.as_ref().map(failure))?;
        }
        Event::Request { conn, cost, data } => {
            object.set("type", "request")?;
            object.set("conn", conn)?;
            object.set("cost", cost as f64)?;
            set_data(env, &mut object, data)?;
        }
        Event::Reply { conn, slot, cost, data } => {
            object.set("type", "reply")?;
            object.set("conn", conn)?;
            object.set("slot", slot)?;
            object.set("cost", cost as f64)?;
            set_data(env, &mut object, data)?;
        }
        Event::Message { conn, data } => {
            object.set("type", "message")?;
            object.set("conn", conn)?;
            set_data(env, &mut object, data)?;
        }
        Event::Ping { conn, data } => {
            object.set("type", "ping")?;
            object.set("conn", conn)?;
            set_data(env, &mut object, Data::Binary(data))?;
        }
        Event::Pong { conn, data } => {
            object.set("type", "pong")?;
            object.set("conn", conn)?;
            set_data(env, &mut object, Data::Binary(data))?;
        }
        Event::Leaving { conn } => {
            object.set("type", "leaving")?;
            object.set("conn", conn)?;
        }
        Event::Large { conn } => {
            object.set("type", "large")?;
            object.set("conn", conn)?;
        }
        Event::Drained { conn } => {
            object.set("type", "drained")?;
            object.set("conn", conn)?;
        }
        Event::Room { conn } => {
            object.set("type", "room")?;
            object.set("conn", conn)?;
        }
        Event::Composed { conn } => {
            object.set("type", "composed")?;
            object.set("conn", conn)?;
        }
        Event::Overdue { conn } => {
            object.set("type", "overdue")?;
            object.set("conn", conn)?;
        }
        Event::Expired { conn, slots, silent_for } => {
            object.set("type", "expired")?;
            object.set("conn", conn)?;
            object.set("slots", slots)?;
            object.set("silentFor", u32::try_from(silent_for).unwrap_or(u32::MAX))?;
        }
        Event::Resolved { id, result } => {
            object.set("type", "resolved")?;
            object.set("id", id)?;
            match result {
                Ok(found) => object.set("addresses", found)?,
                Err(error) => object.set("error", failure(&error))?,
            }
        }
        Event::Answered { id, result } => {
            object.set("type", "answered")?;
            object.set("id", id)?;
            match result {
                Ok(answer) => {
                    object.set("status", answer.status)?;
                    object.set("body", answer.body)?;
                    object.set("location", answer.location)?;
                }
                Err(error) => object.set("error", failure(&error))?,
            }
        }
    }
    Ok(object)
}

/// The client's request and address.
fn set_client(
    object: &mut Object<'_>,
    head: Option<&Head>,
    remote: Option<SocketAddr>,
) -> Result<()> {
    if let Some(head) = head {
        object.set("url", &head.url)?;
        let headers: Vec<&String> =
            head.headers.iter().flat_map(|(name, value)| [name, value]).collect();
        object.set("headers", headers)?;
    }
    if let Some(remote) = remote {
        object.set("address", remote.ip().to_string())?;
        object.set("port", remote.port())?;
    }
    Ok(())
}

/// A message above V8's limits becomes an event of its own: the rest of the batch must not be lost.
fn set_data(env: &Env, object: &mut Object<'_>, data: Data) -> Result<()> {
    match data {
        Data::Text(text) => match value::string(env.into(), &text) {
            Ok(text) => {
                // SAFETY: the value was made with this `env`, in this scope.
                let text = unsafe { Unknown::from_raw_unchecked(env.raw(), text.raw()) };
                object.set("data", text)
            }
            Err(_) => object.set("type", UNREADABLE),
        },
        // Copied: an external buffer costs more than the copy.
        Data::Binary(bytes) => match BufferSlice::copy_from(env, bytes) {
            Ok(bytes) => object.set("data", bytes),
            Err(_) => object.set("type", UNREADABLE),
        },
    }
}
