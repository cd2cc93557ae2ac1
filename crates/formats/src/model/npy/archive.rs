//! `.npz`: a zip of `.npy` files, as `numpy.savez` and `numpy.savez_compressed` write it.
//!
//! A tensor has the name of its member without `.npy`. Members that are not numbers (text, Python objects, structures)
//! and members of other names are listed and are no tensors.

use super::gather::Fortran;
use super::header::Header;
use super::{Array, MAGIC, header_end, layout, read_array, read_header};
use crate::archive::zip::{Archive, Member};
use crate::error::FormatError;
use crate::input::Input;
use crate::model::listing::{Checked, Decode, Elements, Listing, NotRead};
use crate::model::pieces::swap;
use bytes::Bytes;
use std::sync::Arc;

/// End of the name of a member.
const SUFFIX: &str = ".npy";

/// Bytes of a compressed array in Fortran order that are held in memory, where four times the file is less.
const HELD: u64 = 64 << 20;

/// Tell whether an archive with members of these names is one of arrays.
pub fn recognise<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| name.ends_with(SUFFIX))
}

/// Read the arrays of an archive.
pub fn read(input: &dyn Input) -> Result<Listing, FormatError> {
    let archive = Archive::read(input)?;
    let mut listing = Listing::default();
    for member in archive.members() {
        let Some(name) = member.name.strip_suffix(SUFFIX) else {
            listing.not_read.push(NotRead {
                name: member.name.clone(),
                reason: "it is no array: its name does not end in .npy".to_owned(),
            });
            continue;
        };
        let array = match member.span() {
            Some((start, _)) => read_array(input, start, member.length),
            None => read_deflated(input, member),
        };
        match array {
            Ok(array) => {
                listing.tensors.push(array.named(name.to_owned()));
                // NumPy refuses an array whose checksum does not fit.
                listing.checked.extend(Checked::of(member, true));
            }
            Err(error) if error.unsupported => listing.not_read.push(NotRead {
                name: name.to_owned(),
                reason: error.to_string(),
            }),
            Err(error) => return Err(error.tensor(name)),
        }
    }
    Ok(listing)
}

/// Read the header of a compressed array.
fn read_deflated(input: &dyn Input, member: &Member) -> Result<Array, FormatError> {
    let start = first_bytes(input, member)?;
    let (header, data) = read_header(&start, 0, member.length)?;
    let bytes = layout(&header, member.length - data)?;
    if header.is_fortran() {
        let most = HELD.max(input.length().saturating_mul(4));
        if bytes > most {
            return Err(FormatError::unsupported(
                "it is compressed and in Fortran order, and too large to be held in memory",
            )
            .with_expected(format!("at most {most} bytes"), format!("{bytes} bytes")));
        }
    }
    Ok(Array {
        dtype: header.dtype,
        shape: header.shape.clone(),
        elements: Elements::Decoded(Arc::new(Deflated {
            member: member.clone(),
            header,
            data,
            bytes,
        })),
    })
}

/// Return the bytes of a member up to the end of its header, or more.
fn first_bytes(input: &dyn Input, member: &Member) -> Result<Bytes, FormatError> {
    let mut start = Vec::new();
    let mut has_all = false;
    let outcome = member.stream(input, &mut |piece| {
        start.extend_from_slice(piece);
        has_all = start.len() >= MAGIC.len() + 6 && start.len() as u64 >= header_end(&start);
        if has_all {
            return Err(FormatError::internal("enough was read"));
        }
        Ok(())
    });
    if !has_all {
        outcome?;
    }
    Ok(Bytes::from(start))
}

/// A compressed array.
#[derive(Debug)]
struct Deflated {
    member: Member,
    header: Header,
    /// Its first element, counted from the start of the decompressed member.
    data: u64,
    /// Bytes of its elements.
    bytes: u64,
}

impl Decode for Deflated {
    fn length(&self) -> u64 {
        self.bytes
    }

    fn decode(
        &self,
        input: &dyn Input,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        if self.header.is_fortran() {
            let whole = self.member.bytes(input, self.member.length)?;
            return Fortran::new(&self.header, self.data).decode(&whole, emit);
        }
        let width = if self.header.swap { self.header.width } else { 1 };
        let mut skip = usize::try_from(self.data).unwrap_or(usize::MAX);
        // Bytes of a number that the next piece completes.
        let mut rest: Vec<u8> = Vec::new();
        self.member.stream(input, &mut |piece| {
            let own = &piece[skip.min(piece.len())..];
            skip -= piece.len() - own.len();
            if width == 1 {
                return emit(own);
            }
            rest.extend_from_slice(own);
            let whole = rest.len() - rest.len() % width;
            swap(&mut rest[..whole], width);
            emit(&rest[..whole])?;
            rest.drain(..whole);
            Ok(())
        })
    }
}
