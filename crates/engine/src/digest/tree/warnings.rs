//! Warnings about a folder that do not change its digest.

use super::walk::Node;
use super::{Content, Warning, WarningKind, join_bytes, path_from_bytes};
use crate::io::folder::{Entry, Kind};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use unicode_normalization::UnicodeNormalization as _;

/// Return the warnings about the entries of one folder. `real_root` is the root without links.
pub(super) fn of_folder(
    relative: &[u8],
    entries: &[Entry],
    nodes: &[Node],
    real_root: &Path,
) -> Vec<Warning> {
    let counting = entries
        .iter()
        .zip(nodes)
        .filter(|(_, node)| !matches!(node, Node::Empty(_) | Node::Pending));
    let mut warnings = Vec::new();
    let mut warn = |kind, name: &OsString| {
        let path = join_bytes(relative, name.as_encoded_bytes());
        warnings.push(Warning { kind, path });
    };
    let mut folded: HashMap<String, &OsString> = HashMap::new();
    for (entry, node) in counting {
        match entry.name.to_str() {
            None => warn(WarningKind::NameNotUnicode, &entry.name),
            Some(name) => {
                if let Some(first) = folded.insert(fold(name), &entry.name) {
                    warn(WarningKind::NamesCollide, first);
                    warn(WarningKind::NamesCollide, &entry.name);
                }
            }
        }
        let followed = entry.kind == Kind::Link && !matches!(node, Node::Leaf(Content::Link(_)));
        if followed && leaves_root(relative, &entry.name, real_root) {
            warn(WarningKind::LinkLeavesRoot, &entry.name);
        }
    }
    warnings
}

fn leaves_root(relative: &[u8], name: &OsStr, real_root: &Path) -> bool {
    // The walk has followed this link. If it cannot be resolved now, there is nothing to report.
    let path = real_root.join(path_from_bytes(relative)).join(name);
    path.canonicalize().is_ok_and(|real| !real.starts_with(real_root))
}

/// Return the form of a name on a file system that ignores case and normalises: names with equal forms collide there.
pub(in crate::digest) fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}
