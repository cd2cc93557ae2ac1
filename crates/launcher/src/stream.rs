//! An output of the command: from its pipe to the real target, and a copy to Node.

use crate::control::{Report, Reporter, StreamEnd};
use crate::copy::Copy;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

/// Bytes of one read: what a pipe holds.
const PART: usize = 64 << 10;

/// Memory of a thread that only passes bytes.
const STACK: usize = 128 << 10;

/// Start a thread. It receives no signal, because the caller has blocked all of them.
pub fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work)
}

/// The ends of a stream.
pub struct Ends {
    /// 1 for stdout, 2 for stderr.
    pub number: u8,
    /// The end that is read of the pipe of the command.
    pub source: OwnedFd,
    /// The descriptor that receives it.
    pub target: OwnedFd,
    /// A pipe whose other end is closed when Node leaves.
    pub leave: OwnedFd,
    /// Called when everything is passed on, before Node learns it.
    pub drained: Box<dyn FnOnce() + Send>,
}

/// Pass a stream on until the command, and every process that has it from the command, has closed it.
///
/// When Node leaves, a target with a reader is let go as soon as nothing is there to pass on: the reader waits for that.
/// A file has no reader, so what a background process writes still goes there.
pub fn start(
    ends: Ends,
    copy: Copy,
    reporter: Arc<Reporter>,
    ended: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    thread("stream", move || {
        let mut end = StreamEnd {
            stream: ends.number,
            ..StreamEnd::default()
        };
        pass(ends.source, ends.target, ends.leave, &copy, &mut end);
        (ends.drained)();
        let (lost, writer) = copy.end();
        end.uncopied = lost;
        // Before the copy ends, so that Node knows this when it has read all of it.
        reporter.send(Report::Ended(end));
        // A writer that failed has already said so: Node is gone.
        let _ = writer.join();
        ended();
    })
}

/// Return when the source has ended, or nobody reads the target any more: then the source is closed as well, and the
/// command learns it as it would from the target.
fn pass(source: OwnedFd, target: OwnedFd, leave: OwnedFd, copy: &Copy, end: &mut StreamEnd) {
    let (mut source, mut target) = (File::from(source), File::from(target));
    let leave = has_reader(&target).then_some(leave);
    let mut buffer = vec![0; PART];
    loop {
        if is_over(&source, &target, leave.as_ref()) {
            return;
        }
        let count = match source.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                ) =>
            {
                continue;
            }
            // A terminal that no process has open any more.
            Err(_) => return,
        };
        let part = &buffer[..count];
        end.total += count as u64;
        copy.push(part);
        match write_all(&mut target, part) {
            Ok(()) => {}
            Err((_, error)) if error.kind() == io::ErrorKind::BrokenPipe => return,
            // A full disk may have room again later. The command goes on.
            Err((done, error)) => {
                end.unwritten += (count - done) as u64;
                end.error = error.raw_os_error().unwrap_or(0);
            }
        }
    }
}

/// Return whether somebody may wait for the end of what is written there.
fn has_reader(target: &File) -> bool {
    target
        .metadata()
        .is_ok_and(|data| data.file_type().is_fifo() || data.file_type().is_socket())
}

/// Wait until there is something to read; return true if nobody reads the target any more, or nobody waits for it.
fn is_over(source: &File, target: &File, leave: Option<&OwnedFd>) -> bool {
    // A target that hung up in another way is told by writing. Until then only the others count.
    let mut watched = true;
    loop {
        let target = PollFd::new(target, PollFlags::empty());
        let leave = leave.map(|leave| PollFd::new(leave, PollFlags::IN));
        let mut all = vec![PollFd::new(source, PollFlags::IN)];
        all.extend(leave);
        let last = all.len();
        if watched {
            all.push(target);
        }
        match poll(&mut all, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            // Reading tells what is wrong.
            Err(_) => return false,
        }
        let seen = |at: usize| all.get(at).map_or(PollFlags::empty(), PollFd::revents);
        if watched && seen(last).contains(PollFlags::ERR) {
            return true;
        }
        if !seen(0).is_empty() {
            return false;
        }
        if last == 2 && !seen(1).is_empty() {
            return true;
        }
        watched = false;
    }
}

/// Write everything, also to a target that does not block. An error comes with how much was written.
fn write_all(target: &mut File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match target.write(&bytes[done..]) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_room(target.as_fd()),
            Err(error) => return Err((done, error)),
        }
    }
    Ok(())
}

fn wait_for_room(target: std::os::fd::BorrowedFd<'_>) {
    // An error of the target is found by the next write.
    let _ = poll(&mut [PollFd::new(&target, PollFlags::OUT)], None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Seek as _;
    use std::os::unix::net::UnixStream;

    /// The write end of the command, the end of Node, the control socket, and the end that is closed to leave.
    fn stream(target: OwnedFd) -> (File, UnixStream, UnixStream, JoinHandle<()>) {
        let (command, node, control, thread, leaving) = leavable(target);
        // It is closed never.
        std::mem::forget(leaving);
        (command, node, control, thread)
    }

    fn leavable(target: OwnedFd) -> (File, UnixStream, UnixStream, JoinHandle<()>, io::PipeWriter) {
        let (leave, leaving) = io::pipe().expect("a pipe");
        let (source, command) = io::pipe().expect("a pipe");
        let (node, own) = UnixStream::pair().expect("a pair");
        let (control, reports) = UnixStream::pair().expect("a pair");
        let copy = Copy::start(OwnedFd::from(own).into()).expect("it starts");
        let reporter = Arc::new(Reporter::new(OwnedFd::from(reports).into()));
        let ends = Ends {
            number: 1,
            source: source.into(),
            target,
            leave: leave.into(),
            drained: Box::new(|| ()),
        };
        let thread = start(ends, copy, reporter, || ()).expect("it starts");
        let command = OwnedFd::from(command).into();
        (command, node, control, thread, leaving)
    }

    fn text(mut from: impl io::Read) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("it reads");
        text
    }

    #[test]
    fn target_and_node_get_the_same() {
        let (reader, target) = io::pipe().expect("a pipe");
        let (mut command, node, mut control, thread) = stream(target.into());
        command.write_all(b"one\ntwo").expect("written");
        drop(command);
        thread.join().expect("it ends");
        assert_eq!((text(reader), text(node)), ("one\ntwo".into(), "one\ntwo".into()));
        let mut report = [0; 34];
        control.read_exact(&mut report).expect("it reads");
        assert_eq!(report[..14], [30, 0, 0, 0, b'D', 1, 7, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_reader_that_goes_is_seen_by_the_next_write() {
        let (reader, target) = io::pipe().expect("a pipe");
        let (mut command, _node, _control, thread) = stream(target.into());
        command.write_all(b"x").expect("written");
        drop(reader);
        thread.join().expect("it ends");
        let error = command.write_all(b"x").expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn when_node_leaves_a_pipe_is_let_go_and_a_file_is_not() {
        let (reader, target) = io::pipe().expect("a pipe");
        let (mut command, _node, _control, thread, leaving) = leavable(target.into());
        command.write_all(b"before").expect("written");
        drop(leaving);
        thread.join().expect("it ends");
        assert_eq!(text(reader), "before");

        let mut file = tempfile::tempfile().expect("a file");
        let target = file.try_clone().expect("a descriptor");
        let (mut command, node, _control, thread, leaving) = leavable(target.into());
        drop((leaving, node));
        command.write_all(b"after").expect("written");
        drop(command);
        thread.join().expect("it ends");
        file.seek(io::SeekFrom::Start(0)).expect("it seeks");
        assert_eq!(text(file), "after");
    }

    #[test]
    fn a_full_target_does_not_end_the_stream() {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("it is there");
        let (mut command, node, _control, thread) = stream(full.into());
        command.write_all(b"lost").expect("written");
        command.write_all(b" too").expect("written");
        drop(command);
        thread.join().expect("it ends");
        assert_eq!(text(node), "lost too");
    }
}
