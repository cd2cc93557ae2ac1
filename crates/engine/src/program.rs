//! Programs that a capture runs.
//!
//! Node starts a program with `fork`, which copies the page tables of the whole process on the JavaScript thread: one
//! millisecond for a small heap, five for 500 MB. [`Command`] uses `posix_spawn`, which copies nothing. It cannot start
//! a session, so the program `setsid` does: without a terminal nothing can ask for a password, and a signal to the
//! process group reaches the children too. If anything here fails, the caller lets Node start the program, so that
//! every error is Node's.

pub mod collect;

use rustix::fs::Access;
use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, waitid, waitpid};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The paths of `setsid` (util-linux or BusyBox).
const SETSID: [&str; 2] = ["/usr/bin/setsid", "/bin/setsid"];

/// A program and its surroundings.
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

/// A running program: the leader of a session of its own, without a terminal.
#[derive(Debug)]
pub struct Program {
    /// Its process id. The id of its process group is the same, as soon as `setsid` has run.
    pub pid: i32,
    /// The other end of its standard input; `None` if that is empty.
    pub stdin: Option<OwnedFd>,
    /// Its standard output.
    pub stdout: OwnedFd,
    /// Its standard error.
    pub stderr: OwnedFd,
}

/// The end of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
}

/// Start a program with an empty input. The error is the system's.
pub fn start(plan: Plan<'_>) -> io::Result<Program> {
    spawn(plan, Stdio::null())
}

fn spawn(plan: Plan<'_>, stdin: Stdio) -> io::Result<Program> {
    let setsid = SETSID.iter().find(|path| is_executable(Path::new(path)));
    let setsid = setsid.ok_or(io::ErrorKind::Unsupported)?;
    let mut child = Command::new(setsid)
        .arg(find(plan)?)
        .args(plan.arguments)
        .current_dir(plan.directory)
        .env_clear()
        .envs(
            plan.environment
                .iter()
                .filter_map(|variable| variable.split_once('=')),
        )
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    match (child.stdout.take(), child.stderr.take()) {
        (Some(stdout), Some(stderr)) => Ok(Program {
            pid,
            stdin: child.stdin.take().map(Into::into),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Return the absolute path of a command. Empty and relative parts of `PATH` are left to Node.
fn find(plan: Plan<'_>) -> io::Result<PathBuf> {
    let candidates = if plan.command.contains('/') {
        vec![std::path::absolute(Path::new(plan.directory).join(plan.command))?]
    } else {
        let mut variables = plan.environment.iter();
        let path = variables.find_map(|variable| variable.strip_prefix("PATH="));
        let folders = std::env::split_paths(path.unwrap_or_default()).filter(|folder| folder.is_absolute());
        folders.map(|folder| folder.join(plan.command)).collect()
    };
    let mut candidates = candidates.into_iter();
    let path = candidates.find(|path| is_executable(path));
    path.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, Access::EXEC_OK).is_ok()
}

/// Wait until a program has ended. Its id is not given to another process before [`reap`].
pub fn wait(pid: i32) -> io::Result<End> {
    let id = WaitId::Pid(to_pid(pid)?);
    loop {
        match waitid(id.clone(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(Some(status)) => {
                let code = status.exit_status();
                return Ok(End { code });
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Free the id of a program that has ended.
pub fn reap(pid: i32) -> io::Result<()> {
    waitpid(Some(to_pid(pid)?), WaitOptions::NOHANG)?;
    Ok(())
}

fn to_pid(pid: i32) -> io::Result<Pid> {
    Pid::from_raw(pid).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::AsRawFd as _;

    fn run(
        command: &str,
        arguments: &[&str],
        environment: &[&str],
    ) -> io::Result<(Option<i32>, String, String)> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let program = start(Plan {
            command,
            arguments: &owned(arguments),
            directory: "/usr",
            environment: &owned(environment),
        })?;
        let (mut stdout, mut stderr) = (String::new(), String::new());
        File::from(program.stdout).read_to_string(&mut stdout)?;
        File::from(program.stderr).read_to_string(&mut stderr)?;
        let end = wait(program.pid)?;
        // The end can be asked for again until the program is reaped.
        assert_eq!(wait(program.pid)?, end);
        reap(program.pid)?;
        assert!(wait(program.pid).is_err());
        Ok((end.code, stdout, stderr))
    }

    const PATH: &str = "PATH=/nowhere:/usr/bin:/bin";

    #[test]
    fn arguments_variables_directory_and_outputs_are_passed() {
        let script = "pwd; echo \"$A $1\"; cat; echo oh >&2; exit 7";
        let output = run("sh", &["-c", script, "name", "an argument"], &[PATH, "A=b c"]);
        let expected = (Some(7), "/usr\nb c an argument\n".to_owned(), "oh\n".to_owned());
        assert_eq!(output.expect("it starts"), expected);
    }

    #[test]
    fn program_leads_a_session_without_a_terminal() {
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
    fn no_other_descriptor_is_inherited() {
        let pipe = io::pipe().expect("a pipe");
        // Far from those that the program opens itself.
        let far = rustix::io::fcntl_dupfd_cloexec(&pipe.0, 500).expect("a descriptor");
        let (_, stdout, _) = run("sh", &["-c", "ls /proc/$$/fd"], &[PATH]).expect("it starts");
        let own: Vec<&str> = stdout.lines().collect();
        assert!(
            ["0", "1", "2"].iter().all(|number| own.contains(number)),
            "{own:?}"
        );
        assert!(!own.contains(&far.as_raw_fd().to_string().as_str()), "{own:?}");
    }

    #[test]
    fn unstartable_programs_are_errors() {
        let kind = |received: io::Result<(Option<i32>, String, String)>| {
            received.expect_err("it does not start").kind()
        };
        assert_eq!(
            kind(run("no-such-program", &[], &[PATH])),
            io::ErrorKind::NotFound
        );
        assert_eq!(kind(run("/etc/passwd", &[], &[PATH])), io::ErrorKind::NotFound);
        assert_eq!(kind(run("sh", &["a\0b"], &[PATH])), io::ErrorKind::InvalidInput);
        assert_eq!(kind(run("sh", &[], &[])), io::ErrorKind::NotFound);
    }

    #[test]
    fn relative_path_is_relative_to_the_directory() {
        let output = run("bin/sh", &["-c", "echo here"], &[PATH]).expect("it starts");
        assert_eq!(output.1, "here\n");
    }

    #[test]
    fn signalled_program_has_no_code() {
        assert_eq!(
            run("sh", &["-c", "kill -9 $$"], &[PATH]).expect("it starts").0,
            None
        );
    }
}
