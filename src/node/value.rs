//! JavaScript's values on bare Node-API: see `raw.rs`.

use napi::{Result, check_status, sys};
use std::{ffi::c_char, ptr::null_mut, slice};

/// The bytes of a Buffer.
///
/// # Safety
/// No JavaScript runs while they are used, and nothing else has them.
pub(super) unsafe fn buffer<'a>(
    env: sys::napi_env,
    value: sys::napi_value,
) -> Result<&'a mut [u8]> {
    let (mut bytes, mut len) = (null_mut(), 0);
    // SAFETY: `env` and `value` belong to the running call; the buffer is alive as long as that.
    unsafe {
        check_status!(sys::napi_get_buffer_info(env, value, &mut bytes, &mut len))?;
        if len == 0 {
            return Ok(&mut []);
        }
        Ok(slice::from_raw_parts_mut(bytes.cast::<u8>(), len))
    }
}

pub(super) fn to_number(env: sys::napi_env, number: usize) -> Result<sys::napi_value> {
    let mut value = null_mut();
    // SAFETY: `env` is live.
    check_status!(unsafe { sys::napi_create_double(env, number as f64, &mut value) })?;
    Ok(value)
}

/// A connection's number, or a slot.
pub(super) fn number(env: sys::napi_env, value: sys::napi_value) -> Result<u32> {
    let mut number = 0;
    // SAFETY: `env` and `value` belong to the running call.
    check_status!(unsafe { sys::napi_get_value_uint32(env, value, &mut number) })?;
    Ok(number)
}

/// A time; negative ones and NaN are 0.
pub(super) fn time(env: sys::napi_env, value: sys::napi_value) -> Result<u64> {
    let mut number = 0.0;
    // SAFETY: `env` and `value` belong to the running call.
    check_status!(unsafe { sys::napi_get_value_double(env, value, &mut number) })?;
    Ok(number as u64) // Saturates, and makes 0 of NaN.
}

pub(super) fn boolean(env: sys::napi_env, value: bool) -> Result<sys::napi_value> {
    let mut boolean = null_mut();
    // SAFETY: `env` is live.
    check_status!(unsafe { sys::napi_get_boolean(env, value, &mut boolean) })?;
    Ok(boolean)
}

/// A string of JavaScript's.
pub(super) fn string(env: sys::napi_env, text: &str) -> Result<sys::napi_value> {
    let mut value = null_mut();
    let (bytes, len) = (text.as_ptr().cast::<c_char>(), text.len() as isize);
    // SAFETY: `env` is live and `bytes` holds `len` bytes; ASCII is Latin-1, which V8 copies
    // without decoding.
    check_status!(unsafe {
        if text.is_ascii() {
            sys::napi_create_string_latin1(env, bytes, len, &mut value)
        } else {
            sys::napi_create_string_utf8(env, bytes, len, &mut value)
        }
    })?;
    Ok(value)
}

/// Appends a string's UTF-8 to `out`, in one call if there is room.
pub(super) fn append(env: sys::napi_env, value: sys::napi_value, out: &mut Vec<u8>) -> Result<()> {
    /// Room that is made in advance.
    const ROOM: usize = 1024;
    /// Longest character, and the NUL that Node-API adds.
    const TAIL: usize = 4 + 1;
    /// What follows in the frame, and its longer header: a large buffer should not move for that.
    const MORE: usize = 32;

    out.reserve(ROOM);
    if read(env, value, out)? {
        return Ok(());
    }
    // What it takes if it is ASCII is told at once; for other bytes all of it has to be looked at.
    for length in [sys::napi_get_value_string_latin1, sys::napi_get_value_string_utf8] {
        let mut len = 0;
        // SAFETY: `env` and `value` belong to the running call; a null buffer asks for the length.
        check_status!(unsafe { length(env, value, null_mut(), 0, &mut len) })?;
        out.reserve(len + TAIL + MORE);
        if read(env, value, out)? {
            break;
        }
    }
    return Ok(());

    /// Copies into the spare room; false, and nothing appended, when it may have been too small.
    fn read(env: sys::napi_env, value: sys::napi_value, out: &mut Vec<u8>) -> Result<bool> {
        let spare = out.spare_capacity_mut();
        let room = spare.len();
        let mut written = 0;
        // SAFETY: the call writes at most `room` bytes to the spare capacity and tells how many
        // of them are text; those are initialised then.
        unsafe {
            check_status!(sys::napi_get_value_string_utf8(
                env,
                value,
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
}
