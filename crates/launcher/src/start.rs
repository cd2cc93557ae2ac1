//! The start of the command: what it inherits is what lineaprint was started with.

use crate::plan::Plan;
use crate::session;
use crate::system::{self, Fork};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};

/// A descriptor that this process was started with, and its number in the command.
pub struct Inherited {
    /// Above every number of the command, so that placing one replaces no other.
    descriptor: OwnedFd,
    number: RawFd,
}

/// The lowest number above all of the plan.
fn above(plan: &Plan) -> RawFd {
    let numbers = plan.descriptors.iter().flat_map(|(here, there)| [*here, *there]);
    numbers.max().unwrap_or(2).max(2) + 1
}

/// The descriptors of the plan.
pub fn inherit(plan: &Plan) -> io::Result<Vec<Inherited>> {
    let above = above(plan);
    let mut all = Vec::new();
    for (here, there) in &plan.descriptors {
        let own = system::inherited(*here).ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
        all.push(Inherited {
            descriptor: fcntl_dupfd_cloexec(&own, above)?,
            number: *there,
        });
    }
    for Inherited { number, .. } in &all {
        // Node leaves some open for its children, so they are here at their own number as well.
        system::close_if_inheritable(*number);
    }
    Ok(all)
}

/// The descriptors that the command gets as stdin, stdout and stderr; `None` is that of this process.
pub type Standard = [Option<OwnedFd>; 3];

/// The ends of a session that are for its leader.
pub struct Session {
    pub terminal: OwnedFd,
    pub events: OwnedFd,
    pub hold: OwnedFd,
}

/// Start the command and return its process id, or that of the leader of its session. The error is the system's.
///
/// All signals are blocked before and after, so that one that comes in between is not lost: it waits for the command.
pub fn start(
    plan: &Plan,
    inherited: Vec<Inherited>,
    standard: Standard,
    session: Option<Session>,
) -> io::Result<i32> {
    let (failed, low) = io::pipe()?;
    let fails = fcntl_dupfd_cloexec(&low, above(plan))?;
    drop(low);
    system::set_blocked(u64::MAX);
    match system::fork()? {
        Fork::Child => {
            let error = match session {
                None => become_command(plan, &inherited, &standard),
                Some(session) => lead(plan, &inherited, &standard, session),
            };
            let number = error.raw_os_error().unwrap_or(libc::EINVAL);
            // If this fails as well, the parent is gone.
            let _ = File::from(fails).write_all(&number.to_le_bytes());
            system::exit_now(127)
        }
        Fork::Parent(pid) => {
            drop((inherited, standard, session, fails));
            let mut number = Vec::new();
            File::from(OwnedFd::from(failed)).read_to_end(&mut number)?;
            match number.try_into() {
                Ok(number) => Err(io::Error::from_raw_os_error(i32::from_le_bytes(number))),
                Err(_) => Ok(pid),
            }
        }
    }
}

/// Lead the session of the command, in this process. Return only if the command could not be started.
fn lead(plan: &Plan, inherited: &[Inherited], standard: &Standard, session: Session) -> io::Error {
    let begun = session::begin(&session.terminal).and_then(|()| system::fork());
    match begun {
        Ok(Fork::Child) => match session::come_to_foreground(&session.terminal) {
            Ok(()) => become_command(plan, inherited, standard),
            Err(error) => error,
        },
        Ok(Fork::Parent(command)) => {
            let highest = above(plan) + i32::try_from(inherited.len()).unwrap_or(0) + 64;
            session::lead(command, session.events, session.hold, highest)
        }
        Err(error) => error,
    }
}

/// Return only if it fails.
fn become_command(plan: &Plan, inherited: &[Inherited], standard: &Standard) -> io::Error {
    match prepare(plan, inherited, standard) {
        Ok(()) => system::execute(&plan.arguments, &plan.environment),
        Err(error) => error,
    }
}

fn prepare(plan: &Plan, inherited: &[Inherited], standard: &Standard) -> io::Result<()> {
    for (descriptor, number) in standard.iter().zip(0..) {
        if let Some(descriptor) = descriptor {
            system::put_at(descriptor.as_raw_fd(), number)?;
        }
    }
    for number in &plan.closed {
        system::close(*number);
    }
    for Inherited { descriptor, number } in inherited {
        system::put_at(descriptor.as_raw_fd(), *number)?;
    }
    // The numbers above may be higher than this limit, as they may be without lineaprint.
    if let Some(limit) = plan.limit {
        let hard = getrlimit(Resource::Nofile).maximum;
        setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(limit),
                maximum: hard,
            },
        )?;
    }
    system::set_ignored(plan.ignored);
    system::set_blocked(plan.blocked);
    Ok(())
}
