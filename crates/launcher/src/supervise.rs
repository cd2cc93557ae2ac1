//! The life of this program: start the command, answer Node, report the end, pass the rest of the output on.

use crate::control::{Report, Reporter, Request, Requests};
use crate::copy::Copy;
use crate::plan::{self, Plan};
use crate::session::{self, Event};
use crate::terminal::{self, Terminal};
use crate::{start, stream, system};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, getppid, kill_process, kill_process_group, waitpid};
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
    let begun = match begin(&plan, &reporter) {
        Ok(begun) => begun,
        Err(error) => {
            reporter.send(Report::Refused(error.raw_os_error().unwrap_or(libc::EINVAL)));
            return Err(error);
        }
    };
    system::set_blocked(0);
    let mut supervisor = Supervisor {
        command: Some(begun.command),
        node,
        reporter,
        streams: begun.streams,
        leaving: Some(begun.leaving),
        session: begun.session,
        seen: [0; 2],
        is_stopped: false,
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

/// A command that was started, and what belongs to it.
struct Begun {
    command: Pid,
    streams: Streams,
    leaving: OwnedFd,
    session: Option<Session>,
}

/// The command's own terminal.
struct Session {
    /// Absent once the real one has gone.
    terminal: Option<Terminal>,
    /// Keeps it open until the command has ended: its end would hang up the command a second time.
    _open: OwnedFd,
    /// The life of the command, as the leader of its session sees it.
    events: File,
    /// Closed when the leader may end.
    hold: Option<OwnedFd>,
    leader: Option<Pid>,
}

impl Drop for Session {
    /// End the leader first: while the terminal is open, it can end without hanging up what still runs.
    fn drop(&mut self) {
        self.hold = None;
        while waitpid(self.leader, WaitOptions::empty()).is_err_and(|error| error == Errno::INTR) {}
    }
}

/// Start the command and the threads of its output. All signals are blocked when it returns.
fn begin(plan: &Plan, reporter: &Arc<Reporter>) -> io::Result<Begun> {
    let mut sources = [None, None];
    let mut standard = [None, None, None];
    let mut copies = [None, None];
    let mut opened = None;
    for index in 0..2 {
        if plan.captured[index] {
            copies[index] = Some(own(COPIES[index])?);
        }
    }
    let mut leader = None;
    if plan.terminal {
        let real = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
        let (terminal, reading, side) = terminal::open(real)?;
        for each in &mut standard {
            *each = Some(side.try_clone()?);
        }
        let (events, reports) = io::pipe()?;
        let (held, holding) = io::pipe()?;
        leader = Some(start::Session {
            terminal: side,
            events: reports.into(),
            hold: held.into(),
        });
        opened = Some(Session {
            terminal: Some(terminal),
            _open: reading.try_clone()?,
            events: OwnedFd::from(events).into(),
            hold: Some(holding.into()),
            leader: None,
        });
        sources[0] = Some(reading);
    } else {
        for index in 0..2 {
            if plan.captured[index] {
                let (source, output) = io::pipe()?;
                sources[index] = Some(OwnedFd::from(source));
                standard[index + 1] = Some(OwnedFd::from(output));
            }
        }
        if plan.together {
            let stdout: Option<&OwnedFd> = standard[1].as_ref();
            standard[2] = stdout.map(OwnedFd::try_clone).transpose()?;
        }
    }
    // After those above are known to be this program's own.
    let inherited = start::inherit(plan)?;
    let mut pid = start::start(plan, inherited, standard, leader)?;
    if let Some(session) = &mut opened {
        let Some(Event::Runs(command)) = session::next(&mut session.events) else {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        };
        session.leader = Pid::from_raw(pid);
        pid = command;
        if let Some(terminal) = &mut session.terminal {
            terminal.enter();
        }
    }
    let command = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
    reporter.send(Report::Started(pid));
    // What the command closes must be closed: only the targets stay open here.
    drop(system::inherited(libc::STDIN_FILENO));
    let (leave, leaving) = io::pipe()?;
    let mut streams = Streams::default();
    for (index, (source, copy)) in sources.into_iter().zip(copies).enumerate() {
        let number = if index == 0 { 1 } else { 2 };
        // One without a stream is closed here: a reader waits until nobody has it.
        let target = system::inherited(number);
        if let (Some(source), Some(copy), Some(target)) = (source, copy, target) {
            let copy = Copy::start(File::from(copy))?;
            let terminal = opened
                .as_ref()
                .and_then(|session: &Session| session.terminal.as_ref());
            let drained = match terminal {
                Some(terminal) => terminal.restorer()?,
                None => Box::new(|| ()),
            };
            let ends = stream::Ends {
                number: u8::try_from(number).unwrap_or(0),
                source,
                target,
                leave: leave.try_clone()?.into(),
                drained,
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
    Ok(Begun {
        command,
        streams,
        leaving: leaving.into(),
        session: opened,
    })
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
    /// The command's own terminal, until the real one has gone.
    session: Option<Session>,
    /// The numbers of SIGWINCH and SIGCONT that were acted on.
    seen: [u32; 2],
    /// True while the command is stopped, at a terminal of its own.
    is_stopped: bool,
}

/// The signals that this program acts on for a command at its own terminal.
const ACTED_ON: [i32; 2] = [libc::SIGWINCH, libc::SIGCONT];

impl Supervisor {
    fn run(&mut self, wakes: OwnedFd, mut requests: Option<Requests>) -> io::Result<()> {
        let mut wakes = File::from(wakes);
        // The command may have ended before its signal could arrive.
        self.reap();
        loop {
            let is_passing = self.streams.running.load(Ordering::SeqCst) > 0;
            if self.command.is_none() && !is_passing {
                self.session = None;
                // Node may not have read the end yet. A message that it writes to a closed socket would lose what waits there.
                if requests.is_none() {
                    break;
                }
            }
            let [asked, keys, event] = self.wait(&wakes, requests.as_ref())?;
            // It does not block; what it returns does not matter.
            let _ = wakes.read(&mut [0; 256]);
            self.act();
            let has_gone = match self.terminal() {
                Some(terminal) => keys && !terminal.pass_keys() || !is_passing && terminal.has_hung_up(),
                None => false,
            };
            if has_gone {
                self.hang_up();
            }
            if event {
                self.read_event();
            }
            self.reap();
            if asked && !self.answer(requests.as_mut()) {
                requests = None;
                // The shell has the terminal now.
                if let Some(terminal) = self.terminal() {
                    terminal.leave();
                }
            }
        }
        for stream in self.streams.threads.drain(..) {
            let _ = stream.join();
        }
        Ok(())
    }

    /// Wait, and return whether Node asks, there are keys, and the command has an event.
    fn wait(&self, wakes: &File, requests: Option<&Requests>) -> io::Result<[bool; 3]> {
        let session = self.session.as_ref().filter(|_| self.command.is_some());
        let mut all = vec![PollFd::new(wakes, PollFlags::IN)];
        let watched = [
            requests.map(|requests| PollFd::new(requests.socket(), PollFlags::IN)),
            session.and_then(|session| session.terminal.as_ref()?.watched()),
            session.map(|session| PollFd::new(&session.events, PollFlags::IN)),
        ];
        let indices = watched.map(|descriptor| {
            all.push(descriptor?);
            Some(all.len() - 1)
        });
        match poll(&mut all, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(indices.map(|index| index.is_some_and(|index| !all[index].revents().is_empty())))
    }

    fn terminal(&mut self) -> Option<&mut Terminal> {
        self.session.as_mut()?.terminal.as_mut()
    }

    /// Act on signals that concern the terminal.
    fn act(&mut self) {
        let seen = self.seen;
        let Some(terminal) = self.terminal() else {
            return;
        };
        let counts = ACTED_ON.map(|signal| system::received(usize::try_from(signal).unwrap_or(0)));
        let [resized, continued] = [counts[0] != seen[0], counts[1] != seen[1]];
        if resized {
            terminal.resize();
        }
        self.seen = counts;
        if continued {
            self.resume();
        }
    }

    /// Let the command go on, with the real terminal if this process group has it.
    fn resume(&mut self) {
        let command = self.command;
        self.is_stopped = false;
        let (Some(terminal), Some(command)) = (self.terminal(), command) else {
            return;
        };
        terminal.enter();
        let group = terminal.group().unwrap_or(command);
        let _ = kill_process_group(group, Signal::CONT);
    }

    /// The real terminal has gone: do what the system does to the processes in its foreground.
    fn hang_up(&mut self) {
        let command = self.command;
        let Some(terminal) = self.session.as_mut().and_then(|session| session.terminal.take()) else {
            return;
        };
        if let Some(group) = terminal.group().or(command) {
            let _ = kill_process_group(group, Signal::HUP);
            let _ = kill_process_group(group, Signal::CONT);
        }
    }

    /// Read what the leader of the session saw.
    fn read_event(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        // Without a leader nobody knows how the command ends: it was killed with it.
        let event = session::next(&mut session.events).unwrap_or(Event::Signalled(libc::SIGKILL));
        self.take(event);
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
                    let count = self.count(signal);
                    self.reporter.send(Report::Received(signal, count));
                }
                Ok(Some(Request::Leave)) => self.leaving = None,
                Ok(None) => return true,
                Ok(Some(Request::Start(_))) | Err(_) => return false,
            }
        }
    }

    /// Return how often the command has a signal from others: in a session of its own, only from this program.
    fn count(&self, signal: u8) -> u32 {
        let number = usize::from(signal);
        let others = if self.session.is_none() || ACTED_ON.contains(&i32::from(signal)) {
            system::received(number)
        } else {
            0
        };
        others + system::sent(number)
    }

    fn pass(&mut self, signal: u8) {
        let number = i32::from(signal);
        let is_stopped = self.is_stopped;
        // The command has been hung up.
        if number == libc::SIGHUP && self.session.is_some() && self.terminal().is_none() {
            return;
        }
        if let Some(terminal) = self.terminal() {
            match number {
                libc::SIGCONT if is_stopped => return self.resume(),
                // This program had it too, and the command goes on already.
                libc::SIGCONT => return,
                // The command gets it from its own terminal: when that has another size, and when it is closed.
                libc::SIGWINCH => return terminal.resize(),
                libc::SIGHUP if terminal.has_hung_up() => return,
                _ => {}
            }
        }
        if let (Some(command), Some(signal)) = (self.command, Signal::from_named_raw(number)) {
            // A command that has become another user's is not ours to signal.
            let _ = kill_process(command, signal);
        }
    }

    fn reap(&mut self) {
        if self.session.is_some() {
            // The leader of its session does it.
            return;
        }
        let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
        while let Some(command) = self.command {
            let status = match waitpid(Some(command), options) {
                Ok(Some((_, status))) => status,
                Err(Errno::INTR) => continue,
                Ok(None) | Err(_) => return,
            };
            if let Some(event) = Event::of(status) {
                self.take(event);
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Exited(code) => {
                self.command = None;
                self.reporter.send(Report::Exited(code));
            }
            Event::Signalled(signal) => {
                self.command = None;
                self.reporter.send(Report::Signalled(signal));
            }
            Event::Stopped => {
                self.is_stopped = true;
                if let Some(terminal) = self.terminal() {
                    terminal.leave();
                }
                self.signal_node(Signal::STOP);
            }
            Event::Continued => {
                self.is_stopped = false;
                system::count_own(libc::SIGCONT);
                self.signal_node(Signal::CONT);
            }
            Event::Runs(_) => {}
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
