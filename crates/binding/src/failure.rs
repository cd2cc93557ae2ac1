//! Errors as data.

use crate::enums::NativeErrorCode;
use lineaprint_engine::Error;
use napi_derive::napi;

/// The reason of a failure. TypeScript turns it into a `LineaprintError` with the stack of the caller.
#[napi(object, object_from_js = false)]
pub struct NativeFailure {
    pub code: NativeErrorCode,
    /// One sentence without the path.
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
            code: error.code.into(),
            message: error.message,
            path: error.path.map(|path| path.to_string_lossy().into_owned()),
            tensor: error.tensor,
            expected: error.expected,
            received: error.received,
            os_error: error.os_error,
        }
    }
}
