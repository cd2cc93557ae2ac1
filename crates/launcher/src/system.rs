//! Signals, `fork` and `exec`: the calls for which there is no safe function.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// Largest number of a signal, and one.
pub const SIGNALS: usize = 65;

/// Signals that are not caught: two cannot be, three are ignored, and the others mean a fault of this program.
const UNCAUGHT: [i32; 10] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGPIPE,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
];

/// The number of times that each signal was received.
static COUNTS: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];

/// The number of times that this process sent each signal to Node.
static OWN: [AtomicU32; SIGNALS] = [const { AtomicU32::new(0) }; SIGNALS];

/// The descriptor that wakes the main thread.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// A set of signals: signal N is bit N - 1, as in `/proc/self/status`.
pub type SignalSet = u64;

extern "C" fn count(signal: i32) {
    // What is interrupted may be about to read `errno`.
    let before = io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if let Some(counter) = usize::try_from(signal).ok().and_then(|at| COUNTS.get(at)) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
    wake();
    set_errno(before);
}

/// Wake the main thread.
pub fn wake() {
    let descriptor = WAKE.load(Ordering::SeqCst);
    // SAFETY: one byte of a constant; `write` may be called in a handler. A full pipe wakes as well.
    unsafe { libc::write(descriptor, b"x".as_ptr().cast(), 1) };
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn set_errno(value: i32) {
    // SAFETY: the address is that of this thread's own variable.
    unsafe { *libc::__errno_location() = value };
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn set_errno(value: i32) {
    // SAFETY: the address is that of this thread's own variable.
    unsafe { *libc::__error() = value };
}

/// Count every signal that can be caught from now on, and wake through this pipe, which must not block.
pub fn count_signals(pipe: &OwnedFd) {
    WAKE.store(pipe.as_raw_fd(), Ordering::SeqCst);
    for signal in signals() {
        if !UNCAUGHT.contains(&signal) {
            set_handler(signal, count as extern "C" fn(i32) as libc::sighandler_t);
        }
    }
    // With the other two ignored, a terminal answers a process in the background, and does not stop it.
    for signal in [libc::SIGPIPE, libc::SIGTTIN, libc::SIGTTOU] {
        set_handler(signal, libc::SIG_IGN);
    }
}

/// Return how often a signal was received.
pub fn received(signal: usize) -> u32 {
    COUNTS
        .get(signal)
        .map_or(0, |counter| counter.load(Ordering::SeqCst))
}

/// Count a signal that this process is about to send to Node, so that Node does not pass it on.
pub fn count_own(signal: i32) {
    if let Some(counter) = usize::try_from(signal).ok().and_then(|at| OWN.get(at)) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// Return how often this process sent a signal itself.
pub fn sent(signal: usize) -> u32 {
    OWN.get(signal)
        .map_or(0, |counter| counter.load(Ordering::SeqCst))
}

fn signals() -> impl Iterator<Item = i32> {
    1..i32::try_from(SIGNALS).unwrap_or(i32::MAX)
}

fn set_handler(signal: i32, handler: libc::sighandler_t) {
    // SAFETY: all zeros is a valid `sigaction`; the handler is one of the two constants, or calls only what may be
    // called in a handler. A number that is no signal, or one of the C library's own, is refused and stays as it is.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &raw const action, std::ptr::null_mut());
    }
}

/// Ignore these signals, and reset all others.
pub fn set_ignored(ignored: SignalSet) {
    for signal in signals() {
        let handler = if has(ignored, signal) {
            libc::SIG_IGN
        } else {
            libc::SIG_DFL
        };
        set_handler(signal, handler);
    }
}

fn has(set: SignalSet, signal: i32) -> bool {
    set >> (signal - 1) & 1 == 1
}

/// Block exactly these signals in this thread.
pub fn set_blocked(blocked: SignalSet) {
    // SAFETY: the set is made by `sigemptyset`, and lives until the call returns.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals().filter(|signal| has(blocked, *signal)) {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// One side of a fork.
pub enum Fork {
    Child,
    Parent(i32),
}

/// Fork. The caller has started no thread yet, so the child may do what it wants.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: there is one thread, so no lock can be held by another.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// End this process without anything that the other side of a fork would do as well.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: it does not return, and calls no handler.
    unsafe { libc::_exit(code) }
}

/// Become a program, as `execvp` does: a name is searched in `PATH` of the new environment. It returns only an error.
pub fn execute(arguments: &[CString], environment: &[CString]) -> io::Error {
    let Some(program) = arguments.first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    let arguments = pointers(arguments);
    let variables = pointers(environment);
    // SAFETY: both lists end with a null pointer, and what they point to lives until the call returns. There is one
    // thread, so nobody reads the environment while it is replaced.
    unsafe {
        set_environment(variables.as_ptr());
        libc::execvp(program.as_ptr(), arguments.as_ptr());
    }
    io::Error::last_os_error()
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    let texts = texts.iter().map(|text| CStr::as_ptr(text));
    texts.chain([std::ptr::null()]).collect()
}

#[cfg(not(target_vendor = "apple"))]
unsafe fn set_environment(variables: *const *const libc::c_char) {
    unsafe extern "C" {
        static mut environ: *const *const libc::c_char;
    }
    // SAFETY: the caller answers for the list and for the one thread.
    unsafe { environ = variables };
}

#[cfg(target_vendor = "apple")]
unsafe fn set_environment(variables: *const *const libc::c_char) {
    // SAFETY: the caller answers for the list and for the one thread.
    unsafe { *libc::_NSGetEnviron() = variables.cast_mut().cast() };
}

/// Take a descriptor that this process was started with. Each may be taken once.
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: the call only reads a flag of the descriptor, if there is one.
    let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
    // SAFETY: it is open, and the caller takes each number once, so it has one owner.
    is_open.then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

/// Return whether two descriptors are one open file, with one offset and one set of flags; `None` if the system does
/// not tell.
#[cfg(target_os = "linux")]
pub fn is_one_file(first: RawFd, second: RawFd) -> Option<bool> {
    /// The kind of the comparison.
    const KCMP_FILE: libc::c_int = 0;
    /// Since Linux 6.10. Containers that forbid `kcmp` allow it.
    const F_DUPFD_QUERY: libc::c_int = 1027;
    let [index, other_index] = [first, second].map(libc::c_long::from);
    // SAFETY: the calls only compare descriptors, and refuse numbers that are not open.
    unsafe {
        let pid = libc::getpid();
        match libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, index, other_index) {
            0 => return Some(true),
            1..=3 => return Some(false),
            _ => {}
        }
        match libc::fcntl(first, F_DUPFD_QUERY, second) {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// Elsewhere no call tells it.
#[cfg(not(target_os = "linux"))]
pub fn is_one_file(_first: RawFd, _second: RawFd) -> Option<bool> {
    None
}

/// Put a descriptor at a number, where the next program finds it.
pub fn put_at(descriptor: RawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: the child calls this between fork and exec; what was at the number is not used by it any more.
    if unsafe { libc::dup2(descriptor, number) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Close a number, whatever it is.
pub fn close(number: RawFd) {
    // SAFETY: either the child calls this between fork and exec, and uses what was there no more; or it is a number that
    // this program was started with and took no ownership of.
    unsafe { libc::close(number) };
}

/// Close a number, if the next program would inherit it. What this program opened itself stays.
pub fn close_if_inheritable(number: RawFd) {
    // SAFETY: the call only reads a flag of the descriptor, if there is one.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } == 0 {
        close(number);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn one_file_differs_from_another_of_the_same_name() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let same = file.as_file().try_clone().expect("a descriptor");
        let other = file.reopen().expect("it opens");
        let answer = |other: &std::fs::File| is_one_file(file.as_file().as_raw_fd(), other.as_raw_fd());
        // A system may tell neither, but never the wrong one.
        assert_ne!(answer(&same), Some(false));
        assert_ne!(answer(&other), Some(true));
        assert_eq!(answer(&same).is_some(), answer(&other).is_some());
        assert_eq!(is_one_file(file.as_file().as_raw_fd(), -1), None);
    }
}
