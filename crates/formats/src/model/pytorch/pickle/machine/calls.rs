//! Globals, calls and objects from outside: noted down, and nothing else.

use super::Machine;
use crate::error::FormatError;
use crate::model::pytorch::pickle::{Fault, NO_ARGUMENTS, Node, Object, Parts, Span, Value};

impl Machine<'_> {
    /// Return the refusal of an instruction that needs something from outside the pickle.
    pub(super) fn outside(&self, what: &str) -> Fault {
        Fault::Error(FormatError::unsupported(format!(
            "the pickle asks for {what} at its byte {}, which is not in the file",
            self.at - 1
        )))
    }

    pub(super) fn global(&mut self, code: u8) -> Result<(), Fault> {
        let (module, name) = if code == b'c' {
            let module = self.line()?;
            let name = self.line()?;
            (self.text(module), self.text(name))
        } else {
            let name = self.pop()?;
            (self.pop()?, name)
        };
        self.push_global(module, name)
    }

    fn push_global(&mut self, module: Value, name: Value) -> Result<(), Fault> {
        let (Value::Text(module), Value::Text(name)) = (module, name) else {
            return Err(self.fault("names a global by something other than text"));
        };
        let spelled = |span: Span| {
            let own = self.bytes.len();
            let (start, end) = (span.start as usize, span.end as usize);
            let bytes = if start < own {
                &self.bytes[start..end]
            } else {
                &self.side[start - own..end - own]
            };
            let text = String::from_utf8_lossy(bytes);
            // A pickle can name one for each tensor, and nearly all are identifiers.
            if text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
            {
                return text.into_owned();
            }
            text.escape_debug().to_string()
        };
        let global = format!("{}.{}", spelled(module), spelled(name));
        if !self.globals.contains(&global) {
            self.budget.charge(3 * global.len() + 64)?;
            self.globals.insert(global);
        }
        self.push_node(Node::Global(module, name))
    }

    pub(super) fn call(&mut self, code: u8) -> Result<(), Fault> {
        match code {
            b'b' => return self.build(),
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                self.tuple()?;
                let (module, name) = (self.text(module), self.text(name));
                self.push_global(module, name)?;
                let callable = self.pop()?;
                let arguments = self.pop()?;
                return self.push_object(callable, arguments, false);
            }
            b'o' => {
                let mut values = self.above()?;
                if values.is_empty() {
                    return Err(self.fault("makes an object of nothing"));
                }
                let callable = values.remove(0);
                let arguments = if values.is_empty() {
                    Value::Empty
                } else {
                    self.push_node(Node::Tuple(values.into_boxed_slice()))?;
                    self.pop()?
                };
                return self.push_object(callable, arguments, false);
            }
            _ => {}
        }
        let has_keywords = code == 0x92;
        if has_keywords {
            self.pop()?;
        }
        let arguments = self.pop()?;
        let callable = self.pop()?;
        self.push_object(callable, arguments, has_keywords)
    }

    fn push_object(&mut self, callable: Value, arguments: Value, has_keywords: bool) -> Result<(), Fault> {
        let arguments = match arguments {
            Value::Empty => Some(NO_ARGUMENTS),
            Value::Node(id) => matches!(self.nodes.get(id), Some(Node::Tuple(_))).then_some(id),
            _ => None,
        };
        let Some(arguments) = arguments else {
            return Err(self.fault("calls something with arguments that are no tuple"));
        };
        let Value::Node(callable) = callable else {
            return Err(self.fault("calls something that is no object"));
        };
        self.push_node(Node::Object(Object {
            callable,
            has_keywords,
            parts: None,
            arguments,
        }))
    }

    fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        self.budget.charge(size_of::<Parts>() + 4 * size_of::<Value>())?;
        let target = self.top()?;
        if let Some(Node::Object(object)) = self.target(target) {
            object.parts.get_or_insert_default().states.push(state);
            return Ok(());
        }
        Err(self.fault("sets the state of something that has none"))
    }

    pub(super) fn persistent(&mut self, code: u8) -> Result<(), Fault> {
        let identifier = if code == b'P' {
            let line = self.line()?;
            self.text(line)
        } else {
            self.pop()?
        };
        self.budget.allow_tensor();
        self.push_node(Node::Persistent(identifier))
    }
}
