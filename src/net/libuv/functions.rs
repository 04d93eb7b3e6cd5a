//! The few functions of libuv that are needed, looked up in the running program.

use libloading::os::unix::Library;
use std::{
    ffi::{CStr, c_char, c_int, c_void},
    sync::OnceLock,
};

/// A pointer to a handle of any type.
pub(super) type RawHandle = *mut c_void;
pub(super) type OnHandle = unsafe extern "C" fn(RawHandle);
pub(super) type OnPoll = unsafe extern "C" fn(RawHandle, c_int, c_int);

macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        /// libuv's functions.
        pub(super) struct Uv { $(pub $name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)* }

        impl Uv {
            fn find() -> Option<Self> {
                let program = Library::this();
                Some(Self {
                    $($name: {
                        // SAFETY: the declared signature is that of libuv 1.x, whose ABI is
                        // stable; the program that holds it is never unloaded.
                        unsafe {
                            *program
                                .get(concat!("uv_", stringify!($name), "\0").as_bytes())
                                .ok()?
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    version_string: fn() -> *const c_char;
    handle_size: fn(c_int) -> usize;
    handle_set_data: fn(RawHandle, *mut c_void);
    handle_get_data: fn(RawHandle) -> *mut c_void;
    unref: fn(RawHandle);
    close: fn(RawHandle, Option<OnHandle>);
    poll_init: fn(*mut c_void, RawHandle, c_int) -> c_int;
    poll_start: fn(RawHandle, c_int, OnPoll) -> c_int;
    check_init: fn(*mut c_void, RawHandle) -> c_int;
    check_start: fn(RawHandle, OnHandle) -> c_int;
    prepare_init: fn(*mut c_void, RawHandle) -> c_int;
    prepare_start: fn(RawHandle, OnHandle) -> c_int;
    idle_init: fn(*mut c_void, RawHandle) -> c_int;
    idle_start: fn(RawHandle, OnHandle) -> c_int;
    idle_stop: fn(RawHandle) -> c_int;
    timer_init: fn(*mut c_void, RawHandle) -> c_int;
    timer_start: fn(RawHandle, OnHandle, u64, u64) -> c_int;
    timer_stop: fn(RawHandle) -> c_int;
    backend_timeout: fn(*mut c_void) -> c_int;
    update_time: fn(*mut c_void);
}

/// The functions, if the program has all of them.
pub(super) fn uv() -> Option<&'static Uv> {
    static UV: OnceLock<Option<Uv>> = OnceLock::new();
    UV.get_or_init(Uv::find).as_ref()
}

impl Uv {
    /// Whether it has this version. The program may contain several libraries of that name: Node's
    /// own, and one that another addon has loaded, which knows nothing of Node's loop.
    pub fn is(&self, version: &str) -> bool {
        // SAFETY: the function returns a static text that ends with NUL.
        unsafe { CStr::from_ptr((self.version_string)()) }.to_bytes() == version.as_bytes()
    }
}
