//! The control socket: messages to and from Node, each a length of four bytes and then that many.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::{Mutex, PoisonError};

/// Longest message of Node: the system refuses longer arguments and environments.
const LONGEST: usize = 64 << 20;

/// A message of Node.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Start the command of this plan.
    Start(Vec<u8>),
    /// Send a signal to the command.
    Pass(u8),
    /// Tell how often a signal was received.
    Count(u8),
    /// Node has recorded the end and leaves: what still holds a pipe of the command holds up nobody any more.
    Leave,
}

/// A message to Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The command runs.
    Started(i32),
    /// The command could not be started, with the number of the system's error.
    Refused(i32),
    /// The number of times that a signal was received.
    Received(u8, u32),
    /// The command ended with a code.
    Exited(i32),
    /// A signal ended the command.
    Signalled(i32),
    /// A stream ended.
    Ended(StreamEnd),
}

/// The end of a stream, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamEnd {
    /// 1 for stdout, 2 for stderr.
    pub stream: u8,
    /// Bytes that the command wrote.
    pub total: u64,
    /// Bytes that Node did not get, because it did not read.
    pub uncopied: u64,
    /// Bytes that the target did not take.
    pub unwritten: u64,
    /// The number of the error of the target; 0 if there was none.
    pub error: i32,
}

impl Report {
    fn bytes(self) -> Vec<u8> {
        let mut body = Vec::with_capacity(40);
        match self {
            Report::Started(pid) => put(&mut body, b'P', &[&pid.to_le_bytes()]),
            Report::Refused(error) => put(&mut body, b'E', &[&error.to_le_bytes()]),
            Report::Received(signal, count) => put(&mut body, b'C', &[&[signal], &count.to_le_bytes()]),
            Report::Exited(code) => put(&mut body, b'X', &[&code.to_le_bytes()]),
            Report::Signalled(signal) => put(&mut body, b'K', &[&signal.to_le_bytes()]),
            Report::Ended(end) => put(
                &mut body,
                b'D',
                &[
                    &[end.stream],
                    &end.total.to_le_bytes(),
                    &end.uncopied.to_le_bytes(),
                    &end.unwritten.to_le_bytes(),
                    &end.error.to_le_bytes(),
                ],
            ),
        }
        body
    }
}

fn put(body: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    body.push(kind);
    for part in parts {
        body.extend_from_slice(part);
    }
}

/// The sending side, for several threads.
pub struct Reporter {
    socket: Mutex<File>,
}

impl Reporter {
    pub fn new(socket: File) -> Self {
        let socket = Mutex::new(socket);
        Self { socket }
    }

    /// Send a report. Without Node there is nobody to tell, which changes nothing for the command.
    pub fn send(&self, report: Report) {
        let body = report.bytes();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
        let message = [&length[..], &body].concat();
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = socket.write_all(&message);
    }
}

/// The receiving side.
pub struct Requests {
    socket: File,
    pending: Vec<u8>,
}

impl Requests {
    pub fn new(socket: File) -> Self {
        let pending = Vec::new();
        Self { socket, pending }
    }

    /// Wait for the next message; `None` if Node is gone.
    pub fn next(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some(request) = self.take()? {
                return Ok(Some(request));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Read what has arrived, and return false if Node is gone.
    pub fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.socket.read(&mut buffer) {
                Ok(count) => {
                    self.pending.extend_from_slice(&buffer[..count]);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Return a message that has arrived whole.
    pub fn take(&mut self) -> io::Result<Option<Request>> {
        let Some((length, rest)) = self.pending.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let request = match body {
            [b'S', plan @ ..] => Request::Start(plan.to_vec()),
            [b'K', signal] => Request::Pass(*signal),
            [b'Q', signal] => Request::Count(*signal),
            [b'L'] => Request::Leave,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        self.pending.drain(..4 + length);
        Ok(Some(request))
    }

    /// The socket, to wait for it.
    pub fn socket(&self) -> &File {
        &self.socket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    fn pair() -> (UnixStream, File) {
        let (node, own) = UnixStream::pair().expect("a pair");
        (node, File::from(OwnedFd::from(own)))
    }

    #[test]
    fn messages_in_pieces_are_joined_and_several_are_separated() {
        let (mut node, own) = pair();
        let mut requests = Requests::new(own);
        node.write_all(&[3, 0, 0, 0, b'S']).expect("written");
        assert!(requests.read().expect("read"));
        assert_eq!(requests.take().expect("sound"), None);
        node.write_all(&[b'a', 0, 2, 0, 0, 0, b'Q', 15]).expect("written");
        drop(node);
        let next = |requests: &mut Requests| requests.next().expect("sound");
        assert_eq!(next(&mut requests), Some(Request::Start(vec![b'a', 0])));
        assert_eq!(next(&mut requests), Some(Request::Count(15)));
        assert_eq!(next(&mut requests), None);
    }

    #[test]
    fn unknown_and_endless_messages_are_errors() {
        for bytes in [[1, 0, 0, 0, b'?'], [255, 255, 255, 255, b'S']] {
            let (mut node, own) = pair();
            node.write_all(&bytes).expect("written");
            let error = Requests::new(own).next().expect_err("unsound");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_report_is_its_length_and_its_fields() {
        let (mut node, own) = pair();
        Reporter::new(own).send(Report::Received(15, 258));
        let mut seen = Vec::new();
        node.read_to_end(&mut seen).expect("read");
        assert_eq!(seen, [6, 0, 0, 0, b'C', 15, 2, 1, 0, 0]);
    }
}
