//! Programs that are asked something, started without a copy of this process.
//!
//! Node starts a program by `fork`, which copies the page tables of a process that holds a JavaScript heap: some
//! milliseconds each time, on the thread that runs JavaScript. `posix_spawn` copies nothing. Who asks falls back to
//! Node where this says that it cannot, so that every error is Node's.

mod spawn;

use std::ffi::{CString, OsStr};
use std::io::{self, PipeReader};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// What is started, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// A path, or a name that is looked up in `PATH` of `environment`.
    pub command: &'a str,
    /// Its arguments, without its name.
    pub arguments: &'a [String],
    /// Working directory.
    pub directory: &'a str,
    /// Every variable it gets, as `NAME=value`.
    pub environment: &'a [String],
}

/// A program that runs: the leader of a session of its own, without a terminal, with nothing on its input.
#[derive(Debug)]
pub struct Program {
    /// Its process id, and that of its group.
    pub pid: i32,
    /// What it writes to standard output.
    pub stdout: PipeReader,
    /// What it writes to standard error.
    pub stderr: PipeReader,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
}

/// Starts a program. The error is the system's; `InvalidInput` for text that no program can be given.
pub fn start(plan: Plan) -> io::Result<Program> {
    let arguments = std::iter::once(plan.command)
        .chain(plan.arguments.iter().map(String::as_str))
        .map(CString::new)
        .collect::<Result<Vec<_>, _>>()?;
    let environment = plan
        .environment
        .iter()
        .map(|variable| CString::new(variable.as_str()))
        .collect::<Result<Vec<_>, _>>()?;
    let directory = CString::new(plan.directory)?;
    let (stdout, child_stdout) = io::pipe()?;
    let (stderr, child_stderr) = io::pipe()?;
    let outputs = [child_stdout.as_raw_fd(), child_stderr.as_raw_fd()];
    // As `execvp`: what is missing, or may not be executed, is looked for in the next folder.
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for path in places(plan.command, plan.environment) {
        let path = CString::new(path.as_os_str().as_bytes())?;
        match spawn::spawn(&path, &arguments, &environment, &directory, outputs) {
            Ok(pid) => return Ok(Program { pid, stdout, stderr }),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {}
                io::ErrorKind::PermissionDenied => failure = error,
                _ => return Err(error),
            },
        }
    }
    Err(failure)
}

/// Where a command may be. An empty part of `PATH` is the working directory, which is left to others.
fn places(command: &str, environment: &[String]) -> Vec<PathBuf> {
    if command.contains('/') {
        return vec![PathBuf::from(command)];
    }
    let path = environment
        .iter()
        .find_map(|variable| variable.strip_prefix("PATH="))
        .unwrap_or_default();
    std::env::split_paths(OsStr::new(path))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(Path::new(command)))
        // A look costs a microsecond, a try a new process.
        .filter(|path| path.is_file())
        .collect()
}

/// Waits until a program has ended, and leaves it there: its id is not given to another before [`reap`].
pub fn wait(pid: i32) -> io::Result<End> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let id = WaitId::Pid(to_pid(pid)?);
    loop {
        match waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(Some(status)) => {
                return Ok(End {
                    code: status.exit_status(),
                });
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lets go of a program that has ended.
pub fn reap(pid: i32) -> io::Result<()> {
    use rustix::process::{WaitOptions, waitpid};
    waitpid(Some(to_pid(pid)?), WaitOptions::NOHANG)?;
    Ok(())
}

fn to_pid(pid: i32) -> io::Result<rustix::process::Pid> {
    rustix::process::Pid::from_raw(pid).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn run(
        command: &str,
        arguments: &[&str],
        environment: &[&str],
    ) -> io::Result<(Option<i32>, String, String)> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut program = start(Plan {
            command,
            arguments: &owned(arguments),
            directory: "/usr",
            environment: &owned(environment),
        })?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        program.stdout.read_to_string(&mut stdout)?;
        program.stderr.read_to_string(&mut stderr)?;
        let end = wait(program.pid)?;
        // It is still there to be asked again until it is let go.
        assert_eq!(wait(program.pid)?, end);
        reap(program.pid)?;
        assert!(wait(program.pid).is_err());
        Ok((end.code, stdout, stderr))
    }

    const PATH: &str = "PATH=/nowhere:/usr/bin:/bin";

    #[test]
    fn a_program_has_its_arguments_variables_directory_and_outputs() {
        let script = "pwd; echo \"$A $1\"; cat; echo oh >&2; exit 7";
        let found = run("sh", &["-c", script, "name", "an argument"], &[PATH, "A=b c"]);
        let expected = (Some(7), "/usr\nb c an argument\n".to_owned(), "oh\n".to_owned());
        assert_eq!(found.expect("it starts"), expected);
    }

    #[test]
    fn it_leads_a_session_without_a_terminal_and_has_the_default_signals() {
        // Field 6 of stat is the session; SigIgn and SigBlk are masks of what is ignored and blocked.
        let script = "read -r s < /proc/$$/stat; set -- $s; echo $(($6 == $$)) $(($5 == $$)); \
                      grep -E 'SigIgn|SigBlk' /proc/self/status; (: < /dev/tty) 2> /dev/null || echo none";
        let (code, stdout, _) = run("sh", &["-c", script], &[PATH]).expect("it starts");
        assert_eq!(code, Some(0));
        let mut lines = stdout.lines();
        assert_eq!(lines.next(), Some("1 1"));
        for name in ["SigBlk:", "SigIgn:"] {
            let mask = lines
                .next()
                .and_then(|line| line.strip_prefix(name))
                .expect("a mask");
            let mask = u64::from_str_radix(mask.trim(), 16).expect("hexadecimal");
            // The two signals from 32 on are the C library's own, and glibc ignores them.
            assert_eq!(mask & 0x7fff_ffff, 0, "{name} {mask:x}");
        }
        assert_eq!(lines.next(), Some("none"));
    }

    #[test]
    fn it_inherits_no_descriptor_of_ours() {
        let pipe = io::pipe().expect("a pipe");
        // Far from those that the program opens itself.
        let ours = rustix::io::fcntl_dupfd_cloexec(&pipe.0, 500).expect("a descriptor");
        let (_, stdout, _) = run("sh", &["-c", "ls /proc/$$/fd"], &[PATH]).expect("it starts");
        let own: Vec<&str> = stdout.lines().collect();
        assert!(
            ["0", "1", "2"].iter().all(|number| own.contains(number)),
            "{own:?}"
        );
        assert!(!own.contains(&ours.as_raw_fd().to_string().as_str()), "{own:?}");
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        let kind =
            |found: io::Result<(Option<i32>, String, String)>| found.expect_err("it does not start").kind();
        assert_eq!(
            kind(run("no-such-program", &[], &[PATH])),
            io::ErrorKind::NotFound
        );
        assert_eq!(
            kind(run("/etc/passwd", &[], &[PATH])),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(kind(run("sh", &["a\0b"], &[PATH])), io::ErrorKind::InvalidInput);
        assert_eq!(kind(run("sh", &[], &[])), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_signal_ends_it_without_a_code() {
        assert_eq!(
            run("sh", &["-c", "kill -9 $$"], &[PATH]).expect("it starts").0,
            None
        );
    }
}
