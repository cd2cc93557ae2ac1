//! The header: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.

use crate::error::FormatError;
use crate::model::dtype::{Dtype, OTHER_DTYPES};

/// Content of a header.
#[derive(Debug)]
pub struct Header {
    /// Element type.
    pub dtype: Dtype,
    /// Bytes of one number: half an element of a complex type.
    pub width: usize,
    /// True if numbers are stored with their highest byte first.
    pub swap: bool,
    /// True if the first axis varies fastest.
    pub fortran: bool,
    /// Elements per axis.
    pub shape: Vec<u64>,
}

impl Header {
    /// Return whether the elements lie in another order than the final one: only where two axes have more than one
    /// element does the order of axes matter.
    pub fn is_fortran(&self) -> bool {
        let long = self.shape.iter().filter(|length| **length > 1).count();
        self.fortran && long > 1 && !self.shape.contains(&0)
    }
}

/// NumPy has at most 64 axes.
const AXES: usize = 64;

/// Read a header.
pub fn parse(bytes: &[u8]) -> Result<Header, FormatError> {
    let text = std::str::from_utf8(bytes).map_err(|_| FormatError::new("its header is not text"))?;
    let mut reader = Reader { rest: text };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    reader.expect('{')?;
    while !reader.take('}') {
        let key = reader.string()?;
        reader.expect(':')?;
        let twice = match key {
            "descr" => descr.replace(reader.descr()?).is_some(),
            "fortran_order" => fortran.replace(reader.boolean()?).is_some(),
            "shape" => shape.replace(reader.shape()?).is_some(),
            other => {
                return Err(FormatError::new(format!(
                    "its header has the unknown key {other:?}"
                )));
            }
        };
        if twice {
            return Err(FormatError::new(format!("its header has the key {key:?} twice")));
        }
        if !reader.take(',') {
            reader.expect('}')?;
            break;
        }
    }
    if !reader.rest.trim().is_empty() {
        return Err(FormatError::new("its header has more than one value"));
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return Err(FormatError::new("its header is incomplete")
            .with_expected("descr, fortran_order and shape", format!("{:?}", text.trim())));
    };
    let (dtype, width, swap) = element(descr)?;
    Ok(Header {
        dtype,
        width,
        swap,
        fortran,
        shape,
    })
}

/// Translate the spelling of an element type, for example `<f4`: the type, bytes of one number, and whether its bytes
/// are to be swapped.
fn element(descr: &str) -> Result<(Dtype, usize, bool), FormatError> {
    let refused = |what: &str| {
        Err(
            FormatError::unsupported(format!("an array of {what} is no tensor"))
                .with_expected("numbers, booleans or bytes", format!("{descr:?}")),
        )
    };
    let malformed =
        || FormatError::new("its element type is malformed").with_expected("for example '<f4'", descr);
    let mut letters = descr.chars();
    let (order, kind) = match letters.next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, letters.next()),
        first => ('|', first),
    };
    let digits = letters.as_str();
    match kind {
        Some('O') => return refused("Python objects"),
        Some('S' | 'U' | 'a' | 'T') => return refused("text"),
        Some('M' | 'm') => return refused("dates or durations"),
        _ => {}
    }
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let size: u32 = digits.parse().map_err(|_| malformed())?;
    if order == '=' {
        return Err(malformed());
    }
    let name = match (kind, size) {
        (Some('b'), 1) => "BOOL",
        (Some('i'), 1) => "I8",
        (Some('i'), 2) => "I16",
        (Some('i'), 4) => "I32",
        (Some('i'), 8) => "I64",
        (Some('u'), 1) => "U8",
        (Some('u'), 2) => "U16",
        (Some('u'), 4) => "U32",
        (Some('u'), 8) => "U64",
        (Some('f'), 2) => "F16",
        (Some('f'), 4) => "F32",
        (Some('f'), 8) => "F64",
        (Some('f'), 12 | 16) | (Some('c'), 24 | 32) => {
            return refused("long doubles, whose bits depend on the machine,");
        }
        (Some('c'), 8) => "C64",
        (Some('c'), 16) => return Ok((OTHER_DTYPES[0], 8, order == '>')),
        // ml_dtypes writes its types of one byte as V1 or, for F8_E5M2, f1: the file does not say which it is.
        (Some('V'), 1..) | (Some('f'), 1) => return Ok((Dtype::opaque(size), 1, false)),
        _ => return Err(malformed()),
    };
    let dtype = Dtype::named(name).ok_or_else(malformed)?;
    let size = size as usize;
    let width = if kind == Some('c') { size / 2 } else { size };
    Ok((dtype, width, order == '>' && width > 1))
}

/// A reader of the few forms of Python literals that occur.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn take(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), FormatError> {
        if self.take(wanted) {
            return Ok(());
        }
        let received = self.rest.chars().next();
        Err(FormatError::new("its header is malformed").with_expected(
            format!("{wanted:?}"),
            received.map_or("its end".to_owned(), |letter| format!("{letter:?}")),
        ))
    }

    /// Read text without escapes.
    fn string(&mut self) -> Result<&'a str, FormatError> {
        let quote = if self.take('"') {
            '"'
        } else {
            self.expect('\'')?;
            '\''
        };
        match self.rest.split_once(quote) {
            Some((text, rest)) if !text.contains(['\\', '\n']) => {
                self.rest = rest;
                Ok(text)
            }
            _ => Err(FormatError::new(
                "its header is malformed: text without end or with an escape",
            )),
        }
    }

    fn descr(&mut self) -> Result<&'a str, FormatError> {
        if self.rest.trim_start().starts_with(['[', '(']) {
            return Err(FormatError::unsupported("an array of structures is no tensor"));
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, FormatError> {
        self.rest = self.rest.trim_start();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.rest.strip_prefix(word) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(FormatError::new(
            "its header is malformed: fortran_order is no boolean",
        ))
    }

    fn shape(&mut self) -> Result<Vec<u64>, FormatError> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            self.rest = self.rest.trim_start();
            let end = self
                .rest
                .find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(self.rest.len());
            let (digits, rest) = self.rest.split_at(end);
            let length = digits
                .parse()
                .map_err(|_| FormatError::new("its shape is malformed"))?;
            // Python 2 wrote an L behind long integers.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            shape.push(length);
            if shape.len() > AXES {
                return Err(FormatError::new("it has too many axes").with_expected(AXES, "more"));
            }
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }
}
