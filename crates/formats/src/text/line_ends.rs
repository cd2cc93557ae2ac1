//! The ends of the lines of a file: a line feed alone, or a carriage return before it.

/// Numbers of the lines of a file that end in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineEnds {
    /// Lines that end with a line feed alone.
    pub without_return: u64,
    /// Lines that end with a carriage return and a line feed.
    pub with_return: u64,
}

impl LineEnds {
    /// Count a line.
    pub const fn add(&mut self, has_return: bool) {
        if has_return {
            self.with_return += 1;
        } else {
            self.without_return += 1;
        }
    }

    /// Count the lines of another part of the file.
    pub const fn extend(&mut self, other: Self) {
        self.without_return += other.without_return;
        self.with_return += other.with_return;
    }

    /// Return whether the file has lines of both kinds.
    pub const fn are_mixed(self) -> bool {
        self.without_return > 0 && self.with_return > 0
    }
}

/// A file that has lines of both kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixedLineEnds {
    /// Its index among the files of a table or sequence.
    pub part: usize,
    /// Its lines.
    pub lines: LineEnds,
}

impl MixedLineEnds {
    /// Return what is to be said of a file; nothing if its lines end in one way.
    pub fn of(part: usize, lines: LineEnds) -> Option<Self> {
        lines.are_mixed().then_some(Self { part, lines })
    }
}
