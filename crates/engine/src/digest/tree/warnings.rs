//! What is worth saying about a folder though it does not change its digest.

use super::walk::{Node, Walk};
use super::{Warning, WarningKind, join_bytes, path_from_bytes};
use crate::io::folder::{Entry, Kind};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use unicode_normalization::UnicodeNormalization as _;

impl Walk<'_> {
    /// Adds the warnings about the entries of one folder.
    pub fn add_warnings(
        &self,
        relative: &[u8],
        entries: &[Entry],
        nodes: &[Node],
        warnings: &mut Vec<Warning>,
    ) {
        let counting = || {
            entries
                .iter()
                .zip(nodes)
                .filter(|(_, node)| !matches!(node, Node::Empty(_) | Node::Nothing))
        };
        let mut warn = |kind, name: &OsString| {
            let path = join_bytes(relative, name.as_encoded_bytes());
            warnings.push(Warning { kind, path });
        };
        let mut folded: HashMap<String, &OsString> = HashMap::new();
        for (entry, node) in counting() {
            match entry.name.to_str() {
                None => warn(WarningKind::NameNotUnicode, &entry.name),
                Some(name) => {
                    if let Some(first) = folded.insert(fold(name), &entry.name) {
                        warn(WarningKind::NamesCollide, first);
                        warn(WarningKind::NamesCollide, &entry.name);
                    }
                }
            }
            if entry.kind == Kind::Link
                && !matches!(node, Node::Link(_))
                && self.leaves_root(relative, &entry.name)
            {
                warn(WarningKind::LinkLeavesRoot, &entry.name);
            }
        }
    }

    fn leaves_root(&self, relative: &[u8], name: &OsStr) -> bool {
        // The link was followed a moment ago; if it cannot be resolved any more there is nothing to report.
        let path = self.real_root.join(path_from_bytes(relative)).join(name);
        path.canonicalize()
            .is_ok_and(|real| !real.starts_with(&self.real_root))
    }
}

/// What a name becomes on a file system that ignores case and normalises: equal results would be one file.
fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}
