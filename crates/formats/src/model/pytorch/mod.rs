//! PyTorch: `.pt`, `.pth`, `.bin`, `.ckpt`.
//!
//! A checkpoint is a pickle and the storages beside it. There are three containers, found from the content:
//! - a zip with `data.pkl` and `data/<key>` (since 1.6), which TorchScript uses too ([`zipped`]);
//! - pickles one after the other, then the storages (since 0.1.6) ([`stacked`]);
//! - a tar of `pickle`, `tensors` and `storages` (before) ([`tarred`]).
//!
//! Nothing in the pickle is executed ([`pickle`]). Which parts of it are tensors is in [`tensor`], their names in
//! [`names`], and how views become elements in C order in [`gather`]. Source: `torch/serialization.py`,
//! `torch/_utils.py` and `torch/csrc/jit/serialization` of PyTorch 2.15.

mod assemble;
mod budget;
mod element;
mod gather;
mod names;
mod pickle;
mod stacked;
mod storage;
mod tarred;
mod tensor;
mod zipped;

use crate::archive::zip;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use crate::model::listing::{Listing, NotRead};
use budget::Budget;
use pickle::Pickle;
use storage::Storages;

pub use zipped::root;

/// Bytes at the start of a file that its container is found from.
pub const HEAD: u64 = 4096;

/// The content of a container, before names and views are looked at.
struct Contents {
    pickle: Pickle,
    storages: Storages,
    /// Globals that other pickles of the file name.
    globals: Vec<String>,
    not_read: Vec<NotRead>,
    /// Names of tensors that are not read.
    missing: Vec<String>,
    remarks: Vec<String>,
}

/// Tell whether a file that starts with `head` (its first [`HEAD`] bytes) is a checkpoint that is no zip. For a zip, see
/// [`root`].
pub fn recognise(head: &[u8]) -> bool {
    stacked::recognise(head) || tarred::recognise(head)
}

/// Read a checkpoint: its tensors, and where their elements lie.
///
/// The memory in use is at most 64 MiB and four times the length of the file. Tensors may take more, 2 KiB each, up to
/// sixteen times the length: a file can be little longer than the names of its tensors.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let head = read_checked(input, 0, HEAD.min(input.length()), "the file")?;
    let mut budget = Budget::of(input.length());
    let contents = if zip::recognise(&head) {
        zipped::read(input, &mut budget)?
    } else if stacked::recognise(&head) {
        stacked::read(input, &mut budget)?
    } else if tarred::recognise(&head) {
        tarred::read(input, &mut budget)?
    } else {
        return Err(FormatError::new("it is no checkpoint of PyTorch").with_expected(
            "a zip, a tar, or a pickle of PyTorch's magic number",
            format!("b\"{}\"", head[..head.len().min(16)].escape_ascii()),
        ));
    };
    assemble::listing(contents, input.length(), &mut budget)
}
