//! Exclusions from a folder: patterns that the caller gives, and those in files of the folder.

use super::path_from_bytes;
use crate::error::{Code, Error, Result};
use crate::io::folder::{Entry, Folder, Kind};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::Path;

/// The name of files with patterns, each for the folder that it is in.
pub const IGNORE_FILE: &str = ".lineaprintignore";

/// A file of patterns is written by hand. What is longer is something else.
const LIMIT: u64 = 1 << 20;

/// The patterns in force in one folder, all relative to the root.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// From the files of the folder and of those above it.
    lines: Vec<String>,
    /// Number of patterns that come from the folders above.
    outer: usize,
    matcher: Option<Gitignore>,
}

impl Scope {
    /// Create the scope of the root, with the patterns of the caller alone.
    pub fn of_caller(root: &Path, patterns: &[String]) -> Result<Self> {
        Ok(Self {
            matcher: build(root, patterns.iter())?,
            ..Self::default()
        })
    }

    /// Return the patterns in force in `folder`, whose own file decides over those above and the caller's patterns
    /// over all; `None` if its file has no patterns.
    pub fn enter(&self, folder: &Folder, relative: &[u8], patterns: &[String]) -> Result<Option<Self>> {
        let own = read(folder, relative)?;
        if own.is_empty() {
            return Ok(None);
        }
        let outer = self.lines.len();
        let lines = [self.lines.as_slice(), &own].concat();
        let path = folder.path().join(IGNORE_FILE);
        let matcher = build(&path, lines.iter().chain(patterns))?;
        Ok(Some(Self {
            lines,
            outer,
            matcher,
        }))
    }

    /// Return the patterns of the ignore file of this folder.
    pub fn own(&self) -> &[String] {
        &self.lines[self.outer..]
    }

    /// Return whether an entry is left out.
    pub fn ignores(&self, entry: &Entry, path: &[u8]) -> bool {
        self.matcher.as_ref().is_some_and(|matcher| {
            // The pattern language is about text; a name that is not is matched by its closest text.
            let path = String::from_utf8_lossy(path);
            matcher
                .matched(Path::new(path.as_ref()), entry.kind == Kind::Folder)
                .is_ignore()
        })
    }
}

fn build<'a>(origin: &Path, patterns: impl Iterator<Item = &'a String>) -> Result<Option<Gitignore>> {
    let mut patterns = patterns.peekable();
    if patterns.peek().is_none() {
        return Ok(None);
    }
    // Paths are matched relative to the root, so the matcher's own root is empty.
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .map_err(|error| Error::new(Code::Format, format!("bad ignore pattern: {error}")).at(origin))?;
    }
    builder
        .build()
        .map(Some)
        .map_err(|error| Error::new(Code::Format, format!("bad ignore patterns: {error}")).at(origin))
}

/// Return the patterns of the file in `folder`, made relative to the root.
fn read(folder: &Folder, relative: &[u8]) -> Result<Vec<String>> {
    let source = folder.open_file(IGNORE_FILE.as_ref(), true)?;
    let text = if source.size() <= LIMIT {
        String::from_utf8(source.read_small()?).ok()
    } else {
        None
    };
    let Some(text) = text else {
        let message = "not a file of ignore patterns";
        let expected = format!("UTF-8 of at most {LIMIT} bytes");
        let received = format!("{} bytes", source.size());
        return Err(Error::new(Code::Format, message)
            .with_expected(expected, received)
            .at(source.path()));
    };
    let folder = path_from_bytes(relative);
    let folder = folder.to_string_lossy();
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.split('\n').filter_map(|line| below(&folder, line)).collect())
}

/// Convert a line of an ignore file in `folder` to a pattern relative to the root; `None` for a comment.
fn below(folder: &str, line: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let line = line.strip_suffix('\r').unwrap_or(line);
    let line = if line.ends_with("\\ ") {
        line
    } else {
        line.trim_end()
    };
    let (not, pattern) = line.strip_prefix('!').map_or(("", line), |rest| ("!", rest));
    if pattern.trim_matches('/').is_empty() {
        return None;
    }
    if folder.is_empty() {
        return Some(line.to_owned());
    }
    // With a slash before its end a pattern is about paths from its folder, without one about names at any depth.
    let inner = pattern.strip_suffix('/').unwrap_or(pattern);
    let (deep, pattern) = if inner.contains('/') {
        ("", pattern.strip_prefix('/').unwrap_or(pattern))
    } else {
        ("**/", pattern)
    };
    Some(format!("{not}/{}/{deep}{pattern}", literal(folder)))
}

/// Escape a path to a pattern that matches only this path.
fn literal(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for character in path.chars() {
        if "\\[]{}*?".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn lines_become_patterns_relative_to_the_root() {
        let cases = [
            ("*.log", Some("/a/b/**/*.log")),
            ("/x", Some("/a/b/x")),
            ("x/y", Some("/a/b/x/y")),
            ("x/", Some("/a/b/**/x/")),
            ("/x/", Some("/a/b/x/")),
            ("!keep  ", Some("!/a/b/**/keep")),
            ("!/keep\r", Some("!/a/b/keep")),
            ("\\#x", Some("/a/b/**/\\#x")),
            ("x\\ ", Some("/a/b/**/x\\ ")),
            ("**/x", Some("/a/b/**/x")),
            ("# x", None),
            ("", None),
            ("   ", None),
            ("/", None),
            ("!", None),
        ];
        for (line, expected) in cases {
            assert_eq!(below("a/b", line).as_deref(), expected, "{line:?}");
        }
        assert_eq!(below("", "!*.log ").as_deref(), Some("!*.log"));
        assert_eq!(below("a*[b]", "x").as_deref(), Some("/a\\*\\[b\\]/**/x"));
    }
}
