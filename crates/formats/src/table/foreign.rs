//! Calls into the crates that read formats, and their calls back.
//!
//! A crate may panic at something in a file that it rules out. Then the file is at fault, and the panic becomes an error
//! of the format. Our own code is never guarded so: a panic of it is a bug, also where a crate called it back.

use crate::error::FormatError;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Call into a crate that reads a format. A panic in it is an error of the file.
pub fn foreign<T>(call: impl FnOnce() -> T) -> Result<T, FormatError> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let message = message(payload.as_ref());
        FormatError::new(format!("its reader gave up: {message}"))
    })
}

/// Run code of ours that such a crate calls back. A panic in it is a bug of ours, and stays one.
pub fn own<T>(call: impl FnOnce() -> Result<T, FormatError>) -> Result<T, FormatError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let message = message(payload.as_ref());
        Err(FormatError::internal(format!("a bug in lineaprint: {message}")))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_of_a_crate_is_an_error_of_the_file() {
        let error = foreign(|| panic!("not a {}", "list")).expect_err("a panic");
        assert!(!error.is_internal && !error.unsupported);
        assert!(error.message.ends_with("not a list"), "{error}");
        assert_eq!(foreign(|| 3), Ok(3));
    }

    #[test]
    fn own_panic_within_a_crate_is_a_bug() {
        let outcome = foreign(|| own::<()>(|| panic!("out of bounds"))).expect("passed on");
        assert!(outcome.expect_err("a panic").is_internal);
        let passed = foreign(|| own::<()>(|| Err(FormatError::new("cut short")))).expect("passed on");
        assert!(!passed.expect_err("an error").is_internal);
    }
}
