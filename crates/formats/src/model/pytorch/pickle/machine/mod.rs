//! The machine that runs the instructions of a pickle, without doing what they ask of Python.

mod calls;

use super::arena::Arena;
use super::memo::Memo;
use super::scalar::{self, Line};
use super::{Fault, NO_ARGUMENTS, Node, Parts, Pickle, Span, Value};
use crate::error::FormatError;
use crate::model::pytorch::budget::Budget;
use bytes::Bytes;
use std::collections::BTreeSet;

/// The newest protocol that is known.
const PROTOCOL: u8 = 5;

/// Spans count in 32 bits; half of them are for unescaped text.
const LONGEST: usize = 1 << 31;

struct Machine<'a> {
    bytes: Bytes,
    at: usize,
    side: Vec<u8>,
    stack: Vec<Value>,
    marks: Vec<usize>,
    /// The most values and marks that the stacks held.
    peak: usize,
    memo: Memo,
    nodes: Arena<Node>,
    globals: BTreeSet<String>,
    budget: &'a mut Budget,
}

/// Run the pickle at the start of `bytes`.
pub fn run(bytes: Bytes, budget: &mut Budget) -> Result<Pickle, Fault> {
    let bytes = if bytes.len() > LONGEST {
        bytes.slice(..LONGEST)
    } else {
        bytes
    };
    let mut machine = Machine {
        bytes,
        at: 0,
        side: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        peak: 0,
        memo: Memo::default(),
        nodes: Arena::default(),
        globals: BTreeSet::new(),
        budget,
    };
    loop {
        let code = machine.byte()?;
        if code == b'.' {
            let root = machine.pop()?;
            let stacks = 2 * machine.peak * size_of::<Value>();
            machine.budget.release(machine.memo.charged() + stacks);
            return Ok(Pickle {
                root,
                globals: machine.globals,
                length: machine.at as u64,
                bytes: machine.bytes,
                side: machine.side,
                nodes: machine.nodes,
            });
        }
        machine.step(code)?;
    }
}

impl Machine<'_> {
    fn fault(&self, what: &str) -> Fault {
        Fault::Error(FormatError::new(format!(
            "the pickle {what} at its byte {}",
            self.at.saturating_sub(1)
        )))
    }

    fn step(&mut self, code: u8) -> Result<(), Fault> {
        match code {
            0x80 => self.protocol(),
            // FRAME: how much to read ahead.
            0x95 => self.take(8).map(|_| ()),
            b'N' | 0x88 | 0x89 | b'I' | b'L' | b'J' | b'K' | b'M' | 0x8a | 0x8b | b'F' | b'G' => {
                self.number(code)
            }
            b'S' | b'T' | b'U' | b'V' | b'X' | 0x8c | 0x8d | b'B' | b'C' | 0x8e | 0x96 => self.string(code),
            b'(' => self.mark(),
            b'0' | b'1' | b'2' => self.shuffle(code),
            b'p' | b'q' | b'r' | 0x94 | b'g' | b'h' | b'j' => self.remember(code),
            b')' | b't' | 0x85 | 0x86 | 0x87 | b']' | b'l' | b'}' | b'd' | 0x8f | 0x91 => self.collect(code),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.add(code),
            b'c' | 0x93 => self.global(code),
            b'R' | 0x81 | 0x92 | b'b' | b'i' | b'o' => self.call(code),
            b'P' | b'Q' => self.persistent(code),
            0x82..=0x84 => Err(self.outside("the registry of extensions")),
            0x97 | 0x98 => Err(self.outside("buffers out of band")),
            _ => Err(self.fault(&format!("has the unknown instruction {code:#04x}"))),
        }
    }

    // Bytes of instructions.

    fn take(&mut self, length: usize) -> Result<Span, Fault> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Fault::Short)?;
        let span = self.span(self.at, end)?;
        self.at = end;
        Ok(span)
    }

    fn span(&self, start: usize, end: usize) -> Result<Span, Fault> {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Ok(Span { start, end }),
            _ => Err(self.fault("is too long")),
        }
    }

    fn bytes_of(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.bytes.get(self.at).ok_or(Fault::Short)?;
        self.at += 1;
        Ok(byte)
    }

    /// Read a little-endian number of `bytes` bytes.
    fn length(&mut self, bytes: usize) -> Result<u64, Fault> {
        let span = self.take(bytes)?;
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(self.bytes_of(span));
        Ok(u64::from_le_bytes(wide))
    }

    /// Read the bytes behind a length of `bytes` bytes.
    fn counted(&mut self, bytes: usize) -> Result<Span, Fault> {
        let length = self.length(bytes)?;
        self.take(usize::try_from(length).map_err(|_| Fault::Short)?)
    }

    /// Read a line, without its end.
    fn line(&mut self) -> Result<Span, Fault> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or(Fault::Short)?;
        let mut span = self.take(length + 1)?;
        span.end -= 1;
        Ok(span)
    }

    // The stack.

    fn push(&mut self, value: Value) -> Result<(), Fault> {
        self.stack.push(value);
        self.rise()
    }

    /// Charge for stacks that are higher than before; they double as they grow.
    fn rise(&mut self) -> Result<(), Fault> {
        let height = self.stack.len() + self.marks.len();
        if height > self.peak {
            self.peak = height;
            self.budget.charge(2 * size_of::<Value>())?;
        }
        Ok(())
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        let is_there = self.stack.len() > self.marks.last().copied().unwrap_or(0);
        let value = if is_there { self.stack.pop() } else { None };
        value.ok_or_else(|| self.fault("takes a value where there is none"))
    }

    fn mark(&mut self) -> Result<(), Fault> {
        self.marks.push(self.stack.len());
        self.rise()
    }

    /// Take the values above the last mark.
    fn above(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.marks.pop().ok_or_else(|| self.fault("has no mark"))?;
        self.budget
            .charge((self.stack.len() - mark) * size_of::<Value>())?;
        Ok(self.stack.split_off(mark))
    }

    fn pairs(&mut self) -> Result<Vec<(Value, Value)>, Fault> {
        let values = self.above()?;
        if !values.len().is_multiple_of(2) {
            return Err(self.fault("has a key without a value"));
        }
        Ok(values.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
    }

    fn push_node(&mut self, node: Node) -> Result<(), Fault> {
        self.budget.charge(size_of::<Node>())?;
        let id = u32::try_from(self.nodes.len())
            .ok()
            .filter(|id| *id != NO_ARGUMENTS);
        let id = id.ok_or_else(|| self.fault("has too many objects"))?;
        self.nodes.push(node);
        self.push(Value::Node(id))
    }

    // Instructions.

    fn protocol(&mut self) -> Result<(), Fault> {
        let protocol = self.byte()?;
        if protocol > PROTOCOL {
            return Err(self.fault(&format!("states the unknown protocol {protocol}")));
        }
        Ok(())
    }

    fn number(&mut self, code: u8) -> Result<(), Fault> {
        let value = match code {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(self.length(2)?.cast_signed()),
            b'J' => {
                let span = self.take(4)?;
                Value::Int(scalar::long(self.bytes_of(span)).unwrap_or_default())
            }
            0x8a | 0x8b => {
                let span = self.counted(if code == 0x8a { 1 } else { 4 })?;
                scalar::long(self.bytes_of(span)).map_or(Value::Long(span), Value::Int)
            }
            b'G' => {
                let span = self.take(8)?;
                let mut bytes = [0; 8];
                bytes.copy_from_slice(self.bytes_of(span));
                Value::Float(f64::from_be_bytes(bytes))
            }
            b'F' => {
                let span = self.line()?;
                let number = scalar::float(self.bytes_of(span));
                Value::Float(number.ok_or_else(|| self.fault("has a malformed float"))?)
            }
            _ => {
                let span = self.line()?;
                match scalar::integer(self.bytes_of(span)) {
                    Some(Line::Plain(value)) => value,
                    Some(Line::Long) => Value::Long(span),
                    None => return Err(self.fault("has a malformed integer")),
                }
            }
        };
        self.push(value)
    }

    fn string(&mut self, code: u8) -> Result<(), Fault> {
        let value = match code {
            b'B' => Value::Bytes(self.counted(4)?),
            b'C' => Value::Bytes(self.counted(1)?),
            0x8e | 0x96 => Value::Bytes(self.counted(8)?),
            b'V' | b'S' => return self.escaped(code),
            _ => {
                let width = match code {
                    b'U' | 0x8c => 1,
                    0x8d => 8,
                    _ => 4,
                };
                let span = self.counted(width)?;
                self.text(span)
            }
        };
        self.push(value)
    }

    fn text(&self, span: Span) -> Value {
        if std::str::from_utf8(self.bytes_of(span)).is_ok() {
            Value::Text(span)
        } else {
            Value::Broken(span)
        }
    }

    /// Read text that may hold escapes.
    fn escaped(&mut self, code: u8) -> Result<(), Fault> {
        let span = self.line()?;
        let line = self.bytes_of(span);
        let bytes = if code == b'V' {
            scalar::unescape_unicode(line).map(String::into_bytes)
        } else {
            scalar::unescape_string(line)
        };
        let bytes = bytes.ok_or_else(|| self.fault("has malformed text"))?;
        self.budget.charge(2 * bytes.len())?;
        let start = self.bytes.len() + self.side.len();
        let span = self.span(start, start + bytes.len())?;
        let value = if std::str::from_utf8(&bytes).is_ok() {
            Value::Text(span)
        } else {
            Value::Broken(span)
        };
        self.side.extend(bytes);
        self.push(value)
    }

    fn shuffle(&mut self, code: u8) -> Result<(), Fault> {
        match code {
            b'2' => {
                let top = self.pop()?;
                self.push(top)?;
                self.push(top)
            }
            b'1' => {
                let mark = self.marks.pop().ok_or_else(|| self.fault("has no mark"))?;
                self.stack.truncate(mark);
                Ok(())
            }
            // POP takes a mark if that is on top.
            _ if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
                Ok(())
            }
            _ => self.pop().map(|_| ()),
        }
    }

    fn remember(&mut self, code: u8) -> Result<(), Fault> {
        let number = match code {
            b'p' | b'g' => {
                let span = self.line()?;
                let number = std::str::from_utf8(self.bytes_of(span)).ok();
                number.and_then(|number| number.parse().ok())
            }
            b'q' | b'h' => Some(u32::from(self.byte()?)),
            0x94 => u32::try_from(self.memo.len()).ok(),
            _ => u32::try_from(self.length(4)?).ok(),
        };
        let number = number.ok_or_else(|| self.fault("has a malformed number in its memo"))?;
        if matches!(code, b'g' | b'h' | b'j') {
            let value = self.memo.get(number);
            let value = value.ok_or_else(|| self.fault("asks for what is not in its memo"))?;
            return self.push(value);
        }
        let top = self.pop()?;
        self.memo.set(number, top, self.budget)?;
        self.push(top)
    }

    fn collect(&mut self, code: u8) -> Result<(), Fault> {
        let node = match code {
            b')' => return self.push(Value::Empty),
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            0x8f => Node::Set(Vec::new()),
            b'l' => Node::List(self.above()?),
            b'd' => Node::Dict(self.pairs()?),
            0x91 => Node::Set(self.above()?),
            b't' => return self.tuple(),
            _ => {
                let length = usize::from(code - 0x84);
                self.budget.charge(length * size_of::<Value>())?;
                let mut items = vec![Value::None; length].into_boxed_slice();
                for item in items.iter_mut().rev() {
                    *item = self.pop()?;
                }
                Node::Tuple(items)
            }
        };
        self.push_node(node)
    }

    fn tuple(&mut self) -> Result<(), Fault> {
        let items = self.above()?;
        if items.is_empty() {
            return self.push(Value::Empty);
        }
        self.push_node(Node::Tuple(items.into_boxed_slice()))
    }

    /// Add to the list, set, dictionary or object below.
    fn add(&mut self, code: u8) -> Result<(), Fault> {
        let (values, pairs) = match code {
            b'a' => (vec![self.pop()?], Vec::new()),
            b's' => {
                let value = self.pop()?;
                (Vec::new(), vec![(self.pop()?, value)])
            }
            b'u' => (Vec::new(), self.pairs()?),
            _ => (self.above()?, Vec::new()),
        };
        // The vector that they are added to doubles as it grows.
        self.budget
            .charge(2 * (values.len() + 2 * pairs.len()) * size_of::<Value>())?;
        let target = self.top()?;
        if matches!(self.target(target), Some(Node::Object(_))) {
            self.budget.charge(size_of::<Parts>())?;
        }
        let fits = match (self.target(target), code) {
            (Some(Node::List(items)), b'a' | b'e') | (Some(Node::Set(items)), 0x90) => {
                items.extend(values);
                true
            }
            (Some(Node::Dict(items)), b's' | b'u') => {
                items.extend(pairs);
                true
            }
            (Some(Node::Object(object)), _) => {
                let parts = object.parts.get_or_insert_default();
                parts.items.extend(values);
                parts.pairs.extend(pairs);
                true
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(self.fault("adds to something that takes nothing"))
    }

    fn top(&mut self) -> Result<Value, Fault> {
        let top = self.pop()?;
        self.stack.push(top);
        Ok(top)
    }

    fn target(&mut self, value: Value) -> Option<&mut Node> {
        match value {
            Value::Node(id) => self.nodes.get_mut(id),
            _ => None,
        }
    }
}
