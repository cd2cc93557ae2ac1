//! Errors as data.

use lineaprint_engine::error::panic_message;
use lineaprint_engine::{Code, Error};
use napi_derive::napi;
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Why something failed. TypeScript turns it into a `LineaprintError` with the stack of the caller.
#[napi(object, object_from_js = false)]
pub struct NativeFailure {
    /// `ERR_LINEAPRINT_…`.
    pub code: String,
    /// One plain sentence without the path.
    pub message: String,
    /// The path, with bytes that are not UTF-8 replaced.
    pub path: Option<String>,
    pub tensor: Option<String>,
    pub expected: Option<String>,
    pub received: Option<String>,
    /// The number of the operating system's error.
    pub os_error: Option<i32>,
}

impl From<Error> for NativeFailure {
    fn from(error: Error) -> Self {
        let error = error.into_details();
        Self {
            code: error.code.name().to_owned(),
            message: error.message,
            path: error.path.map(|path| path.to_string_lossy().into_owned()),
            tensor: error.tensor,
            expected: error.expected,
            received: error.received,
            os_error: error.os_error,
        }
    }
}

thread_local! {
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics off the user's terminal: where one happened goes into the error instead.
fn hook_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            PANIC_PLACE.with_borrow_mut(|slot| *slot = place);
        }));
    });
}

/// Runs `work`; a panic in it becomes an error that says where.
pub fn caught<T>(work: impl FnOnce() -> lineaprint_engine::Result<T>) -> lineaprint_engine::Result<T> {
    hook_panics();
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(from_panic(payload.as_ref())))
}

fn from_panic(payload: &(dyn Any + Send)) -> Error {
    let said = panic_message(payload);
    let place = PANIC_PLACE.with_borrow_mut(Option::take);
    let place = place.map_or_else(String::new, |place| format!(" at {place}"));
    Error::new(Code::Internal, format!("a bug in lineaprint{place}: {said}"))
}
