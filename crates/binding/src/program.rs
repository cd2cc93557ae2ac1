//! Programs that are asked something; see the engine's `program`.

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

/// A program that was started. Whoever asked for it closes the descriptors.
#[napi(object, object_from_js = false)]
pub struct NativeProgram {
    pub pid: i32,
    pub stdout: i32,
    pub stderr: i32,
}

/// How it ended.
#[napi(object, object_from_js = false)]
pub struct NativeEnd {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
}

/// Starts a program; nothing where it cannot be started this way, and another has to be tried.
#[napi(catch_unwind)]
pub fn start_program(
    command: String,
    arguments: Vec<String>,
    directory: String,
    environment: Vec<String>,
) -> Option<NativeProgram> {
    system::start(&command, &arguments, &directory, &environment)
}

/// Resolves when a program has ended. Its id stays its own until it is let go.
#[napi(ts_return_type = "Promise<NativeEnd>")]
pub fn wait_for_program(env: &Env, pid: i32) -> napi::Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<NativeEnd, _>()?;
    // It does nothing but wait; the threads that hash have other work.
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

/// Lets go of a program that has ended.
#[napi(catch_unwind)]
pub fn reap_program(pid: i32) -> napi::Result<()> {
    system::reap(pid)
}

#[cfg(target_os = "linux")]
mod system {
    use super::{NativeEnd, NativeProgram};
    use lineaprint_engine::program::{self, Plan};
    use std::os::fd::{IntoRawFd as _, OwnedFd};

    pub fn start(
        command: &str,
        arguments: &[String],
        directory: &str,
        environment: &[String],
    ) -> Option<NativeProgram> {
        let plan = Plan {
            command,
            arguments,
            directory,
            environment,
        };
        // Why it cannot is told by the other way.
        let program = program::start(plan).ok()?;
        Some(NativeProgram {
            pid: program.pid,
            stdout: OwnedFd::from(program.stdout).into_raw_fd(),
            stderr: OwnedFd::from(program.stderr).into_raw_fd(),
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

/// Elsewhere Node starts them.
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
