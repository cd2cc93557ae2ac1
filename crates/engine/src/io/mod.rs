//! Files, folders and buffers.
//!
//! - [`source`]: open a regular file, read it at positions, and prove that it did not change meanwhile.
//! - [`folder`]: open folders, and list and open what is in them.
//! - [`small_files`]: read small files with one call each into one buffer.
//! - [`input`]: a file as the readers of formats ask for it.
//! - [`buffer`]: buffers that start at a cache line.

pub mod buffer;
pub mod folder;
pub mod input;
pub mod small_files;
pub mod source;
