//! A fault of a file, as fields that a caller can show or branch on.

use std::fmt;

/// The reason why a file was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatError {
    /// One plain sentence without the path, which the caller knows.
    pub message: String,
    /// The tensor it is about, if it is about one.
    pub tensor: Option<String>,
    /// The index of the file it is about, if a table consists of several.
    pub part: Option<usize>,
    /// Content that the format demands.
    pub expected: Option<String>,
    /// Content of the file.
    pub received: Option<String>,
    /// True if the file is sound, and holds something that is known and not read.
    pub unsupported: bool,
    /// True if the fault is a bug of lineaprint, and not in the file.
    pub is_internal: bool,
}

impl FormatError {
    /// Create an error about the file as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// Create an error about something that is known and not supported.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            unsupported: true,
            ..Self::default()
        }
    }

    /// Create an error about a bug of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_internal: true,
            ..Self::default()
        }
    }

    /// Set the tensor.
    #[must_use]
    pub fn tensor(mut self, name: &str) -> Self {
        self.tensor = Some(name.to_owned());
        self
    }

    /// Set the index of the file among those of a table.
    #[must_use]
    pub fn in_part(mut self, index: usize) -> Self {
        self.part = Some(index);
        self
    }

    /// Set the expected and the received value.
    #[must_use]
    pub fn with_expected(mut self, expected: impl fmt::Display, received: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self.received = Some(received.to_string());
        self
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tensor) = &self.tensor {
            write!(formatter, "tensor {tensor:?}: ")?;
        }
        formatter.write_str(&self.message)?;
        if let (Some(expected), Some(received)) = (&self.expected, &self.received) {
            write!(formatter, " (expected {expected}, received {received})")?;
        }
        Ok(())
    }
}

impl std::error::Error for FormatError {}
