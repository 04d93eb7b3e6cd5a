//! Wakes JavaScript from other threads: a thread-safe function without references to JavaScript
//! objects.

use napi::{Env, JsValue, Result, bindgen_prelude::Function, check_status, sys};
use std::{
    ffi::{c_char, c_void},
    ptr::{null, null_mut},
};

/// The resource name that tools for open handles show.
const NAME: &str = "GRENACHE";

/// The JavaScript function that is called, as long as it exists: a test runner drops a whole realm,
/// and a strong reference would keep all of it.
#[derive(Clone, Copy)]
pub(super) struct Deliver {
    env: sys::napi_env,
    reference: sys::napi_ref,
}

impl Deliver {
    /// # Errors
    /// Node-API's error.
    pub fn new(env: &Env, deliver: &Function<'_, (), ()>) -> Result<Self> {
        let mut reference = null_mut();
        // SAFETY: `env` is live, and `deliver` is a function of it.
        check_status!(unsafe {
            sys::napi_create_reference(env.raw(), deliver.raw(), 0, &mut reference)
        })?;
        Ok(Self { env: env.raw(), reference })
    }

    /// Calls it as Node calls a callback: ticks and microtasks run after it, and its exceptions are
    /// uncaught ones.
    ///
    /// # Safety
    /// On the environment's thread, before `release`, and while it may call JavaScript.
    pub unsafe fn call(self) {
        // SAFETY: as above. Every value is made and used in the scope.
        unsafe {
            let env = self.env;
            let mut scope = null_mut();
            if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
                return;
            }
            let (mut function, mut result) = (null_mut(), null_mut());
            sys::napi_get_reference_value(env, self.reference, &mut function);
            if !function.is_null() {
                // With its own `this`: Node would take a property `domain` of `this`, as the global
                // object may have, for the domain of this call.
                let this = function;
                let status = sys::napi_make_callback(
                    env,
                    null_mut(),
                    this,
                    function,
                    0,
                    null(),
                    &mut result,
                );
                if status == sys::Status::napi_pending_exception {
                    let mut error = null_mut();
                    sys::napi_get_and_clear_last_exception(env, &mut error);
                    sys::napi_fatal_exception(env, error);
                }
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }

    /// # Safety
    /// On the environment's thread, once, and as the last call.
    pub unsafe fn release(self) {
        // SAFETY: as above.
        unsafe { sys::napi_delete_reference(self.env, self.reference) };
    }
}

/// Wakes JavaScript from any thread. Unreferenced: does not keep the process alive.
pub(super) struct Wake(sys::napi_threadsafe_function);

// SAFETY: other threads may call and release thread-safe functions.
unsafe impl Send for Wake {}

impl Wake {
    /// # Errors
    /// Node-API's error.
    ///
    /// # Safety
    /// The result is dropped before the environment ends: in a cleanup hook that is added after
    /// this call, since hooks run in reverse order, or earlier. Node frees the function then.
    pub unsafe fn new(env: &Env, deliver: &Function<'_, (), ()>) -> Result<Self> {
        let env_raw = env.raw();
        let called = Box::into_raw(Box::new(Deliver::new(env, deliver)?)).cast::<c_void>();
        let (mut name, mut wake) = (null_mut(), null_mut());
        // SAFETY: `env` is live. `called` is used by `on_call` until `on_end` gets it back.
        unsafe {
            check_status!(sys::napi_create_string_utf8(
                env_raw,
                NAME.as_ptr().cast::<c_char>(),
                NAME.len() as isize,
                &mut name,
            ))?;
            check_status!(sys::napi_create_threadsafe_function(
                env_raw,
                null_mut(),
                resource(env_raw)?,
                name,
                0,
                1,
                called,
                Some(on_end),
                called,
                Some(on_call),
                &mut wake,
            ))?;
            check_status!(sys::napi_unref_threadsafe_function(env_raw, wake))?;
        }
        Ok(Self(wake))
    }

    /// Schedules a call of JavaScript.
    pub fn call(&self) {
        // SAFETY: this holds the function's only reference until it is dropped, which is before the
        // environment ends, as promised to `new`.
        unsafe {
            sys::napi_call_threadsafe_function(
                self.0,
                null_mut(),
                sys::ThreadsafeFunctionCallMode::nonblocking,
            );
        }
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        // SAFETY: this is its only owner.
        unsafe {
            sys::napi_release_threadsafe_function(
                self.0,
                sys::ThreadsafeFunctionReleaseMode::release,
            );
        }
    }
}

/// The resource for async hooks. Tools that search for open handles, as jest does, call `hasRef`.
///
/// # Safety
/// `env` is live.
unsafe fn resource(env: sys::napi_env) -> Result<sys::napi_value> {
    const HAS_REF: &std::ffi::CStr = c"hasRef";
    let (mut object, mut function) = (null_mut(), null_mut());
    // SAFETY: `env` is live, and the names end with NUL.
    unsafe {
        check_status!(sys::napi_create_object(env, &mut object))?;
        check_status!(sys::napi_create_function(
            env,
            HAS_REF.as_ptr(),
            HAS_REF.count_bytes() as isize,
            Some(has_ref),
            null_mut(),
            &mut function,
        ))?;
        check_status!(sys::napi_set_named_property(env, object, HAS_REF.as_ptr(), function))?;
    }
    Ok(object)
}

unsafe extern "C" fn has_ref(
    env: sys::napi_env,
    _info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut result = null_mut();
    // SAFETY: Node-API calls with a live `env`.
    unsafe { sys::napi_get_boolean(env, false, &mut result) };
    result
}

unsafe extern "C" fn on_call(
    env: sys::napi_env,
    _function: sys::napi_value,
    context: *mut c_void,
    _data: *mut c_void,
) {
    // The environment ends.
    if env.is_null() {
        return;
    }
    // SAFETY: `context` is the box of `Wake::new`, which `on_end` has not got back yet; Node-API
    // calls on the environment's thread.
    unsafe { (*context.cast::<Deliver>()).call() };
}

unsafe extern "C" fn on_end(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: the box of `Wake::new`, given back once, on the environment's thread.
    unsafe { Box::from_raw(data.cast::<Deliver>()).release() };
}
