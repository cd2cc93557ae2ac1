//! Programs whose output is collected by the thread that starts them.
//!
//! Node would do the same on the JavaScript thread: two streams, and a dozen callbacks. A run asks git ten questions, and
//! that was a tenth of its time.

use super::{End, Plan, Program, reap, spawn, to_pid, wait};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Signal, kill_process, kill_process_group};
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// Limits in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the standard output. A program that writes more is killed.
    pub stdout: usize,
    /// Of the standard error. What comes after is read and dropped.
    pub stderr: usize,
}

/// The end of a program whose output was collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself, or by a signal of somebody else.
    Ended(End),
    /// It wrote more than the limit, and was killed.
    TooLong,
    /// [`Control::stop`] killed it.
    Stopped,
    /// Its output could not be read, so it was killed.
    Broken,
}

/// A program that has ended, and what it wrote.
#[derive(Debug)]
pub struct Collected {
    /// The way it ended.
    pub outcome: Outcome,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// The start of its standard error.
    pub stderr: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running(i32),
    Ended,
}

/// A handle by which other threads ask for the id of a program, and end it.
#[derive(Debug)]
pub struct Control {
    state: Mutex<State>,
    /// Has no writer once the program is to be stopped.
    stopped: PipeReader,
    stop: Mutex<Option<PipeWriter>>,
}

impl Control {
    /// Prepare the control of a program.
    ///
    /// # Errors
    ///
    /// The system's, where no descriptor is left.
    pub fn new() -> io::Result<Self> {
        let (stopped, stop) = io::pipe()?;
        Ok(Self {
            state: Mutex::new(State::Waiting),
            stopped,
            stop: Mutex::new(Some(stop)),
        })
    }

    /// Return the process id of the program while it runs.
    pub fn pid(&self) -> Option<i32> {
        match *self.state() {
            State::Running(pid) => Some(pid),
            State::Waiting | State::Ended => None,
        }
    }

    /// Kill the program and its process group, now or as soon as it has started.
    pub fn stop(&self) {
        // A start in progress holds the state, so a program is killed here or not started.
        let state = self.state();
        drop(lock(&self.stop).take());
        if let State::Running(pid) = *state {
            kill(pid);
        }
    }

    fn is_stopped(&self) -> bool {
        lock(&self.stop).is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The values stay valid whatever a thread did that ended with a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(pid: i32) {
    let Ok(pid) = to_pid(pid) else { return };
    // Right after its start the program leads no group yet. One that has ended is not reaped while the state is held.
    let killed = kill_process_group(pid, Signal::KILL).or_else(|_| kill_process(pid, Signal::KILL));
    // One that is gone needs no more.
    killed.ok();
}

/// Start a program, give it its input, collect its output and wait for its end. One that ends without having read all of
/// its input is no error.
///
/// # Errors
///
/// The system's, if it cannot be started.
pub fn collect(plan: Plan<'_>, input: &[u8], limits: Limits, control: &Control) -> io::Result<Collected> {
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    let Program {
        pid,
        stdin,
        stdout,
        stderr,
    } = {
        let mut state = control.state();
        if control.is_stopped() {
            *state = State::Ended;
            return Ok(Collected {
                outcome: Outcome::Stopped,
                stdout: Vec::new(),
                stderr: Vec::new(),
            });
        }
        let program = spawn(plan, stdin)?;
        *state = State::Running(program.pid);
        program
    };
    let mut output = Output::new(stdout, limits.stdout);
    let mut errors = Output::new(stderr, limits.stderr);
    let read = Input::new(stdin, input)
        .and_then(|mut input| exchange(&mut input, &mut output, &mut errors, control));
    // A process that left the group may hold the pipes, and is not waited for.
    let (stdout, stderr) = (output.close(), errors.close());
    if !matches!(read, Ok(true)) {
        let state = control.state();
        if let State::Running(pid) = *state {
            kill(pid);
        }
    }
    let end = wait(pid);
    // Its id becomes free only here, so that a later kill cannot hit another process.
    let mut state = control.state();
    *state = State::Ended;
    let reaped = reap(pid);
    drop(state);
    let outcome = if control.is_stopped() {
        Outcome::Stopped
    } else {
        match (read, end, reaped) {
            (Ok(true), Ok(end), Ok(())) => Outcome::Ended(end),
            (Ok(false), ..) => Outcome::TooLong,
            _ => Outcome::Broken,
        }
    };
    Ok(Collected {
        outcome,
        stdout,
        stderr,
    })
}

/// The input of a program that it has not read yet.
struct Input<'a> {
    pipe: Option<std::fs::File>,
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn new(pipe: Option<OwnedFd>, rest: &'a [u8]) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            // A program that writes before it reads would wait for this thread, and this thread for it.
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            pipe: pipe.map(Into::into),
            rest,
        })
    }

    /// Write what the pipe takes; at the end, or if nobody reads it any more, close it.
    fn give(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        match pipe.write(self.rest) {
            Ok(length) => self.rest = &self.rest[length..],
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.rest = &[],
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) => {}
            Err(error) => return Err(error),
        }
        if self.rest.is_empty() {
            self.pipe = None;
        }
        Ok(())
    }
}

/// One output of a program.
struct Output {
    pipe: Option<std::fs::File>,
    bytes: Vec<u8>,
    limit: usize,
    /// True if the program wrote more than the limit.
    is_over: bool,
}

impl Output {
    fn new(pipe: OwnedFd, limit: usize) -> Self {
        Self {
            pipe: Some(pipe.into()),
            bytes: Vec::new(),
            limit,
            is_over: false,
        }
    }

    /// Read what is there; at the end of the pipe, close it.
    fn take(&mut self, piece: &mut [u8]) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let length = match pipe.read(piece) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        };
        if length == 0 {
            self.pipe = None;
            return Ok(());
        }
        let kept = length.min(self.limit - self.bytes.len());
        self.is_over |= kept < length;
        self.bytes.extend_from_slice(&piece[..kept]);
        Ok(())
    }

    fn close(self) -> Vec<u8> {
        self.bytes
    }
}

/// Give the input, and read both outputs to their ends. Return false if the program is to be stopped, or wrote too much.
fn exchange(
    input: &mut Input<'_>,
    output: &mut Output,
    errors: &mut Output,
    control: &Control,
) -> io::Result<bool> {
    let mut piece = vec![0; PIECE];
    // What is left of the input when both outputs are closed, nobody reads.
    while output.pipe.is_some() || errors.pipe.is_some() {
        let pipes = [&input.pipe, &output.pipe, &errors.pipe];
        let mut ready = [false; 3];
        {
            let mut polled = vec![PollFd::new(&control.stopped, PollFlags::IN)];
            let mut indexes = Vec::with_capacity(pipes.len());
            for (index, pipe) in pipes.into_iter().enumerate() {
                if let Some(pipe) = pipe {
                    let wanted = if index == 0 { PollFlags::OUT } else { PollFlags::IN };
                    polled.push(PollFd::new(pipe, wanted));
                    indexes.push(index);
                }
            }
            match poll(&mut polled, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            if !polled[0].revents().is_empty() {
                return Ok(false);
            }
            for (at, index) in indexes.into_iter().enumerate() {
                ready[index] = !polled[at + 1].revents().is_empty();
            }
        }
        if ready[0] {
            input.give()?;
        }
        if ready[1] {
            output.take(&mut piece)?;
            if output.is_over {
                return Ok(false);
            }
        }
        if ready[2] {
            errors.take(&mut piece)?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const LIMITS: Limits = Limits {
        stdout: 1 << 20,
        stderr: 8,
    };

    fn run(script: &str, control: &Control) -> io::Result<Collected> {
        run_with(script, &[], control)
    }

    fn run_with(script: &str, input: &[u8], control: &Control) -> io::Result<Collected> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        let environment = ["PATH=/usr/bin:/bin".to_owned()];
        let plan = Plan {
            command: "sh",
            arguments: &arguments,
            directory: "/usr",
            environment: &environment,
        };
        collect(plan, input, LIMITS, control)
    }

    fn is_gone(pid: i32) -> bool {
        // A dead process that nobody has waited for yet is gone as well.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |text| text.contains(") Z "))
    }

    #[test]
    fn outputs_and_code_are_collected() {
        let control = Control::new().expect("a control");
        let collected = run("pwd; printf 0123456789 >&2; exit 3", &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::Ended(End { code: Some(3) }));
        assert_eq!(collected.stdout, b"/usr\n");
        assert_eq!(collected.stderr, b"01234567");
        assert_eq!(control.pid(), None);
    }

    #[test]
    fn input_longer_than_a_pipe_is_given_while_output_is_read() {
        let control = Control::new().expect("a control");
        let input: Vec<u8> = (0..1_000_000_u32).map(|index| index.to_le_bytes()[1]).collect();
        let collected = run_with("cat", &input, &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::Ended(End { code: Some(0) }));
        assert!(collected.stdout == input);
    }

    #[test]
    fn program_that_reads_nothing_ends_as_it_does_alone() {
        let control = Control::new().expect("a control");
        let input = vec![0; 1 << 20];
        let collected = run_with("exec <&-; echo done; exit 4", &input, &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::Ended(End { code: Some(4) }));
        assert_eq!(collected.stdout, b"done\n");
    }

    #[test]
    fn program_that_closes_its_outputs_still_gets_its_end() {
        let control = Control::new().expect("a control");
        let input = vec![b'a'; 1 << 20];
        let collected = run_with("exec >&- 2>&-; sleep 0.2; exit 5", &input, &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::Ended(End { code: Some(5) }));
    }

    #[test]
    fn output_of_exactly_the_limit_is_whole() {
        let control = Control::new().expect("a control");
        let collected = run("head -c 1048576 /dev/zero", &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::Ended(End { code: Some(0) }));
        assert_eq!(collected.stdout.len(), 1 << 20);
    }

    #[test]
    fn too_long_output_ends_the_program() {
        let control = Control::new().expect("a control");
        let collected = run("cat /dev/zero", &control).expect("it starts");
        assert_eq!(collected.outcome, Outcome::TooLong);
        assert_eq!(collected.stdout.len(), LIMITS.stdout);
    }

    #[test]
    fn stop_kills_the_whole_group() {
        let control = Arc::new(Control::new().expect("a control"));
        let other = Arc::clone(&control);
        let begin = Instant::now();
        let stopping = std::thread::spawn(move || {
            while other.pid().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Time for the program to lead its group and to start a child.
            std::thread::sleep(Duration::from_millis(200));
            other.stop();
        });
        let collected = run("sleep 60 & echo $!; wait", &control).expect("it starts");
        stopping.join().expect("no panic");
        assert_eq!(collected.outcome, Outcome::Stopped);
        assert!(begin.elapsed() < Duration::from_secs(30));
        let text = String::from_utf8(collected.stdout).expect("text");
        let child: i32 = text.trim().parse().expect("the id of the child");
        while !is_gone(child) {
            assert!(begin.elapsed() < Duration::from_secs(30), "{child} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn process_that_left_the_group_is_not_waited_for() {
        let control = Arc::new(Control::new().expect("a control"));
        let other = Arc::clone(&control);
        let begin = Instant::now();
        let stopping = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(500));
            other.stop();
        });
        let collected = run("setsid sh -c 'exec sleep 20' & wait", &control).expect("it starts");
        stopping.join().expect("no panic");
        assert_eq!(collected.outcome, Outcome::Stopped);
        assert!(begin.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn stop_before_the_start_prevents_it() {
        let control = Control::new().expect("a control");
        control.stop();
        let collected = run("echo started", &control).expect("nothing is started");
        assert_eq!(collected.outcome, Outcome::Stopped);
        assert!(collected.stdout.is_empty());
    }

    #[test]
    fn unstartable_program_is_an_error() {
        let control = Control::new().expect("a control");
        let plan = Plan {
            command: "no-such-program",
            arguments: &[],
            directory: "/usr",
            environment: &[],
        };
        assert!(collect(plan, &[], LIMITS, &control).is_err());
        assert_eq!(control.pid(), None);
    }
}
