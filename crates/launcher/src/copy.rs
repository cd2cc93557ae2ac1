//! The copy of a stream for Node: never the reason that the command waits for long.

use std::fs::File;
use std::io::Write as _;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes that wait for Node. As many may be on their way to it.
const WAITING: usize = 1 << 20;

/// The time that the stream waits for a Node that takes nothing, before it goes on without it.
const PATIENCE: Duration = Duration::from_millis(200);

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// The number of times that Node took something.
    taken: u64,
    /// Bytes that Node did not get since it last did.
    gap: u64,
    /// Bytes that Node did not get, all together.
    lost: u64,
    ended: bool,
    gone: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue of a copy, and the thread that writes it.
pub struct Copy {
    shared: Arc<Shared>,
    writer: JoinHandle<()>,
}

impl Copy {
    /// Write what is pushed to Node.
    pub fn start(node: File) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = crate::stream::thread("copy", {
            let shared = Arc::clone(&shared);
            move || write_all(&shared, node)
        })?;
        Ok(Self { shared, writer })
    }

    /// Add bytes. While Node reads, nothing is lost; if it takes nothing for a while, they are only counted.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = self.shared.lock();
        while !state.gone && state.gap == 0 && state.waiting.len() + bytes.len() > WAITING {
            let before = state.taken;
            let (next, time) = self
                .shared
                .changed
                .wait_timeout(state, PATIENCE)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if time.timed_out() && state.taken == before {
                break;
            }
        }
        if state.gone {
            return;
        }
        if state.gap > 0 && state.waiting.len() < WAITING / 2 {
            close_gap(&mut state);
        }
        if state.gap > 0 || state.waiting.len() + bytes.len() > WAITING {
            state.gap += bytes.len() as u64;
            state.lost += bytes.len() as u64;
            return;
        }
        state.waiting.extend_from_slice(bytes);
        self.shared.changed.notify_all();
    }

    /// End the copy, and return how many bytes Node did not get.
    pub fn end(self) -> (u64, JoinHandle<()>) {
        let mut state = self.shared.lock();
        if state.gap > 0 && !state.gone {
            close_gap(&mut state);
        }
        state.ended = true;
        self.shared.changed.notify_all();
        let lost = state.lost;
        drop(state);
        (lost, self.writer)
    }
}

/// Say in the copy what is missing in this place.
fn close_gap(state: &mut State) {
    let gap = mem::take(&mut state.gap);
    let line = format!("\n[lineaprint: {gap} bytes of output are missing here]\n");
    state.waiting.extend_from_slice(line.as_bytes());
}

fn write_all(shared: &Shared, mut node: File) {
    loop {
        let mut state = shared.lock();
        while state.waiting.is_empty() && !state.ended {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let bytes = mem::take(&mut state.waiting);
        state.taken += 1;
        shared.changed.notify_all();
        drop(state);
        if bytes.is_empty() {
            return;
        }
        for part in bytes.chunks(64 << 10) {
            if node.write_all(part).is_err() {
                let mut state = shared.lock();
                state.gone = true;
                state.waiting = Vec::new();
                shared.changed.notify_all();
                return;
            }
            shared.lock().taken += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    fn copy() -> (UnixStream, Copy) {
        let (node, own) = UnixStream::pair().expect("a pair");
        let copy = Copy::start(File::from(OwnedFd::from(own))).expect("it starts");
        (node, copy)
    }

    #[test]
    fn a_reading_node_gets_everything_in_order() {
        let (mut node, copy) = copy();
        let reader = std::thread::spawn(move || {
            let mut seen = Vec::new();
            node.read_to_end(&mut seen).map(|_| seen)
        });
        let expected: Vec<u8> = (0..5_000_000_u32).map(|index| (index % 251) as u8).collect();
        for part in expected.chunks(30_011) {
            copy.push(part);
        }
        let (lost, writer) = copy.end();
        writer.join().expect("it ends");
        assert_eq!(lost, 0);
        assert!(reader.join().expect("it ends").expect("it reads") == expected);
    }

    #[test]
    fn what_a_node_that_does_not_read_misses_is_counted_and_reported_in_the_copy() {
        let (mut node, copy) = copy();
        let part = vec![b'a'; 64 << 10];
        for _ in 0..200 {
            copy.push(&part);
        }
        let (lost, writer) = copy.end();
        assert!(lost > 0);
        let mut seen = String::new();
        node.read_to_string(&mut seen).expect("it reads");
        writer.join().expect("it ends");
        let line = format!("\n[lineaprint: {lost} bytes of output are missing here]\n");
        assert!(seen.ends_with(&line), "{}", &seen[seen.len() - 100..]);
        let kept = (seen.len() - line.len()) as u64;
        assert_eq!(kept + lost, 200 * part.len() as u64);
    }

    #[test]
    fn without_a_node_nothing_waits() {
        let (node, copy) = copy();
        drop(node);
        let part = vec![b'a'; 64 << 10];
        for _ in 0..200 {
            copy.push(&part);
        }
        let (_, writer) = copy.end();
        writer.join().expect("it ends");
    }
}
