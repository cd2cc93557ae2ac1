//! Models that are divided into several GGUF files.

use crate::error::FormatError;

/// The most files of one model.
const MOST_FILES: u32 = 10_000;

/// The files of a model, of which one was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Place of the file in `files`.
    pub index: usize,
    /// The names of all files, in order.
    pub files: Vec<String>,
    /// Number of tensors in all files together, if the file states it.
    pub tensors: Option<u64>,
}

/// Return the files that belong to the model of the file `name`, by its metadata (`split.no`, `split.count`,
/// `split.tensors.count`) and its name (`…-00001-of-00003.gguf`). `None` if the file is a model of its own.
///
/// Both must agree. The metadata of the whole model are those of the first file.
pub fn split(name: &str, metadata: &[(String, String)]) -> Result<Option<Split>, FormatError> {
    let number = |key: &str| -> Result<Option<u64>, FormatError> {
        let Some((_, value)) = metadata.iter().find(|(other, _)| other == key) else {
            return Ok(None);
        };
        let number = value.parse().map_err(|_| {
            FormatError::new(format!("{key} is not a number")).with_expected("a number of at least 0", value)
        })?;
        Ok(Some(number))
    };
    let (part, count) = match (number("split.no")?, number("split.count")?) {
        (_, None | Some(0 | 1)) => return Ok(None),
        (None, Some(_)) => return Err(FormatError::new("the file states split.count and not split.no")),
        (Some(part), Some(count)) => (part, count),
    };
    let count = u32::try_from(count)
        .ok()
        .filter(|count| *count <= MOST_FILES)
        .ok_or_else(|| {
            FormatError::new("split.count is too large").with_expected(format!("at most {MOST_FILES}"), count)
        })?;
    let index = usize::try_from(part).ok().filter(|_| part < u64::from(count));
    let index = index.ok_or_else(|| {
        FormatError::new("split.no is not below split.count").with_expected(format!("below {count}"), part)
    })?;
    let suffix = |number: usize| format!("-{:05}-of-{count:05}.gguf", number + 1);
    let Some(stem) = name.strip_suffix(&suffix(index)) else {
        return Err(FormatError::new(
            "the name of the file does not say which part of the model it is, so the others cannot be found",
        )
        .with_expected(
            format!("a name that ends in {}", suffix(index)),
            format!("{name:?}"),
        ));
    };
    let files = (0..usize::try_from(count).unwrap_or(0))
        .map(|number| format!("{stem}{}", suffix(number)))
        .collect();
    Ok(Some(Split {
        index,
        files,
        tensors: number("split.tensors.count")?,
    }))
}
