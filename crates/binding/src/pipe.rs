//! Pipes for the output of commands.

use napi_derive::napi;

/// A pipe: two descriptors, which the caller closes.
#[napi(object, object_from_js = false)]
pub struct NativePipe {
    pub read_end: i32,
    pub write_end: i32,
}

/// Open a pipe whose ends other programs do not inherit; nothing on systems without numbered descriptors.
#[cfg(unix)]
#[napi(catch_unwind)]
pub fn open_pipe() -> napi::Result<Option<NativePipe>> {
    use std::os::fd::IntoRawFd as _;
    let (read_end, write_end) =
        std::io::pipe().map_err(|error| napi::Error::from_reason(error.to_string()))?;
    Ok(Some(NativePipe {
        read_end: read_end.into_raw_fd(),
        write_end: write_end.into_raw_fd(),
    }))
}

/// Return nothing: this system has no numbered descriptors.
#[cfg(not(unix))]
#[napi]
pub fn open_pipe() -> Option<NativePipe> {
    None
}
