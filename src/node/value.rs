//! JavaScript values on bare Node-API: see `raw.rs`. Their lifetime is that of the running call, so
//! that only `Scope::new`, `Value::new` and `buffer` rest on their callers.

use napi::{Env, Result, check_status, sys};
use std::{ffi::c_char, iter, marker::PhantomData, ptr::null_mut, slice};

/// A running call from JavaScript, on its thread: values only exist during one.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    env: sys::napi_env,
    call: PhantomData<&'a ()>,
}

impl Scope<'_> {
    /// The call that `env` is running.
    ///
    /// # Safety
    /// `env` is running a call, for as long as this lives.
    pub unsafe fn new(env: sys::napi_env) -> Self {
        Self { env, call: PhantomData }
    }

    pub fn raw(self) -> sys::napi_env {
        self.env
    }
}

impl<'a> From<&'a Env> for Scope<'a> {
    fn from(env: &'a Env) -> Self {
        Self { env: env.raw(), call: PhantomData }
    }
}

/// A value of such a call.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    value: sys::napi_value,
    call: PhantomData<&'a ()>,
}

impl Value<'_> {
    /// The value with Node-API's handle `value`.
    ///
    /// # Safety
    /// It belongs to the running call, for as long as this lives.
    pub unsafe fn new(value: sys::napi_value) -> Self {
        Self { value, call: PhantomData }
    }

    pub fn raw(self) -> sys::napi_value {
        self.value
    }
}

/// The bytes of a Buffer.
///
/// # Safety
/// No JavaScript runs while they are used, and nothing else uses them.
pub(super) unsafe fn buffer<'a>(env: Scope<'a>, value: Value<'a>) -> Result<&'a mut [u8]> {
    let (mut bytes, mut len) = (null_mut(), 0);
    // SAFETY: `env` and `value` belong to the running call; the buffer is alive as long as that.
    unsafe {
        check_status!(sys::napi_get_buffer_info(env.raw(), value.raw(), &mut bytes, &mut len))?;
        if len == 0 {
            return Ok(&mut []);
        }
        Ok(slice::from_raw_parts_mut(bytes.cast::<u8>(), len))
    }
}

/// The value that `make` creates, a call of Node-API.
///
/// # Safety
/// `make` writes a value of the running call, unless it fails.
unsafe fn made<'a>(
    make: impl FnOnce(&mut sys::napi_value) -> sys::napi_status,
) -> Result<Value<'a>> {
    let mut value = null_mut();
    check_status!(make(&mut value))?;
    // SAFETY: as promised by the caller.
    Ok(unsafe { Value::new(value) })
}

pub(super) fn to_number(env: Scope<'_>, number: usize) -> Result<Value<'_>> {
    // SAFETY: `env` is live, and the call makes the value.
    unsafe { made(|value| sys::napi_create_double(env.raw(), number as f64, value)) }
}

pub(super) fn is_undefined<'a>(env: Scope<'a>, value: Value<'a>) -> Result<bool> {
    let mut kind = sys::ValueType::napi_undefined;
    // SAFETY: `env` and `value` belong to the running call.
    check_status!(unsafe { sys::napi_typeof(env.raw(), value.raw(), &mut kind) })?;
    Ok(kind == sys::ValueType::napi_undefined)
}

/// A connection's number, or a slot.
pub(super) fn number<'a>(env: Scope<'a>, value: Value<'a>) -> Result<u32> {
    let mut number = 0;
    // SAFETY: `env` and `value` belong to the running call.
    check_status!(unsafe { sys::napi_get_value_uint32(env.raw(), value.raw(), &mut number) })?;
    Ok(number)
}

/// A time; negative ones and NaN are 0.
pub(super) fn time<'a>(env: Scope<'a>, value: Value<'a>) -> Result<u64> {
    let mut number = 0.0;
    // SAFETY: `env` and `value` belong to the running call.
    check_status!(unsafe { sys::napi_get_value_double(env.raw(), value.raw(), &mut number) })?;
    Ok(number as u64) // Saturates, and turns NaN into 0.
}

pub(super) fn boolean(env: Scope<'_>, boolean: bool) -> Result<Value<'_>> {
    // SAFETY: `env` is live, and the call makes the value.
    unsafe { made(|value| sys::napi_get_boolean(env.raw(), boolean, value)) }
}

/// An array of `first` and the `others`.
pub(super) fn array<'a>(
    env: Scope<'a>,
    first: Value<'a>,
    others: impl ExactSizeIterator<Item = Result<Value<'a>>>,
) -> Result<Value<'a>> {
    let len = 1 + others.len();
    // SAFETY: `env` is live, and the call makes the value.
    let array = unsafe { made(|value| sys::napi_create_array_with_length(env.raw(), len, value)) }?;
    for (at, element) in (0..).zip(iter::once(Ok(first)).chain(others)) {
        let element = element?;
        // SAFETY: `env`, the array and the element belong to the running call.
        check_status!(unsafe { sys::napi_set_element(env.raw(), array.raw(), at, element.raw()) })?;
    }
    Ok(array)
}

/// A JavaScript string.
pub(super) fn string<'a>(env: Scope<'a>, text: &str) -> Result<Value<'a>> {
    let (bytes, len) = (text.as_ptr().cast::<c_char>(), text.len() as isize);
    // SAFETY: `env` is live, `bytes` holds `len` bytes, and the call makes the value. ASCII is
    // Latin-1, which V8 copies without decoding.
    unsafe {
        made(|value| match text.is_ascii() {
            true => sys::napi_create_string_latin1(env.raw(), bytes, len, value),
            false => sys::napi_create_string_utf8(env.raw(), bytes, len, value),
        })
    }
}

/// Longest character, and the NUL that Node-API adds.
const TAIL: usize = 4 + 1;

/// Appends a string's UTF-8 to `out`, in one call if there is room.
pub(super) fn append<'a>(env: Scope<'a>, value: Value<'a>, out: &mut Vec<u8>) -> Result<()> {
    /// Room reserved in advance.
    const ROOM: usize = 1024;

    out.reserve(ROOM);
    if read(env, value, out)? { Ok(()) } else { append_long(env, value, out) }
}

/// The same for a string that is probably long.
pub(super) fn append_long<'a>(env: Scope<'a>, value: Value<'a>, out: &mut Vec<u8>) -> Result<()> {
    /// Room for the rest of the frame, and its longer header: a large buffer should not move for
    /// that.
    const MORE: usize = 32;

    // The length in case of ASCII is known at once; for other strings all of it has to be scanned.
    for length in [sys::napi_get_value_string_latin1, sys::napi_get_value_string_utf8] {
        let mut len = 0;
        // SAFETY: `env` and `value` belong to the running call; a null buffer asks for the length.
        check_status!(unsafe { length(env.raw(), value.raw(), null_mut(), 0, &mut len) })?;
        out.reserve(len + TAIL + MORE);
        if read(env, value, out)? {
            break;
        }
    }
    Ok(())
}

/// Copies into the spare room; false, and nothing appended, when it may have been too small.
fn read(env: Scope<'_>, value: Value<'_>, out: &mut Vec<u8>) -> Result<bool> {
    let spare = out.spare_capacity_mut();
    let room = spare.len();
    let mut written = 0;
    // SAFETY: the call writes at most `room` bytes to the spare capacity and returns how many of
    // them are text; those are initialised then.
    unsafe {
        check_status!(sys::napi_get_value_string_utf8(
            env.raw(),
            value.raw(),
            spare.as_mut_ptr().cast::<c_char>(),
            room,
            &mut written,
        ))?;
        if written + TAIL > room {
            return Ok(false);
        }
        out.set_len(out.len() + written);
    }
    Ok(true)
}
