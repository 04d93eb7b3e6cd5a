//! The functions of the hot path, on bare Node-API: a call costs a quarter of one through the
//! macro, and strings go straight into a connection's buffer.

use super::{
    events,
    inner::{Entry, Inner},
    value::{
        Scope, Value, append, append_long, array, boolean, buffer, is_undefined, number, string,
        time, to_number,
    },
};
use crate::{
    caught::caught,
    net::{Backlog, Composed, milliseconds},
    rpc::escape,
};
use napi::{Env, Error, JsValue, Result, bindgen_prelude::Object, check_status, sys};
use std::{
    ffi::{CString, c_char, c_void},
    ptr::{null, null_mut},
    rc::Rc,
};

/// Form of a payload or result: a JSON text, or a string that is converted to JSON here. Most
/// strings need no escapes, and checking that is faster than serializing.
const JSON: bool = false;
const STRING: bool = true;

/// Length of a message: up to [`config::SHORT_TEXT_CHARS`](crate::config::SHORT_TEXT_CHARS) it is
/// written into the connection's buffer, under its lock; a long one is composed before. JavaScript
/// chooses, since it knows the length without a call.
const SHORT: bool = false;
const LONG: bool = true;

/// How much waits to be fetched, as `receive` returns it: see [`Backlog`].
pub(super) const NO_BACKLOG: usize = 0;
pub(super) const LONE: usize = 1;
pub(super) const SOME: usize = 2;
pub(super) const FULL: usize = 3;

/// The value that a call returns, or `None` for undefined, which needs no call of Node-API.
type Returned<'a> = Result<Option<Value<'a>>>;

type Callback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// Node-API's callback for a function of this file. Only [`functions`] uses it.
macro_rules! callback {
    ($act:expr) => {{
        unsafe extern "C" fn call(
            env: sys::napi_env,
            info: sys::napi_callback_info,
        ) -> sys::napi_value {
            // SAFETY: this is a callback of `functions`.
            unsafe { enter(env, info, $act) }
        }
        call
    }};
}

/// Creates the object with the functions.
pub(super) fn functions<'env>(env: &'env Env, inner: &Rc<Inner>) -> Result<Object<'env>> {
    let object = Object::new(env)?;
    let functions: [(&str, Callback); 15] = [
        ("request", callback!(request::<JSON, SHORT>)),
        ("requestString", callback!(request::<STRING, SHORT>)),
        ("longRequest", callback!(request::<JSON, LONG>)),
        ("longRequestString", callback!(request::<STRING, LONG>)),
        ("reply", callback!(reply::<JSON, SHORT>)),
        ("replyString", callback!(reply::<STRING, SHORT>)),
        ("longReply", callback!(reply::<JSON, LONG>)),
        ("longReplyString", callback!(reply::<STRING, LONG>)),
        ("text", callback!(text::<SHORT>)),
        ("longText", callback!(text::<LONG>)),
        ("flush", callback!(flush)),
        ("fetch", callback!(fetch)),
        ("waiting", callback!(waiting)),
        ("receive", callback!(receive)),
        ("take", callback!(take)),
    ];
    for (name, callback) in functions {
        let mut function = null_mut();
        // SAFETY: `env` is live during this call. The data pointer is one strong count of
        // `inner`, which the finalizer below gives back when the function is collected.
        unsafe {
            let data = Rc::into_raw(inner.clone()).cast_mut().cast::<c_void>();
            check_status!(sys::napi_create_function(
                env.raw(),
                name.as_ptr().cast::<c_char>(),
                name.len() as isize,
                Some(callback),
                data,
                &mut function,
            ))?;
            check_status!(sys::napi_add_finalizer(
                env.raw(),
                function,
                data,
                Some(release),
                null_mut(),
                null_mut(),
            ))?;
            check_status!(sys::napi_set_named_property(
                env.raw(),
                object.raw(),
                CString::new(name)?.as_ptr(),
                function,
            ))?;
        }
    }
    Ok(object)
}

unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `data` came from `Rc::into_raw` in `functions`, one count for this call, and
    // finalizers run on the environment's own thread.
    let inner = unsafe { Rc::from_raw(data.cast::<Inner>()) };
    // There is no caller that could handle a panic.
    let _ = caught(|| drop(inner));
}

/// Runs `act` with the arguments of a call; a panic or error becomes a JavaScript exception.
///
/// # Safety
/// Only in a callback of `functions`.
unsafe fn enter<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    act: impl for<'a> FnOnce(&Inner, Scope<'a>, [Value<'a>; N]) -> Returned<'a>,
) -> sys::napi_value {
    let mut args = [null_mut(); N];
    let mut count = N;
    let mut data = null_mut();
    // SAFETY: Node-API calls us with a live `env` and `info`; absent arguments are filled with
    // `undefined`. The data pointer holds a strong count for as long as the function lives.
    let inner = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, args.as_mut_ptr(), null_mut(), &mut data);
        &*data.cast::<Inner>()
    };
    // SAFETY: this call belongs to that `env`, and so do its arguments.
    let (scope, args) = unsafe { (Scope::new(env), args.map(|value| Value::new(value))) };
    let result = caught(|| act(inner, scope, args))
        .unwrap_or_else(|error| Err(Error::from_reason(error.to_string())));
    match result {
        Ok(value) => value.map_or(null_mut(), Value::raw),
        Err(error) => {
            let text = error.reason.replace('\0', " ");
            if let Ok(text) = CString::new(text) {
                // SAFETY: `env` is live, and the text has no inner NUL.
                unsafe { sys::napi_throw_error(env, null(), text.as_ptr()) };
            }
            null_mut()
        }
    }
}

/// `request(conn, slot, timeout, payload, key)`: composes a request. `payload` is [`JSON`] or a
/// [`STRING`], `key` a JSON text with its comma; without `key` it is the connection's last one.
/// `timeout` is in ms. Returns false, and composes nothing, when JavaScript has to write the
/// string's JSON.
fn request<'a, const PAYLOAD: bool, const LENGTH: bool>(
    inner: &Inner,
    env: Scope<'a>,
    [conn, slot, timeout, payload, key]: [Value<'a>; 5],
) -> Returned<'a> {
    let (number, slot) = (number(env, conn)?, number(env, slot)?);
    let timeout = time(env, timeout)?;
    let mut is_json = Ok(true);
    let now = inner.hub.micros();
    inner.with(number, |entry| {
        let last = &mut *entry.key.borrow_mut();
        if let Err(error) = read_key(env, key, last) {
            is_json = Err(error);
            return;
        }
        let fill = |out: &mut Vec<u8>| {
            out.extend_from_slice(last);
            is_json = append_value::<PAYLOAD, LENGTH>(env, payload, out);
            matches!(is_json, Ok(true))
        };
        let composed = match LENGTH {
            LONG => {
                let frame = entry.conn.compose_request(fill);
                frame.and_then(|frame| entry.conn.request_composed(slot, now, timeout, frame))
            }
            SHORT => entry.conn.request(slot, now, timeout, fill),
        };
        if let Some(composed) = composed {
            inner.composed_in_time(entry, &composed, milliseconds(now));
        }
    });
    boolean(env, is_json?).map(Some)
}

/// `reply(conn, rid, result, since)`: composes the reply `["<rid>",null,<result>]` to a string
/// `rid`; `result` is [`JSON`] or a [`STRING`], `since` the time that `fetch` returned with the
/// request. Returns false, and composes nothing, when JavaScript has to write the JSON of one of
/// the strings; true when the client is so far behind that the service should not reply until the
/// event `room`. Otherwise it returns undefined, which needs no call of Node-API.
fn reply<'a, const RESULT: bool, const LENGTH: bool>(
    inner: &Inner,
    env: Scope<'a>,
    [conn, rid, result, since]: [Value<'a>; 4],
) -> Returned<'a> {
    let (number, since) = (number(env, conn)?, time(env, since)?);
    let mut is_json = Ok(true);
    let mut is_behind = false;
    inner.with(number, |entry| {
        let composed = compose::<LENGTH>(entry, |out| {
            out.push(b'[');
            is_json = append_value::<STRING, LENGTH>(env, rid, out);
            if !matches!(is_json, Ok(true)) {
                return false;
            }
            out.extend_from_slice(b",null,");
            is_json = append_value::<RESULT, LENGTH>(env, result, out);
            out.push(b']');
            matches!(is_json, Ok(true))
        });
        if let Some(composed) = composed {
            is_behind = answered(inner, entry, &composed, since);
        }
    });
    if is_json? && !is_behind { Ok(None) } else { boolean(env, is_behind).map(Some) }
}

/// Composes a text frame; see [`Conn::text`](crate::net::Conn::text).
#[inline]
fn compose<const LENGTH: bool>(
    entry: &Entry,
    fill: impl FnOnce(&mut Vec<u8>) -> bool,
) -> Option<Composed> {
    match LENGTH {
        LONG => entry.conn.compose_long(fill).and_then(|frame| entry.conn.long(frame)),
        SHORT => entry.conn.text(fill),
    }
}

/// Counts a reply to a request that JavaScript has had since `since`. Returns whether the client is
/// far behind.
#[inline]
fn answered(inner: &Inner, entry: &Entry, composed: &Composed, since: u64) -> bool {
    let now = inner.hub.micros();
    entry.conn.answered();
    if let Some(counted) = &entry.counted {
        counted.took(now.saturating_sub(since));
    }
    let much = composed.waiting > entry.conn.settings().high_water;
    inner.composed_in_time(entry, composed, milliseconds(now));
    much && entry.conn.is_behind()
}

/// `text(conn, text, since)`: composes the text frame of a reply; `since` and the return values
/// true and undefined as for `reply`.
fn text<'a, const LENGTH: bool>(
    inner: &Inner,
    env: Scope<'a>,
    [conn, text, since]: [Value<'a>; 3],
) -> Returned<'a> {
    let (number, since) = (number(env, conn)?, time(env, since)?);
    let mut read = Ok(());
    let mut is_behind = false;
    inner.with(number, |entry| {
        let composed = compose::<LENGTH>(entry, |out| {
            read = append_text::<LENGTH>(env, text, out);
            read.is_ok()
        });
        if let Some(composed) = composed {
            is_behind = answered(inner, entry, &composed, since);
        }
    });
    read.and_then(|()| is_behind.then(|| boolean(env, true)).transpose())
}

/// `flush()`: writes the output composed since the last flush, after concurrent writes are done.
fn flush<'a>(inner: &Inner, _: Scope<'a>, []: [Value<'a>; 0]) -> Returned<'a> {
    inner.flush();
    inner.flush_lingering(true);
    inner.unsent.settle();
    Ok(None)
}

/// `fetch()`: the next batch, or undefined: its text, or `[text, ...events]` when it has events.
/// The text's last two elements are the time, on the clock of `since`, and 1 when more batches
/// wait. Output composed so far is written.
fn fetch<'a>(inner: &Inner, env: Scope<'a>, []: [Value<'a>; 0]) -> Returned<'a> {
    inner.flush();
    let Some((mut batch, more)) = inner.hub.fetch() else { return Ok(None) };
    let now = inner.hub.micros();
    // The reply to a lone message is written without delay.
    inner.turn_begins(if batch.len() > 1 { milliseconds(now) } else { 0 });
    batch.number(now);
    batch.number(more.into());
    let (text, events) = batch.finish();
    let text = string(env, &text)?;
    if events.is_empty() {
        return Ok(Some(text));
    }
    let events = events.into_iter().map(|event| events::object_or_end(env, inner, event));
    array(env, text, events).map(Some)
}

/// `waiting(conn)`: bytes of buffered output.
fn waiting<'a>(inner: &Inner, env: Scope<'a>, [conn]: [Value<'a>; 1]) -> Returned<'a> {
    let waiting = inner.with(number(env, conn)?, |entry| entry.conn.waiting()).unwrap_or(0);
    to_number(env, waiting).map(Some)
}

/// `receive(conn, bytes)`: handles received bytes of a stream, a Buffer. Returns how much waits to
/// be fetched then: see `BACKLOG` of the layout.
fn receive<'a>(inner: &Inner, env: Scope<'a>, [conn, bytes]: [Value<'a>; 2]) -> Returned<'a> {
    let number = number(env, conn)?;
    // SAFETY: nothing in here runs JavaScript or keeps the bytes.
    let bytes = unsafe { buffer(env, bytes) }?;
    inner.with_stream(number, |stream| {
        #[cfg(unix)]
        inner.in_loop.heard(stream.conn().settings());
        stream.receive(bytes);
    });
    to_number(
        env,
        match inner.hub.backlog() {
            Backlog::None => NO_BACKLOG,
            Backlog::One => LONE,
            Backlog::Some => SOME,
            Backlog::Full => FULL,
        },
    )
    .map(Some)
}

/// `take(conn, to)`: moves a stream's buffered output into a Buffer, and returns the number of
/// bytes.
fn take<'a>(inner: &Inner, env: Scope<'a>, [conn, to]: [Value<'a>; 2]) -> Returned<'a> {
    let number = number(env, conn)?;
    // SAFETY: as in `receive`.
    let to = unsafe { buffer(env, to) }?;
    let taken = inner.with_stream(number, |stream| stream.take(to)).unwrap_or(0);
    to_number(env, taken).map(Some)
}

/// Keeps the text of `key`, unless it is `undefined`.
#[inline]
fn read_key<'a>(env: Scope<'a>, key: Value<'a>, last: &mut Vec<u8>) -> Result<()> {
    if is_undefined(env, key)? {
        // Without an earlier key, a missing one is an error.
        return if last.is_empty() { Err(Error::from_reason("no key")) } else { Ok(()) };
    }
    last.clear();
    append(env, key, last)
}

/// Appends the JSON text of a value in the form `VALUE`. False when JavaScript has to write it: a
/// string with lone surrogates, which UTF-8 cannot represent and JSON can.
fn append_value<'a, const VALUE: bool, const LENGTH: bool>(
    env: Scope<'a>,
    value: Value<'a>,
    out: &mut Vec<u8>,
) -> Result<bool> {
    if VALUE == JSON {
        append_text::<LENGTH>(env, value, out)?;
        return Ok(true);
    }
    out.push(b'"');
    let start = out.len();
    append_text::<LENGTH>(env, value, out)?;
    let is_json = escape(out, start);
    out.push(b'"');
    Ok(is_json)
}

/// Appends a string's UTF-8.
#[inline]
fn append_text<'a, const LENGTH: bool>(
    env: Scope<'a>,
    text: Value<'a>,
    out: &mut Vec<u8>,
) -> Result<()> {
    match LENGTH {
        LONG => append_long(env, text, out),
        SHORT => append(env, text, out),
    }
}
