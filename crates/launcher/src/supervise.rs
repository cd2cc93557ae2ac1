//! The life of this program: start the command, answer Node, report the end, pass the rest of the output on.

use crate::control::{Report, Reporter, Request, Requests};
use crate::copy::Copy;
use crate::plan::{self, Plan};
use crate::{start, stream, system};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, getppid, kill_process, waitpid};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// The numbers at which Node puts the ends of its sockets.
const CONTROL: i32 = 3;
const COPIES: [i32; 2] = [4, 5];

/// Start what Node asks for, and return when the command has ended and its output is passed on.
pub fn run() -> io::Result<()> {
    let (wakes, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    system::count_signals(&wake);
    let node = getppid();
    let control = own(CONTROL)?;
    let reporter = Arc::new(Reporter::new(control.try_clone()?.into()));
    let mut requests = Requests::new(control.into());
    let Some(Request::Start(message)) = requests.next()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let plan = plan::parse(&message)?;
    let (pid, streams, leaving) = match begin(&plan, &reporter) {
        Ok(begun) => begun,
        Err(error) => {
            reporter.send(Report::Refused(error.raw_os_error().unwrap_or(libc::EINVAL)));
            return Err(error);
        }
    };
    system::set_blocked(0);
    let mut supervisor = Supervisor {
        command: Some(pid),
        node,
        reporter,
        streams,
        leaving: Some(leaving),
    };
    supervisor.run(wakes, Some(requests))
}

/// Take a descriptor of this process, which the command does not inherit.
fn own(number: i32) -> io::Result<OwnedFd> {
    let descriptor = system::inherited(number).ok_or_else(|| io::Error::from_raw_os_error(libc::EBADF))?;
    fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)?;
    Ok(descriptor)
}

/// The threads of the output, and how many of them run.
#[derive(Default)]
struct Streams {
    threads: Vec<JoinHandle<()>>,
    running: Arc<AtomicUsize>,
}

/// Start the command and the threads of its output. All signals are blocked when it returns.
fn begin(plan: &Plan, reporter: &Arc<Reporter>) -> io::Result<(Pid, Streams, OwnedFd)> {
    let mut sources = [None, None];
    let mut outputs = [None, None];
    let mut copies = [None, None];
    for index in 0..2 {
        if plan.captured[index] {
            let (source, output) = io::pipe()?;
            sources[index] = Some(OwnedFd::from(source));
            outputs[index] = Some(OwnedFd::from(output));
            copies[index] = Some(own(COPIES[index])?);
        }
    }
    // After those above are known to be this program's own.
    let inherited = start::inherit(plan)?;
    let pid = start::start(plan, inherited, outputs)?;
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
    reporter.send(Report::Started(pid.as_raw_nonzero().get()));
    // What the command closes must be closed: only the targets stay open here.
    drop(system::inherited(libc::STDIN_FILENO));
    let (leave, leaving) = io::pipe()?;
    let mut streams = Streams::default();
    for (index, (source, copy)) in sources.into_iter().zip(copies).enumerate() {
        let number = if index == 0 { 1 } else { 2 };
        let target = system::inherited(number);
        if let (Some(source), Some(copy), Some(target)) = (source, copy, target) {
            let copy = Copy::start(File::from(copy))?;
            let ends = stream::Ends {
                number: u8::try_from(number).unwrap_or(0),
                source,
                target,
                leave: leave.try_clone()?.into(),
            };
            let running = Arc::clone(&streams.running);
            running.fetch_add(1, Ordering::SeqCst);
            let ended = move || {
                running.fetch_sub(1, Ordering::SeqCst);
                system::wake();
            };
            let thread = stream::start(ends, copy, Arc::clone(reporter), ended)?;
            streams.threads.push(thread);
        }
    }
    Ok((pid, streams, leaving.into()))
}

struct Supervisor {
    /// The command, until its end was seen: then its id may be that of another process.
    command: Option<Pid>,
    /// The process that started this one.
    node: Option<Pid>,
    reporter: Arc<Reporter>,
    streams: Streams,
    /// Closed when Node leaves.
    leaving: Option<OwnedFd>,
}

impl Supervisor {
    fn run(&mut self, wakes: OwnedFd, mut requests: Option<Requests>) -> io::Result<()> {
        let mut wakes = File::from(wakes);
        // The command may have ended before its signal could arrive.
        self.reap();
        while self.command.is_some() || self.streams.running.load(Ordering::SeqCst) > 0 {
            let mut ready = vec![PollFd::new(&wakes, PollFlags::IN)];
            if let Some(requests) = &requests {
                ready.push(PollFd::new(requests.socket(), PollFlags::IN));
            }
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let asked = ready.get(1).is_some_and(|each| !each.revents().is_empty());
            drop(ready);
            // It does not block; what it returns does not matter.
            let _ = wakes.read(&mut [0; 256]);
            self.reap();
            if asked && !self.answer(requests.as_mut()) {
                requests = None;
            }
        }
        drop(requests);
        for stream in self.streams.threads.drain(..) {
            let _ = stream.join();
        }
        Ok(())
    }

    /// Read what Node wants; return false if it is gone.
    fn answer(&mut self, requests: Option<&mut Requests>) -> bool {
        let Some(requests) = requests else {
            return false;
        };
        if !requests.read().unwrap_or(false) {
            return false;
        }
        loop {
            match requests.take() {
                Ok(Some(Request::Pass(signal))) => self.pass(signal),
                // A signal that is pending was received when the read returned.
                Ok(Some(Request::Count(signal))) => {
                    let count = system::received(usize::from(signal));
                    self.reporter.send(Report::Received(signal, count));
                }
                Ok(Some(Request::Leave)) => self.leaving = None,
                Ok(None) => return true,
                Ok(Some(Request::Start(_))) | Err(_) => return false,
            }
        }
    }

    fn pass(&self, signal: u8) {
        if let (Some(command), Some(signal)) = (self.command, Signal::from_named_raw(i32::from(signal))) {
            // A command that has become another user's is not ours to signal.
            let _ = kill_process(command, signal);
        }
    }

    fn reap(&mut self) {
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        while let Some(command) = self.command {
            let status = match waitpid(Some(command), options) {
                Ok(Some((_, status))) => status,
                Err(Errno::INTR) => continue,
                Ok(None) | Err(_) => return,
            };
            if let Some(code) = status.exit_status() {
                self.command = None;
                self.reporter.send(Report::Exited(code));
            } else if let Some(signal) = status.terminating_signal() {
                self.command = None;
                self.reporter.send(Report::Signalled(signal));
            } else if status.stopped() {
                self.signal_node(Signal::STOP);
            } else if status.continued() {
                system::count_own(libc::SIGCONT);
                self.signal_node(Signal::CONT);
            }
        }
    }

    /// Stop or continue Node with the command: a shell that waits for Node would see the command do so.
    fn signal_node(&self, signal: Signal) {
        if let Some(node) = self.node
            && getppid() == Some(node)
        {
            let _ = kill_process(node, signal);
        }
    }
}
