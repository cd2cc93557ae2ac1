//! The one error of the engine: a stable code, and what it is about as fields.

use lineaprint_formats::FormatError;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The kind of a failure. The binding turns it into a code that users branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Nothing has that path.
    NotFound,
    /// The system refused to open or read it.
    Unreadable,
    /// It is not a regular file (or not a folder, where one is needed).
    NotRegular,
    /// It changed while it was read, twice in a row.
    Changed,
    /// Its content breaks the rules of its format.
    Format,
    /// A symbolic link that leads nowhere, into itself, or that the caller refuses.
    Link,
    /// A range or part does not fit the file.
    Range,
    /// The folder for temporary files, or the file that is written, has no space left.
    Space,
    /// It is known but not supported.
    Unsupported,
    /// Create the error of a cancelled job.
    Cancelled,
    /// A bug of lineaprint.
    Internal,
}

/// A failure, about one path where there is one. Boxed, so that the happy path does not carry its size.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

/// The details of a failure.
#[derive(Clone, Debug)]
pub struct Details {
    /// Kind of the error.
    pub code: Code,
    /// One plain sentence without the path.
    pub message: String,
    /// Path, field or column that the error concerns.
    pub path: Option<PathBuf>,
    /// The tensor it is about.
    pub tensor: Option<String>,
    /// The index of the file it is about, until its path is known.
    pub part: Option<usize>,
    /// Expected content or state.
    pub expected: Option<String>,
    /// Received content or state.
    pub received: Option<String>,
    /// The number of the operating system's error.
    pub os_error: Option<i32>,
}

impl Deref for Error {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

/// The result of the engine's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Create an error from a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            message: message.into(),
            path: None,
            tensor: None,
            part: None,
            expected: None,
            received: None,
            os_error: None,
        }))
    }

    /// Return all details, to pass them across a boundary.
    pub fn into_details(self) -> Details {
        *self.0
    }

    /// Create the error of a cancelled job.
    pub fn cancelled() -> Self {
        Self::new(Code::Cancelled, "the work was cancelled")
    }

    /// Create an error from an error of the operating system in the operation `what` (a verb: "open", "read").
    pub fn io(what: &str, path: &Path, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        let (code, message) = match error.kind() {
            io::ErrorKind::NotFound => (Code::NotFound, "there is no such file or folder".to_owned()),
            _ => (
                Code::Unreadable,
                format!("cannot {what} it: {}", system_message(&error)),
            ),
        };
        let mut failure = Self::new(code, message).at(path);
        failure.0.os_error = error.raw_os_error();
        failure
    }

    /// Create the error of a file that breaks the rules of its format.
    pub fn format(path: &Path, error: FormatError) -> Self {
        Self::from(error).at(path)
    }

    /// Set the path.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.0.path = Some(path.to_owned());
        self
    }

    /// Set the tensor.
    #[must_use]
    pub fn of_tensor(mut self, name: &str) -> Self {
        self.0.tensor = Some(name.to_owned());
        self
    }

    /// Set the index of the file among those of a table.
    #[must_use]
    pub fn in_part(mut self, index: usize) -> Self {
        self.0.part = Some(index);
        self
    }

    /// Set the expected and the received value.
    #[must_use]
    pub fn with_expected(mut self, expected: impl fmt::Display, received: impl fmt::Display) -> Self {
        self.0.expected = Some(expected.to_string());
        self.0.received = Some(received.to_string());
        self
    }
}

/// Return whether a file could not be written because there is no space for it.
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// Return the message of the system, without the "(os error 13)" that Rust appends: the number is a field of its own.
fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(formatter, "{}: ", path.display())?;
        }
        if let Some(tensor) = &self.tensor {
            write!(formatter, "tensor {tensor:?}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// The error of a reader of a format, without a path.
impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        let code = if error.is_internal {
            Code::Internal
        } else if error.unsupported {
            Code::Unsupported
        } else {
            Code::Format
        };
        let mut failure = Self::new(code, error.message);
        failure.0.tensor = error.tensor;
        failure.0.part = error.part;
        failure.0.expected = error.expected;
        failure.0.received = error.received;
        failure
    }
}
