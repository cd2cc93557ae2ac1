//! Programs that a capture runs; see [`lineaprint_engine::program`].

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

/// A started program. The caller closes the descriptors.
#[napi(object, object_from_js = false)]
pub struct NativeProgram {
    pub pid: i32,
    pub stdout: i32,
    pub stderr: i32,
}

/// The end of a program.
#[napi(object, object_from_js = false)]
pub struct NativeEnd {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
}

/// Start a program; nothing where it cannot be started in this way.
#[napi(catch_unwind)]
pub fn start_program(
    command: String,
    arguments: Vec<String>,
    directory: String,
    environment: Vec<String>,
) -> Option<NativeProgram> {
    system::start(&command, &arguments, &directory, &environment)
}

/// Return a promise that resolves when a program has ended. Its id stays its own until it is reaped.
#[napi(ts_return_type = "Promise<NativeEnd>")]
pub fn wait_for_program(env: &Env, pid: i32) -> napi::Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<NativeEnd, _>()?;
    // A thread of its own: it only waits, and those that hash have other work.
    std::thread::Builder::new()
        .name("lineaprint-wait".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            let end = system::wait(pid);
            deferred.resolve(move |_| end);
        })
        .map_err(|error| napi::Error::from_reason(format!("cannot start a thread: {error}")))?;
    Ok(promise)
}

/// Free the id of a program that has ended.
#[napi(catch_unwind)]
pub fn reap_program(pid: i32) -> napi::Result<()> {
    system::reap(pid)
}

#[cfg(target_os = "linux")]
mod system {
    use super::{NativeEnd, NativeProgram};
    use lineaprint_engine::program::{self, Plan};
    use std::os::fd::IntoRawFd as _;

    pub fn start(
        command: &str,
        arguments: &[String],
        directory: &str,
        environment: &[String],
    ) -> Option<NativeProgram> {
        // Node starts the program instead, and gives the error.
        let program = program::start(Plan {
            command,
            arguments,
            directory,
            environment,
        })
        .ok()?;
        Some(NativeProgram {
            pid: program.pid,
            stdout: program.stdout.into_raw_fd(),
            stderr: program.stderr.into_raw_fd(),
        })
    }

    pub fn wait(pid: i32) -> napi::Result<NativeEnd> {
        let end = program::wait(pid).map_err(failed)?;
        Ok(NativeEnd { code: end.code })
    }

    pub fn reap(pid: i32) -> napi::Result<()> {
        program::reap(pid).map_err(failed)
    }

    fn failed(error: std::io::Error) -> napi::Error {
        napi::Error::from_reason(format!("cannot wait for a program: {error}"))
    }
}

/// Elsewhere Node starts all programs.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{NativeEnd, NativeProgram};

    pub fn start(_: &str, _: &[String], _: &str, _: &[String]) -> Option<NativeProgram> {
        None
    }

    pub fn wait(_: i32) -> napi::Result<NativeEnd> {
        Err(never())
    }

    pub fn reap(_: i32) -> napi::Result<()> {
        Err(never())
    }

    fn never() -> napi::Error {
        napi::Error::from_reason("no program was started")
    }
}
