//! Starts the command of `lineaprint run`, and stays beside it until it has ended.
//!
//! Node resets signals, raises the limit of open files, and is the process that a user kills. So this program, which
//! Node starts, is the parent of the command:
//!
//! - [`plan`]: what Node wants, in the first message of the control socket.
//! - [`start`]: the command gets the signals, limits and descriptors that lineaprint was started with.
//! - [`stream`], [`copy`]: its output goes to the real targets, and a copy to Node; when Node is gone, it still goes on.
//! - [`terminal`], [`session`]: a command at a terminal gets one of its own, whose output is passed on in the same way.
//! - [`control`]: messages to and from Node: signals to pass on, counts of signals, the end.
//! - [`system`]: the calls that need unsafe code.
//!
//! With the argument `together` it starts nothing. Its exit code says whether stdout and stderr are one open file.
//!
//! This program is in the process group of Node, so it is a witness: a signal that it received as well was sent to the
//! group, and has reached the command already.

#![cfg_attr(unix, deny(unsafe_code))]

#[cfg(unix)]
mod control;
#[cfg(unix)]
mod copy;
#[cfg(unix)]
mod plan;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod stream;
#[cfg(unix)]
mod supervise;
#[cfg(unix)]
mod system;
#[cfg(unix)]
mod terminal;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == "together")
    {
        return match system::is_one_file(libc::STDOUT_FILENO, libc::STDERR_FILENO) {
            Some(true) => std::process::ExitCode::SUCCESS,
            Some(false) | None => std::process::ExitCode::FAILURE,
        };
    }
    match supervise::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        // Node is gone, or never was there: there is nobody to tell.
        Err(_) => std::process::ExitCode::FAILURE,
    }
}

/// Elsewhere Node starts commands itself.
#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
