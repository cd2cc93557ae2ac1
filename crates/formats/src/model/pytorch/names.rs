//! Names of tensors: where they are in the dictionaries and lists of a checkpoint.

use super::budget::Budget;
use super::pickle::{Node, Object, Pickle, Value};
use super::storage::Storages;
use super::tensor::{self, Seen, View};
use crate::error::FormatError;
use crate::model::listing::NotRead;
use std::collections::HashSet;

/// The depth to which dictionaries and lists may lie in each other.
const DEPTH: usize = 128;

/// The number of objects that are listed one by one, of those that are no tensors.
const LISTED: usize = 1000;

/// The tensors of a checkpoint, and the rest of it.
#[derive(Debug, Default)]
pub struct Found {
    /// Names and tensors.
    pub tensors: Vec<(String, View)>,
    /// Objects that are no tensors, or tensors that are not read.
    pub not_read: Vec<NotRead>,
    /// Objects beyond those that are listed.
    pub not_listed: u64,
    /// Names of tensors that are not read.
    pub missing: Vec<String>,
    /// Classes of modules that were read without being built.
    pub modules: u64,
    /// Names of the tensors that modules hold as buffers; only if modules hold all tensors.
    pub buffers: Option<Vec<String>>,
}

/// Charge for looking at a value, so that a list that is in many lists many times comes to an end.
const VISIT: usize = 24;

/// Items of a dictionary.
type Pairs<'a> = &'a [(Value, Value)];

/// A value that a module holds: the register it is in, its name, and the value.
type Member<'a> = (Register, &'a str, Value);

struct Walk<'a> {
    pickle: &'a Pickle,
    storages: &'a Storages,
    budget: &'a mut Budget,
    walked: Found,
    path: String,
    /// The register of a module that is being read.
    register: Register,
    /// False once a tensor was found that no module holds.
    are_all_registered: bool,
}

/// The register of a module that holds a value: the file says that a tensor in it is a parameter, or a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    None,
    Parameters,
    Buffers,
}

/// Find the tensors of a pickle, with their names.
pub fn find(pickle: &Pickle, storages: &Storages, budget: &mut Budget) -> Result<Found, FormatError> {
    let mut walk = Walk {
        pickle,
        storages,
        budget,
        walked: Found {
            buffers: Some(Vec::new()),
            ..Found::default()
        },
        path: String::new(),
        register: Register::None,
        are_all_registered: true,
    };
    walk.value(pickle.root, 0)?;
    if !walk.are_all_registered || walk.walked.tensors.is_empty() {
        walk.walked.buffers = None;
    }
    Ok(walk.walked)
}

impl<'a> Walk<'a> {
    fn value(&mut self, value: Value, depth: usize) -> Result<(), FormatError> {
        if depth > DEPTH {
            return Err(self.at(FormatError::unsupported(format!(
                "it is nested deeper than {DEPTH} dictionaries and lists"
            ))));
        }
        let pickle = self.pickle;
        let mut value = value;
        // The inner value is older than the call, so this comes to an end.
        while let Some(inner) = self.tagged(value) {
            self.budget.charge(VISIT)?;
            value = inner;
        }
        self.budget.charge(VISIT)?;
        match tensor::read(pickle, self.storages, value).map_err(|error| self.at(error))? {
            Seen::Tensor(view) => {
                let dimensions = view.shape.len() + view.strides.len();
                self.budget
                    .charge(3 * (self.path.len() + view.storage.len()) + 12 * dimensions + 480)?;
                self.walked.tensors.push((self.path.clone(), view));
                match (self.register, &mut self.walked.buffers) {
                    (Register::None, _) => self.are_all_registered = false,
                    (Register::Buffers, Some(buffers)) => {
                        self.budget.charge(self.path.len() + 48)?;
                        buffers.push(self.path.clone());
                    }
                    _ => {}
                }
                return Ok(());
            }
            Seen::Unread(reason) => {
                self.budget.charge(4 * self.path.len() + 128)?;
                self.walked.missing.push(self.path.clone());
                return self.not_read(reason.to_owned());
            }
            Seen::Other => {}
        }
        match (value, pickle.node(value)) {
            (Value::Empty, _) => Ok(()),
            (_, Some(Node::Dict(pairs))) => self.pairs(pairs, depth),
            (_, Some(Node::List(items))) => self.items(items, depth),
            (_, Some(Node::Tuple(items))) => self.items(items, depth),
            (_, Some(Node::Object(object))) => self.object(object, depth),
            (_, Some(Node::Set(_))) => self.not_read("it is a set".to_owned()),
            (_, Some(Node::Global(..))) => {
                let name = self.spelled(value);
                self.not_read(format!("it is the global {name}, which was not imported"))
            }
            (_, Some(Node::Persistent(_))) => self.not_read("it is a storage without a tensor".to_owned()),
            (Value::None, _) => self.not_read("it is None".to_owned()),
            (Value::Text(_) | Value::Broken(_), _) => self.not_read("it is text".to_owned()),
            (Value::Bytes(_), _) => self.not_read("it is a run of bytes".to_owned()),
            _ => self.not_read("it is a number".to_owned()),
        }
    }

    /// Return what TorchScript wrapped to note its type.
    fn tagged(&self, value: Value) -> Option<Value> {
        let object = self.pickle.object(value)?;
        let global = self.pickle.global(object.callable());
        match self.pickle.arguments(object) {
            [inner, _] if global == Some(("torch.jit._pickle", "restore_type_tag")) => Some(*inner),
            _ => None,
        }
    }

    fn at(&self, error: FormatError) -> FormatError {
        if error.tensor.is_some() || self.path.is_empty() {
            return error;
        }
        error.tensor(&self.path)
    }

    fn spelled(&self, value: Value) -> String {
        match self.pickle.global(value) {
            Some((module, name)) => format!("{}.{}", module.escape_debug(), name.escape_debug()),
            None => "something that the pickle made".to_owned(),
        }
    }

    fn not_read(&mut self, reason: String) -> Result<(), FormatError> {
        if self.walked.not_read.len() >= LISTED {
            self.walked.not_listed += 1;
            return Ok(());
        }
        self.budget.charge(4 * (self.path.len() + reason.len()) + 128)?;
        let name = self.path.clone();
        self.walked.not_read.push(NotRead { name, reason });
        Ok(())
    }

    /// Read a part with its key added to the path.
    fn below(&mut self, key: &str, value: Value, depth: usize) -> Result<(), FormatError> {
        let length = self.path.len();
        if depth > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        self.value(value, depth + 1)?;
        self.path.truncate(length);
        Ok(())
    }

    fn items(&mut self, items: &[Value], depth: usize) -> Result<(), FormatError> {
        for (index, item) in items.iter().enumerate() {
            self.below(&index.to_string(), *item, depth)?;
        }
        Ok(())
    }

    fn pairs(&mut self, pairs: &[(Value, Value)], depth: usize) -> Result<(), FormatError> {
        self.check_unique(pairs)?;
        for (key, value) in pairs {
            match *key {
                Value::Int(number) => self.below(&number.to_string(), *value, depth)?,
                Value::Broken(span) => {
                    let bytes = self.pickle.bytes_of(span).escape_ascii().to_string();
                    return Err(self.at(FormatError::new(format!("the key b\"{bytes}\" is not UTF-8"))));
                }
                key => match self.pickle.text(key) {
                    Some(text) => self.below(text, *value, depth)?,
                    None => self.not_read("it has a key that is neither text nor an integer".to_owned())?,
                },
            }
        }
        Ok(())
    }

    /// Read what a call would give: one of the known containers, a module, or something that is only listed.
    fn object(&mut self, object: &'a Object, depth: usize) -> Result<(), FormatError> {
        let arguments = self.pickle.arguments(object);
        let parts = object.parts.as_deref();
        let (module, name) = self.pickle.global(object.callable()).unwrap_or_default();
        match (module, name, arguments) {
            _ if object.has_keywords => {}
            ("collections", "OrderedDict", []) | ("collections", "defaultdict", [_] | []) => {
                let pairs = parts.map_or(&[][..], |parts| &parts.pairs);
                return self.pairs(pairs, depth);
            }
            // As Python 2 wrote it: a list of keys and values.
            ("collections", "OrderedDict", [items]) => {
                if let Some(pairs) = self.listed_pairs(*items) {
                    return self.pairs(&pairs, depth);
                }
            }
            ("torch.jit._pickle", "build_tensorlist", [items]) => {
                let items = self.pickle.items(*items).unwrap_or_default();
                return self.items(items, depth);
            }
            ("torch.jit._pickle", _, _) => return self.not_read("it is a list of numbers".to_owned()),
            (_, "_reconstruct", _) if module.ends_with("core.multiarray") => {
                return self.not_read("it is a NumPy array".to_owned());
            }
            (_, "scalar", _) if module.ends_with("core.multiarray") => {
                return self.not_read("it is a NumPy number".to_owned());
            }
            _ => {}
        }
        if let Some(state) = self.state(object) {
            if module.starts_with("__torch__.torch.classes") {
                self.walked.missing.push(self.path.clone());
                return self.not_read("it is a packed object of TorchScript".to_owned());
            }
            if module == "__torch__" || module.starts_with("__torch__.") {
                return self.pairs(state, depth);
            }
            if let Some(parts) = self.module(state)? {
                self.walked.modules += 1;
                let outer = self.register;
                for (register, key, value) in parts {
                    self.register = register;
                    self.below(key, value, depth)?;
                }
                self.register = outer;
                return Ok(());
            }
        }
        let spelled = self.spelled(object.callable());
        self.not_read(format!("it is an object of {spelled}, which was not built"))
    }

    fn listed_pairs(&self, items: Value) -> Option<Vec<(Value, Value)>> {
        let items = self.pickle.items(items)?;
        let pair = |item: &Value| match self.pickle.items(*item) {
            Some([key, value]) => Some((*key, *value)),
            _ => None,
        };
        items.iter().map(pair).collect()
    }

    /// Return the attributes of an object, if its state is a dictionary.
    fn state(&self, object: &'a Object) -> Option<Pairs<'a>> {
        match object.parts.as_deref()?.states.as_slice() {
            [state] => self.dictionary(*state),
            _ => None,
        }
    }

    /// Return the items of a dictionary, ordered or not.
    fn dictionary(&self, value: Value) -> Option<Pairs<'a>> {
        match self.pickle.node(value)? {
            Node::Dict(pairs) => Some(pairs),
            Node::Object(object) => {
                let is_ordered =
                    self.pickle.global(object.callable()) == Some(("collections", "OrderedDict"));
                let pairs = object.parts.as_deref().map_or(&[][..], |parts| &parts.pairs);
                (is_ordered && self.pickle.arguments(object).is_empty()).then_some(pairs)
            }
            _ => None,
        }
    }

    /// Refuse a key that is set twice: no writer does, and readers differ in which one they take.
    fn check_unique(&self, pairs: &[(Value, Value)]) -> Result<(), FormatError> {
        let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
        for (key, _) in pairs {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "it has no fraction; Python holds 1.0 and 1 for one key"
            )]
            let is_new = match *key {
                Value::Text(_) => names.insert(self.pickle.text(*key)),
                Value::Int(number) => numbers.insert(number),
                Value::Bool(number) => numbers.insert(i64::from(number)),
                Value::Float(number) if number.fract() == 0.0 => numbers.insert(number as i64),
                _ => true,
            };
            if !is_new {
                let key = self
                    .pickle
                    .text(*key)
                    .map_or_else(|| format!("{key:?}"), |text| format!("{text:?}"));
                return Err(self.at(FormatError::new(format!(
                    "the key {key} is set twice in one dictionary, so two readers could load different models"
                ))));
            }
        }
        Ok(())
    }

    /// Return what a module gives as its state: parameters, buffers that persist, and modules.
    fn module(&self, state: Pairs<'a>) -> Result<Option<Vec<Member<'a>>>, FormatError> {
        let Some(parts) = self.parts_of_module(state) else {
            return Ok(None);
        };
        self.check_unique(state)?;
        let passing = match self.attribute(state, "_non_persistent_buffers_set") {
            Some(set) => self.set(set),
            None => Some(HashSet::new()),
        };
        let Some(passing) = passing else {
            return Ok(None);
        };
        let mut walked = Vec::new();
        let registers = [Register::Parameters, Register::Buffers, Register::None];
        for (register, pairs) in registers.into_iter().zip(parts) {
            self.check_unique(pairs)?;
            for (key, value) in pairs {
                let Some(name) = self.pickle.text(*key) else {
                    return Ok(None);
                };
                let is_passing = register == Register::Buffers && passing.contains(name);
                if *value != Value::None && !is_passing {
                    walked.push((register, name, *value));
                }
            }
        }
        Ok(Some(walked))
    }

    fn attribute(&self, state: &[(Value, Value)], name: &str) -> Option<Value> {
        let walked = state.iter().find(|(key, _)| self.pickle.text(*key) == Some(name));
        walked.map(|(_, value)| *value)
    }

    fn parts_of_module(&self, state: Pairs<'a>) -> Option<[Pairs<'a>; 3]> {
        let part = |name: &str| self.dictionary(self.attribute(state, name)?);
        Some([part("_parameters")?, part("_buffers")?, part("_modules")?])
    }

    /// Return the texts of a set.
    fn set(&self, value: Value) -> Option<HashSet<&'a str>> {
        let items = match self.pickle.node(value)? {
            Node::Set(items) => items,
            Node::Object(object) => {
                let is_set = matches!(
                    self.pickle.global(object.callable()),
                    Some(("builtins" | "__builtin__", "set"))
                );
                match self.pickle.arguments(object) {
                    [items] if is_set => self.pickle.items(*items)?,
                    [] if is_set => &[],
                    _ => return None,
                }
            }
            _ => return None,
        };
        items.iter().map(|item| self.pickle.text(*item)).collect()
    }
}
