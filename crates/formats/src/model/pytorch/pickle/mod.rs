//! Pickles, read as data. Nothing is imported, called or built.
//!
//! A pickle is a program for a machine with a stack. Python's machine imports what the program names and calls it. This
//! one notes it down: a call becomes an [`Object`] with the name of what would be called and its arguments. Which of
//! them mean a tensor is decided afterwards, by those who read the graph of [`Node`]s. There is no recursion, and no
//! value is copied: a pickle that refers to one list a million times holds one list.
//!
//! All instructions of the protocols 0 to 5 are known except those that need something from outside the pickle: the
//! registry of extensions and buffers out of band. Source: `pickletools.py` of Python 3.13.

mod arena;
mod machine;
mod memo;
mod scalar;

use super::budget::Budget;
use crate::error::FormatError;
use crate::input::{Input, read_checked};
use arena::Arena;
use bytes::Bytes;
use std::collections::BTreeSet;

/// A place in the bytes of a pickle, or in the text that was unescaped from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// A value on the stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// An integer beyond 64 bits, as the pickle holds it.
    Long(Span),
    /// A float.
    Float(f64),
    /// Text, which is UTF-8.
    Text(Span),
    /// Text that is not UTF-8.
    Broken(Span),
    /// Bytes.
    Bytes(Span),
    /// The tuple of nothing.
    Empty,
    /// Something with parts.
    Node(u32),
}

/// Something with parts.
#[derive(Debug)]
pub enum Node {
    /// A tuple.
    Tuple(Box<[Value]>),
    /// A list.
    List(Vec<Value>),
    /// A set or a frozen set.
    Set(Vec<Value>),
    /// A dictionary, with its items in the order in which they were set.
    Dict(Vec<(Value, Value)>),
    /// Something that a program would import: its module and its name.
    Global(Span, Span),
    /// The result that a call would have.
    Object(Object),
    /// Something outside the pickle, by its identifier.
    Persistent(Value),
}

/// The result that a call would have.
#[derive(Debug)]
pub struct Object {
    /// The function or class that would be called.
    callable: u32,
    /// True if there are arguments by name, which nothing that is read has.
    pub has_keywords: bool,
    /// Changes to the result, if there are any.
    pub parts: Option<Box<Parts>>,
    /// The arguments: a tuple.
    arguments: u32,
}

/// Changes to the result of a call.
#[derive(Debug, Default)]
pub struct Parts {
    /// States that were set.
    pub states: Vec<Value>,
    /// Items that were appended or added.
    pub items: Vec<Value>,
    /// Items that were set by key.
    pub pairs: Vec<(Value, Value)>,
}

/// A pickle that was read.
#[derive(Debug)]
pub struct Pickle {
    /// The value that a program would get.
    pub root: Value,
    /// Every global that it names, as module and name joined by a dot; escaped where it is not plain.
    pub globals: BTreeSet<String>,
    /// Its length in bytes.
    pub length: u64,
    bytes: Bytes,
    side: Vec<u8>,
    nodes: Arena<Node>,
}

/// Why a pickle was not read.
enum Fault {
    /// Its bytes end before its last instruction.
    Short,
    Error(FormatError),
}

impl From<FormatError> for Fault {
    fn from(error: FormatError) -> Self {
        Self::Error(error)
    }
}

/// The number of the arguments of an object that has none.
const NO_ARGUMENTS: u32 = u32::MAX;

/// Read the pickle at the start of `bytes`.
pub fn parse(bytes: &Bytes, budget: &mut Budget) -> Result<Pickle, FormatError> {
    machine::run(bytes.clone(), budget).map_err(|fault| match fault {
        Fault::Short => FormatError::new("the pickle ends before its last instruction"),
        Fault::Error(error) => error,
    })
}

/// Read the pickle that starts at byte `start` of a file, and ends at `end` at the latest.
///
/// Its length is only known afterwards. So a small piece is read first, and larger ones if that was too short: what numbers
/// and names take, then what the pickle of most models takes, then eight times as much each time.
pub fn parse_at(input: &dyn Input, start: u64, end: u64, budget: &mut Budget) -> Result<Pickle, FormatError> {
    let most = end.saturating_sub(start);
    let mut window = most.min(4 << 10);
    loop {
        let mut spent = *budget;
        spent.charge(usize::try_from(window).unwrap_or(usize::MAX))?;
        let bytes = read_checked(input, start, window, "a pickle")?;
        match machine::run(bytes, &mut spent) {
            Ok(pickle) => {
                *budget = spent;
                return Ok(pickle);
            }
            Err(Fault::Short) if window < most => window = most.min(window.saturating_mul(8).max(64 << 10)),
            Err(Fault::Short) => {
                return Err(FormatError::new("the file ends inside a pickle"));
            }
            Err(Fault::Error(error)) => return Err(error),
        }
    }
}

impl Object {
    /// Return the function or class that would be called.
    pub fn callable(&self) -> Value {
        Value::Node(self.callable)
    }
}

impl Pickle {
    /// Return the node that `value` is.
    pub fn node(&self, value: Value) -> Option<&Node> {
        match value {
            Value::Node(id) => self.nodes.get(id),
            _ => None,
        }
    }

    /// Return the bytes of a span.
    pub fn bytes_of(&self, span: Span) -> &[u8] {
        let (start, end, own) = (span.start as usize, span.end as usize, self.bytes.len());
        let bytes = if start < own {
            self.bytes.get(start..end)
        } else {
            self.side.get(start - own..end.saturating_sub(own))
        };
        bytes.unwrap_or_default()
    }

    /// Return the text that `value` is.
    pub fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(span) => std::str::from_utf8(self.bytes_of(span)).ok(),
            _ => None,
        }
    }

    /// Return module and name of the global that `value` is.
    ///
    /// PyTorch before 1.6 wrote the source of a class beside it: `('module', class, file, source)`, and before 0.1.6
    /// without the first word. Both are the class.
    pub fn global(&self, value: Value) -> Option<(&str, &str)> {
        let class = match self.node(value)? {
            Node::Persistent(identifier) => match self.tuple(*identifier)? {
                [word, class, _, _] if self.text(*word) == Some("module") => *class,
                [class, _, _] => *class,
                _ => return None,
            },
            _ => value,
        };
        match self.node(class)? {
            Node::Global(module, name) => {
                Some((self.text(Value::Text(*module))?, self.text(Value::Text(*name))?))
            }
            _ => None,
        }
    }

    /// Return the items of the tuple that `value` is.
    pub fn tuple(&self, value: Value) -> Option<&[Value]> {
        match (value, self.node(value)) {
            (Value::Empty, _) => Some(&[]),
            (_, Some(Node::Tuple(items))) => Some(items),
            _ => None,
        }
    }

    /// Return the items of the tuple or list that `value` is.
    pub fn items(&self, value: Value) -> Option<&[Value]> {
        match self.node(value) {
            Some(Node::List(items)) => Some(items),
            _ => self.tuple(value),
        }
    }

    /// Return the object that `value` is.
    pub fn object(&self, value: Value) -> Option<&Object> {
        match self.node(value) {
            Some(Node::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// Return the arguments of an object.
    pub fn arguments(&self, object: &Object) -> &[Value] {
        match object.arguments {
            NO_ARGUMENTS => &[],
            id => self.tuple(Value::Node(id)).unwrap_or_default(),
        }
    }

    /// Return the identifiers of everything outside the pickle, in the order in which they are named.
    pub fn persistent(&self) -> impl Iterator<Item = Value> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Persistent(identifier) => Some(*identifier),
            _ => None,
        })
    }
}
