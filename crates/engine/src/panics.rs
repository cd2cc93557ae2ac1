//! Panics as errors.

use crate::error::{Code, Error, Result};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keep panics off the user's terminal. The location goes into the error instead.
fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let location = info.location().map(ToString::to_string);
            LOCATION.with_borrow_mut(|slot| *slot = location);
        }));
    });
}

/// Run `work`. A panic in it becomes an error of the code [`Code::Internal`] with the location.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    install_hook();
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let location = LOCATION.with_borrow_mut(Option::take);
        let location = location.map_or_else(String::new, |location| format!(" at {location}"));
        let message = message(payload.as_ref());
        Err(Error::new(
            Code::Internal,
            format!("a bug in lineaprint{location}: {message}"),
        ))
    })
}

/// Return the message of a panic.
pub fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
