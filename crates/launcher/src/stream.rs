//! An output of the command: from its pipe to the real target, and a copy to Node.

use crate::control::{Report, Reporter, StreamEnd};
use crate::copy::Copy;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
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

/// Pass a stream on until the command, and every process that has it from the command, has closed it.
pub fn start(
    number: u8,
    source: OwnedFd,
    target: OwnedFd,
    copy: Copy,
    reporter: Arc<Reporter>,
) -> io::Result<JoinHandle<()>> {
    thread("stream", move || {
        let mut end = StreamEnd {
            stream: number,
            ..StreamEnd::default()
        };
        pass(source.into(), &mut target.into(), &copy, &mut end);
        let (lost, writer) = copy.end();
        end.uncopied = lost;
        // Before the copy ends, so that Node knows this when it has read all of it.
        reporter.send(Report::Ended(end));
        // A writer that failed has already said so: Node is gone.
        let _ = writer.join();
    })
}

/// Return when the source has ended, or nobody reads the target any more: then the source is closed as well, and the
/// command learns it as it would from the target.
fn pass(mut source: File, target: &mut File, copy: &Copy, end: &mut StreamEnd) {
    let mut buffer = vec![0; PART];
    loop {
        if is_closed(&source, target) {
            return;
        }
        let count = match source.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let part = &buffer[..count];
        end.total += count as u64;
        copy.push(part);
        match write_all(target, part) {
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

/// Wait until there is something to read; return true if nobody reads the target any more.
fn is_closed(source: &File, target: &File) -> bool {
    loop {
        let mut both = [
            PollFd::new(source, PollFlags::IN),
            PollFd::new(target, PollFlags::empty()),
        ];
        match poll(&mut both, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            // Reading tells what is wrong.
            Err(_) => return false,
        }
        if both[1].revents().contains(PollFlags::ERR) {
            return true;
        }
        if both[0].revents().is_empty() {
            // The other end of a socket is shut, or a terminal hung up: writing tells. Until then only the source counts.
            let mut one = [PollFd::new(source, PollFlags::IN)];
            if poll(&mut one, None) == Err(Errno::INTR) {
                continue;
            }
        }
        return false;
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
    use std::os::unix::net::UnixStream;

    /// The write end of the command, the target, the end of Node, and the control socket.
    fn stream(target: OwnedFd) -> (File, UnixStream, UnixStream, JoinHandle<()>) {
        let (source, command) = io::pipe().expect("a pipe");
        let (node, own) = UnixStream::pair().expect("a pair");
        let (control, reports) = UnixStream::pair().expect("a pair");
        let copy = Copy::start(OwnedFd::from(own).into()).expect("it starts");
        let reporter = Arc::new(Reporter::new(OwnedFd::from(reports).into()));
        let thread = start(1, source.into(), target, copy, reporter).expect("it starts");
        (OwnedFd::from(command).into(), node, control, thread)
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
