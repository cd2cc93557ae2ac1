//! Programs that a capture runs; see [`lineaprint_engine::program`].

use napi::Env;
use napi::bindgen_prelude::{Buffer, Object};
use napi_derive::napi;
use std::sync::Arc;

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

/// The end of a program whose output was collected.
#[napi(string_enum = "kebab-case")]
pub enum NativeOutcome {
    /// It ended, with a code or by a signal.
    Ended,
    /// It wrote more than the limit, and was killed.
    TooLong,
    /// It was stopped.
    Stopped,
    /// Its output could not be read, and it was killed.
    Broken,
    /// It could not be started in this way.
    NotStarted,
}

/// A program that has ended, and what it wrote.
#[napi(object, object_from_js = false)]
pub struct NativeCollected {
    pub outcome: NativeOutcome,
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    pub stdout: Buffer,
    pub stderr: Buffer,
}

impl NativeCollected {
    fn not_started() -> Self {
        Self {
            outcome: NativeOutcome::NotStarted,
            code: None,
            stdout: Vec::new().into(),
            stderr: Vec::new().into(),
        }
    }
}

/// A program that a thread of its own starts, reads and waits for.
#[napi]
pub struct NativeCollector {
    control: Option<Arc<system::Control>>,
}

#[napi]
impl NativeCollector {
    #[napi(constructor)]
    pub fn new() -> Self {
        Self {
            control: system::control(),
        }
    }

    /// Start the program and give it its input. The promise resolves when it has ended. Limits are in bytes.
    #[allow(clippy::too_many_arguments, reason = "JavaScript passes them one by one")]
    #[napi(ts_return_type = "Promise<NativeCollected>")]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        command: String,
        arguments: Vec<String>,
        directory: String,
        environment: Vec<String>,
        input: Option<&[u8]>,
        limits: (u32, u32),
    ) -> napi::Result<Object<'env>> {
        // A copy, because the caller may change its bytes.
        let input = input.unwrap_or_default().to_vec();
        let (deferred, promise) = env.create_deferred::<NativeCollected, _>()?;
        let control = self.control.clone();
        std::thread::Builder::new()
            .name("lineaprint-ask".to_owned())
            .stack_size(256 << 10)
            .spawn(move || {
                let collected = control.map_or_else(NativeCollected::not_started, |control| {
                    let plan = system::Plan {
                        command: &command,
                        arguments: &arguments,
                        directory: &directory,
                        environment: &environment,
                    };
                    system::collect(plan, &input, limits, &control)
                });
                deferred.resolve(move |_| Ok(collected));
            })
            .map_err(|error| napi::Error::from_reason(format!("cannot start a thread: {error}")))?;
        Ok(promise)
    }

    /// The process id while the program runs.
    #[napi(getter)]
    pub fn pid(&self) -> Option<i32> {
        self.control.as_ref().and_then(|control| control.pid())
    }

    /// Kill the program and its process group.
    #[napi]
    pub fn stop(&self) {
        if let Some(control) = &self.control {
            control.stop();
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Arc, NativeCollected, NativeEnd, NativeOutcome, NativeProgram};
    use lineaprint_engine::program;
    pub use lineaprint_engine::program::Plan;
    pub use lineaprint_engine::program::collect::Control;
    use lineaprint_engine::program::collect::{self, Limits, Outcome};
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

    pub fn control() -> Option<Arc<Control>> {
        Control::new().ok().map(Arc::new)
    }

    pub fn collect(
        plan: Plan<'_>,
        input: &[u8],
        (stdout, stderr): (u32, u32),
        control: &Control,
    ) -> NativeCollected {
        let limits = Limits {
            stdout: stdout as usize,
            stderr: stderr as usize,
        };
        // Node starts the program instead, and gives the error.
        let Ok(collected) = collect::collect(plan, input, limits, control) else {
            return NativeCollected::not_started();
        };
        let (outcome, code) = match collected.outcome {
            Outcome::Ended(end) => (NativeOutcome::Ended, end.code),
            Outcome::TooLong => (NativeOutcome::TooLong, None),
            Outcome::Stopped => (NativeOutcome::Stopped, None),
            Outcome::Broken => (NativeOutcome::Broken, None),
        };
        NativeCollected {
            outcome,
            code,
            stdout: collected.stdout.into(),
            stderr: collected.stderr.into(),
        }
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
    use super::{Arc, NativeCollected, NativeEnd, NativeOutcome, NativeProgram};

    /// There is none.
    pub enum Control {}

    impl Control {
        pub fn pid(&self) -> Option<i32> {
            match *self {}
        }

        pub fn stop(&self) {
            match *self {}
        }
    }

    pub fn control() -> Option<Arc<Control>> {
        None
    }

    /// A program and its surroundings.
    #[expect(dead_code, reason = "nothing is started here")]
    pub struct Plan<'a> {
        pub command: &'a str,
        pub arguments: &'a [String],
        pub directory: &'a str,
        pub environment: &'a [String],
    }

    pub fn collect(_: Plan<'_>, _: &[u8], _: (u32, u32), control: &Control) -> NativeCollected {
        match *control {}
    }

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
