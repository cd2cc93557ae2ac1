//! The wishes of Node: the first message, a list of fields `name=value`, each ended by a zero byte.

use crate::system::SignalSet;
use std::ffi::CString;
use std::io;

/// The command, and the world it gets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Program and arguments.
    pub arguments: Vec<CString>,
    /// `NAME=value`.
    pub environment: Vec<CString>,
    /// Signals that the command ignores.
    pub ignored: SignalSet,
    /// Signals that the command blocks.
    pub blocked: SignalSet,
    /// Soft limit of open files; `None` leaves it.
    pub limit: Option<u64>,
    /// Standard descriptors that the command finds closed.
    pub closed: Vec<i32>,
    /// Descriptors that the command inherits: the number here, and the number there.
    pub descriptors: Vec<(i32, i32)>,
    /// True for each of stdout and stderr that is captured.
    pub captured: [bool; 2],
    /// True if all three standard descriptors are one terminal, and the command gets its own.
    pub terminal: bool,
    /// True if stdout and stderr are one open file: the command gets one pipe for both, captured as stdout.
    pub together: bool,
}

/// Read the fields of a plan. An unknown field is an error: both parts come from one version.
pub fn parse(message: &[u8]) -> io::Result<Plan> {
    let mut plan = Plan::default();
    for field in message.split_inclusive(|byte| *byte == 0) {
        let field = field.strip_suffix(&[0]).ok_or_else(|| bad("an open field"))?;
        let at = field
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(|| bad("a field without a value"))?;
        let (name, value) = (&field[..at], &field[at + 1..]);
        match name {
            b"argument" => plan.arguments.push(text(value)?),
            b"variable" => plan.environment.push(text(value)?),
            b"ignored" => plan.ignored = signals(value)?,
            b"blocked" => plan.blocked = signals(value)?,
            b"limit" => plan.limit = Some(number(value)?),
            b"closed" => plan.closed.push(number(value)?),
            b"descriptor" => {
                let value = string(value)?;
                let (here, there) = value
                    .split_once(':')
                    .ok_or_else(|| bad("a descriptor without a place"))?;
                plan.descriptors
                    .push((number(here.as_bytes())?, number(there.as_bytes())?));
            }
            b"terminal" => plan.terminal = true,
            b"together" => plan.together = true,
            b"captured" => match number::<usize>(value)? {
                stream @ 1..=2 => plan.captured[stream - 1] = true,
                _ => return Err(bad("an unknown stream")),
            },
            _ => return Err(bad("an unknown field")),
        }
    }
    Ok(plan)
}

fn text(value: &[u8]) -> io::Result<CString> {
    CString::new(value).map_err(|_| bad("a zero byte"))
}

fn string(value: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(value).map_err(|_| bad("a value that is no text"))
}

fn number<T: std::str::FromStr>(value: &[u8]) -> io::Result<T> {
    string(value)?
        .parse()
        .map_err(|_| bad("a value that is no number"))
}

fn signals(value: &[u8]) -> io::Result<SignalSet> {
    SignalSet::from_str_radix(string(value)?, 16).map_err(|_| bad("a value that is no set"))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read() {
        let message = b"argument=sh\0argument=-c\0argument=\0variable=A=b=\xff\0ignored=0000000000000001\0blocked=200\0\
                        limit=1024\0closed=0\0descriptor=6:3\0descriptor=7:250\0captured=2\0terminal=\0together=\0";
        let owned = |texts: &[&[u8]]| {
            let texts = texts.iter().map(|text| CString::new(*text).expect("no zero"));
            texts.collect::<Vec<_>>()
        };
        let expected = Plan {
            arguments: owned(&[b"sh", b"-c", b""]),
            environment: owned(&[b"A=b=\xff"]),
            ignored: 1,
            blocked: 0x200,
            limit: Some(1024),
            closed: vec![0],
            descriptors: vec![(6, 3), (7, 250)],
            captured: [false, true],
            terminal: true,
            together: true,
        };
        assert_eq!(parse(message).expect("it is sound"), expected);
    }

    #[test]
    fn unsound_fields_are_errors() {
        for message in [
            "argument=a",
            "argument\0",
            "captured=3\0",
            "limit=x\0",
            "descriptor=6\0",
            "other=1\0",
        ] {
            let error = parse(message.as_bytes()).expect_err("it is unsound");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{message}");
        }
    }
}
