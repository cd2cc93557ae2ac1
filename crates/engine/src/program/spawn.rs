//! `posix_spawn`.
#![allow(unsafe_code, reason = "it has no safe interface")]

use std::ffi::{CStr, CString, c_char, c_int, c_short};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr;

/// `posix_spawn_file_actions_addchdir_np`, which glibc has since 2.29 and musl since 1.1.24.
type AddChdir = unsafe extern "C" fn(*mut libc::posix_spawn_file_actions_t, *const c_char) -> c_int;

/// Starts the program at `path` in a session of its own, in `directory`, with no input and with `outputs` as its
/// standard output and standard error.
pub fn spawn(
    path: &CStr,
    arguments: &[CString],
    environment: &[CString],
    directory: &CStr,
    outputs: [RawFd; 2],
) -> io::Result<libc::pid_t> {
    if outputs.iter().any(|descriptor| *descriptor <= 2) {
        // One of them would be closed by the other's taking its place.
        return Err(io::ErrorKind::Unsupported.into());
    }
    let mut actions = Actions::new()?;
    actions.change_directory(directory)?;
    actions.open_nothing_as_input()?;
    actions.set_output(outputs[0], 1)?;
    actions.set_output(outputs[1], 2)?;
    let mut attributes = Attributes::new()?;
    attributes.lead_session_with_default_signals()?;
    let arguments = pointers(arguments);
    let environment = pointers(environment);
    let mut pid = 0;
    // SAFETY: the path ends with NUL; both lists end with a null pointer, and what they point to ends with NUL and
    // outlives the call, as do the actions and the attributes, which were initialised.
    answer(unsafe {
        libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    })?;
    Ok(pid)
}

/// What the child does before it becomes the program.
struct Actions(libc::posix_spawn_file_actions_t);

impl Actions {
    fn new() -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: the call initialises what it is given, if it says that it did.
        answer(unsafe { libc::posix_spawn_file_actions_init(actions.as_mut_ptr()) })?;
        // SAFETY: as said.
        Ok(Self(unsafe { actions.assume_init() }))
    }

    fn change_directory(&mut self, directory: &CStr) -> io::Result<()> {
        // Looked up when it is needed: an addon that names a function which an older library lacks cannot be loaded.
        // SAFETY: the name ends with NUL; nothing else is touched.
        let found = unsafe {
            libc::dlsym(
                libc::RTLD_DEFAULT,
                c"posix_spawn_file_actions_addchdir_np".as_ptr(),
            )
        };
        if found.is_null() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        // SAFETY: a function of this name has this type in every C library that has it.
        let add = unsafe { std::mem::transmute::<*mut libc::c_void, AddChdir>(found) };
        // SAFETY: the actions are initialised; the path ends with NUL and is copied.
        answer(unsafe { add(&raw mut self.0, directory.as_ptr()) })
    }

    fn open_nothing_as_input(&mut self) -> io::Result<()> {
        let (path, flags) = (c"/dev/null".as_ptr(), libc::O_RDONLY);
        // SAFETY: the actions are initialised; the path ends with NUL and is copied.
        answer(unsafe { libc::posix_spawn_file_actions_addopen(&raw mut self.0, 0, path, flags, 0) })
    }

    fn set_output(&mut self, descriptor: RawFd, place: c_int) -> io::Result<()> {
        // SAFETY: the actions are initialised; descriptors are numbers.
        answer(unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, descriptor, place) })
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: they are initialised and not used any more.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

/// What the child is.
struct Attributes(libc::posix_spawnattr_t);

impl Attributes {
    fn new() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: the call initialises what it is given, if it says that it did.
        answer(unsafe { libc::posix_spawnattr_init(attributes.as_mut_ptr()) })?;
        // SAFETY: as said.
        Ok(Self(unsafe { attributes.assume_init() }))
    }

    /// Node ignores SIGPIPE, and a program that inherits that goes on writing to nobody.
    fn lead_session_with_default_signals(&mut self) -> io::Result<()> {
        let mut all = MaybeUninit::uninit();
        let mut none = MaybeUninit::uninit();
        // SAFETY: both calls initialise what they are given, and cannot fail; the attributes are initialised.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::sigemptyset(none.as_mut_ptr());
            answer(libc::posix_spawnattr_setsigdefault(&raw mut self.0, all.as_ptr()))?;
            answer(libc::posix_spawnattr_setsigmask(&raw mut self.0, none.as_ptr()))?;
        }
        let signals = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
        let flags = c_int::from(libc::POSIX_SPAWN_SETSID) | signals;
        let flags = c_short::try_from(flags).map_err(|_| io::ErrorKind::Unsupported)?;
        // SAFETY: the attributes are initialised. A library that does not know a flag says so.
        answer(unsafe { libc::posix_spawnattr_setflags(&raw mut self.0, flags) })
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: they are initialised and not used any more.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

fn pointers(texts: &[CString]) -> Vec<*mut c_char> {
    let pointers = texts.iter().map(|text| text.as_ptr().cast_mut());
    pointers.chain(std::iter::once(ptr::null_mut())).collect()
}

/// These functions return the number of an error and leave `errno` alone.
fn answer(code: c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}
