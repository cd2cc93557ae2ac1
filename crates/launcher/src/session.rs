//! The leader of the session of a command at a terminal of its own.
//!
//! It is the parent of the command. As it is in another process group of the session, the command may be stopped, and
//! as it stays until nobody has the terminal open, background processes are not hung up.

use crate::system;
use rustix::process::{Pid, WaitOptions, WaitStatus, ioctl_tiocsctty, setpgid, setsid, waitpid};
use rustix::termios::tcsetpgrp;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};

/// An event in the life of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has this process id.
    Runs(i32),
    Exited(i32),
    Signalled(i32),
    Stopped,
    Continued,
}

impl Event {
    /// Return the event of a status.
    pub fn of(status: WaitStatus) -> Option<Self> {
        if let Some(code) = status.exit_status() {
            return Some(Self::Exited(code));
        }
        if let Some(signal) = status.terminating_signal() {
            return Some(Self::Signalled(signal));
        }
        if status.stopped() {
            return Some(Self::Stopped);
        }
        status.continued().then_some(Self::Continued)
    }

    fn bytes(self) -> [u8; 5] {
        let (kind, value) = match self {
            Self::Runs(pid) => (b'P', pid),
            Self::Exited(code) => (b'X', code),
            Self::Signalled(signal) => (b'K', signal),
            Self::Stopped => (b'T', 0),
            Self::Continued => (b'C', 0),
        };
        let [a, b, c, d] = value.to_le_bytes();
        [kind, a, b, c, d]
    }

    fn parse([kind, a, b, c, d]: [u8; 5]) -> Option<Self> {
        let value = i32::from_le_bytes([a, b, c, d]);
        match kind {
            b'P' => Some(Self::Runs(value)),
            b'X' => Some(Self::Exited(value)),
            b'K' => Some(Self::Signalled(value)),
            b'T' => Some(Self::Stopped),
            b'C' => Some(Self::Continued),
            _ => None,
        }
    }
}

/// Read the next event; `None` if the leader has gone.
pub fn next(events: &mut File) -> Option<Event> {
    let mut bytes = [0; 5];
    events.read_exact(&mut bytes).ok()?;
    Event::parse(bytes)
}

/// Lead the session, in a process of its own: watch the command, and stay until `hold` is closed.
pub fn lead(command: i32, events: OwnedFd, hold: OwnedFd, highest: i32) -> ! {
    let (mut events, mut hold) = (File::from(events), File::from(hold));
    for number in 0..=highest {
        if number != events.as_raw_fd() && number != hold.as_raw_fd() {
            system::close(number);
        }
    }
    system::set_blocked(0);
    // If the launcher has gone, the end of its terminal ends the command, and this loop.
    let _ = events.write_all(&Event::Runs(command).bytes());
    let command = Pid::from_raw(command);
    let options = WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    loop {
        let event = match waitpid(command, options) {
            Ok(Some((_, status))) => Event::of(status),
            Err(rustix::io::Errno::INTR) | Ok(None) => continue,
            Err(_) => break,
        };
        let Some(event) = event else { continue };
        let _ = events.write_all(&event.bytes());
        if matches!(event, Event::Exited(_) | Event::Signalled(_)) {
            break;
        }
    }
    drop(events);
    while hold
        .read(&mut [0])
        .is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
    {}
    // The terminal hangs up its foreground when the leader ends. That shall be the leader alone.
    if let Ok(terminal) = File::open("/dev/tty") {
        system::set_blocked(u64::MAX);
        // If this fails, the real terminal has gone: then they are hung up as without lineaprint.
        let _ = tcsetpgrp(&terminal, rustix::process::getpgrp());
    }
    system::exit_now(0)
}

/// Begin a session whose terminal this is.
pub fn begin(terminal: &OwnedFd) -> io::Result<()> {
    setsid()?;
    Ok(ioctl_tiocsctty(terminal)?)
}

/// Put the command in a group of its own, in the foreground. Its signals are blocked, so it is not stopped for that.
pub fn come_to_foreground(terminal: &OwnedFd) -> io::Result<()> {
    setpgid(None, None)?;
    Ok(tcsetpgrp(terminal, rustix::process::getpid())?)
}
