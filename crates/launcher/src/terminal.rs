//! A command at a terminal: it gets a terminal of its own, so that what it writes can be copied.
//!
//! The real terminal is raw while the command is in the foreground. Keys go to the command's terminal as they are, and
//! that makes signals of them, echoes them and joins them to lines, as the command wants it.

use crate::system;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, getpgrp, kill_current_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
    tcsetwinsize,
};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;

/// Keys that make signals, and those.
const KEYS: [(SpecialCodeIndex, Signal); 3] = [
    (SpecialCodeIndex::VINTR, Signal::INT),
    (SpecialCodeIndex::VQUIT, Signal::QUIT),
    (SpecialCodeIndex::VSUSP, Signal::TSTP),
];

/// The real terminal, and the side of the other one that the command does not see.
pub struct Terminal {
    real: File,
    master: File,
    saved: Termios,
    is_raw: bool,
    /// Keys that the other terminal has not taken yet.
    pending: Vec<u8>,
}

/// Open a terminal like the real one. Return it, another descriptor of its master, and the side of the command.
pub fn open(real: OwnedFd) -> io::Result<(Terminal, OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(
        path,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    let saved = tcgetattr(&real)?;
    tcsetattr(&slave, OptionalActions::Now, &saved)?;
    tcsetwinsize(&master, tcgetwinsize(&real)?)?;
    // Neither a command that does not read nor one that does not write may hold up this program.
    fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
    let reading = master.try_clone()?;
    let terminal = Terminal {
        real: real.into(),
        master: master.into(),
        saved,
        is_raw: false,
        pending: Vec::new(),
    };
    Ok((terminal, reading, slave))
}

impl Terminal {
    /// Take the real terminal, if this process group has it; otherwise leave it alone.
    pub fn enter(&mut self) {
        if !self.is_foreground() {
            return;
        }
        if !self.is_raw
            && let Ok(saved) = tcgetattr(&self.real)
        {
            self.saved = saved;
        }
        let mut raw = self.saved.clone();
        raw.make_raw();
        self.is_raw = tcsetattr(&self.real, OptionalActions::Now, &raw).is_ok();
        self.resize();
    }

    /// Give the real terminal back as it was.
    pub fn leave(&mut self) {
        if self.is_raw {
            // A terminal that has gone has no modes.
            let _ = tcsetattr(&self.real, OptionalActions::Now, &self.saved);
            self.is_raw = false;
        }
    }

    fn is_foreground(&self) -> bool {
        tcgetpgrp(&self.real).is_ok_and(|group| group == getpgrp())
    }

    /// Give the terminal of the command the size of the real one. The system tells the command.
    pub fn resize(&self) {
        if let Ok(size) = tcgetwinsize(&self.real) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }

    /// The descriptor to wait for: keys, or room for them.
    pub fn watched(&self) -> Option<PollFd<'_>> {
        if !self.pending.is_empty() {
            return Some(PollFd::new(&self.master, PollFlags::OUT));
        }
        self.is_raw.then(|| PollFd::new(&self.real, PollFlags::IN))
    }

    /// Pass keys on; return false if the real terminal has gone.
    pub fn pass_keys(&mut self) -> bool {
        if self.pending.is_empty() {
            let mut keys = [0; 4096];
            match self.real.read(&mut keys) {
                Ok(0) => return false,
                Ok(count) => self.pending.extend_from_slice(&keys[..count]),
                Err(error) => {
                    // Another process group may have it by now; then the keys are not for the command.
                    if error.raw_os_error() == Some(libc::EIO) {
                        self.is_raw = false;
                        return !self.has_hung_up();
                    }
                    let kind = error.kind();
                    return kind == io::ErrorKind::Interrupted || kind == io::ErrorKind::WouldBlock;
                }
            }
            self.signal_others();
        }
        match self.master.write(&self.pending) {
            Ok(count) => drop(self.pending.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // The command has gone, and with it who would read them.
            Err(_) => self.pending.clear(),
        }
        true
    }

    /// Send the signal of a key to this process group as well, where a shell script may wait for it.
    fn signal_others(&self) {
        let Ok(modes) = tcgetattr(&self.master) else {
            return;
        };
        if !modes.local_modes.contains(LocalModes::ISIG) {
            return;
        }
        for (index, signal) in KEYS {
            let key = modes.special_codes[index];
            if key != 0 && self.pending.contains(&key) {
                system::count_own(signal.as_raw());
                let _ = kill_current_process_group(signal);
            }
        }
    }

    /// Return whether the real terminal has gone.
    pub fn has_hung_up(&self) -> bool {
        let mut real = [PollFd::new(&self.real, PollFlags::empty())];
        let seen = poll(&mut real, Some(&Timespec::default())).is_ok();
        seen && real[0].revents().contains(PollFlags::HUP)
    }

    /// Return what gives the real terminal back when its output has ended.
    pub fn restorer(&self) -> io::Result<Box<dyn FnOnce() + Send>> {
        let (real, saved) = (self.real.try_clone()?, self.saved.clone());
        Ok(Box::new(move || {
            if tcgetpgrp(&real).is_ok_and(|group| group == getpgrp()) {
                let _ = tcsetattr(&real, OptionalActions::Now, &saved);
            }
        }))
    }

    /// The process group that the command's terminal belongs to.
    pub fn group(&self) -> Option<Pid> {
        tcgetpgrp(&self.master).ok()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
    }
}
