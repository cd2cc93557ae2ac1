//! Tensors: views of storages, as the functions of PyTorch rebuild them.

use super::element::{Element, Kind};
use super::pickle::{Node, Pickle, Value};
use super::storage::{Reference, Storages, count, key, reference};
use crate::error::FormatError;

/// A view of a storage.
#[derive(Clone, Debug)]
pub struct View {
    /// The key of the storage.
    pub storage: String,
    /// The type of its elements.
    pub kind: Kind,
    /// Its first element in the storage.
    pub offset: u64,
    /// Elements per axis.
    pub shape: Vec<u64>,
    /// Elements of the storage from one index to the next, per axis.
    pub strides: Vec<u64>,
    /// True if the numbers are the conjugates of those stored.
    pub is_conjugate: bool,
    /// True if the numbers are the negatives of those stored.
    pub is_negative: bool,
}

/// A value of a pickle, seen as a tensor.
pub enum Seen {
    /// A tensor.
    Tensor(View),
    /// A tensor that is not read, and why.
    Unread(&'static str),
    /// No tensor.
    Other,
}

const META: &str = "it is a tensor without content (the device meta)";

/// The number of times that one rebuilding may be wrapped into another.
const WRAPPED: usize = 8;

/// Tell whether a global is one of the functions or classes that tensors are rebuilt with.
pub fn is_known(module: &str, name: &str) -> bool {
    let torch = matches!(module, "torch._utils" | "torch._tensor" | "torch.tensor");
    (torch && name.starts_with("_rebuild_")) || is_parameter(module, name)
}

fn is_parameter(module: &str, name: &str) -> bool {
    matches!(
        (module, name),
        ("torch.nn.parameter", "Parameter" | "Buffer") | ("torch.autograd.variable", "Variable")
    )
}

/// Read `value` as a tensor.
pub fn read(pickle: &Pickle, storages: &Storages, value: Value) -> Result<Seen, FormatError> {
    if let Some(Node::Persistent(identifier)) = pickle.node(value) {
        let view = key(pickle, *identifier).and_then(|key| storages.tensors.get(&key));
        return Ok(view.map_or(Seen::Other, |view| Seen::Tensor(view.clone())));
    }
    match pickle.object(value) {
        Some(object) if !object.has_keywords => {
            call(pickle, storages, object.callable(), pickle.arguments(object), 0)
        }
        _ => Ok(Seen::Other),
    }
}

/// Read what the call of a function gives.
fn call(
    pickle: &Pickle,
    storages: &Storages,
    callable: Value,
    arguments: &[Value],
    depth: usize,
) -> Result<Seen, FormatError> {
    let Some((module, name)) = pickle.global(callable) else {
        return Ok(Seen::Other);
    };
    if depth > WRAPPED {
        return Err(FormatError::new("it is wrapped too often"));
    }
    let inner = |value: Value| match pickle.object(value) {
        Some(object) => call(
            pickle,
            storages,
            object.callable(),
            pickle.arguments(object),
            depth + 1,
        ),
        None => read(pickle, storages, value),
    };
    if let ("copyreg" | "copy_reg", "__newobj__", [class, arguments @ ..]) = (module, name, arguments) {
        return call(pickle, storages, *class, arguments, depth + 1);
    }
    if is_parameter(module, name) {
        return match arguments {
            [data, ..] => inner(*data),
            [] => Ok(Seen::Other),
        };
    }
    if !is_known(module, name) {
        return Ok(Seen::Other);
    }
    match (name, arguments) {
        ("_rebuild_tensor", [storage, offset, size, stride]) => {
            view(pickle, [*storage, *offset, *size, *stride], None, None)
        }
        ("_rebuild_tensor_v2", [storage, offset, size, stride, _, _, rest @ ..]) if rest.len() < 2 => view(
            pickle,
            [*storage, *offset, *size, *stride],
            None,
            rest.first().copied(),
        ),
        ("_rebuild_tensor_v3", [storage, offset, size, stride, _, _, dtype, rest @ ..]) if rest.len() < 2 => {
            view(
                pickle,
                [*storage, *offset, *size, *stride],
                Some(*dtype),
                rest.first().copied(),
            )
        }
        ("_rebuild_parameter", [data, _, _]) | ("_rebuild_parameter_with_state", [data, _, _, _]) => {
            inner(*data)
        }
        ("_rebuild_from_type" | "_rebuild_from_type_v2", [function, _, arguments, _]) => {
            let arguments = pickle.tuple(*arguments);
            let arguments =
                arguments.ok_or_else(|| FormatError::new("it is rebuilt with malformed arguments"))?;
            call(pickle, storages, *function, arguments, depth + 1)
        }
        ("_rebuild_device_tensor_from_cpu_tensor", [data, dtype, _, _]) => match inner(*data)? {
            Seen::Tensor(view) if Element::of_dtype(pickle, *dtype) != Some(Element::Known(view.kind)) => {
                Ok(Seen::Unread("it is stored in another dtype than its own"))
            }
            seen => Ok(seen),
        },
        ("_rebuild_qtensor", _) => Ok(Seen::Unread(
            "it is a quantised tensor: its integers have a meaning only with their scales",
        )),
        ("_rebuild_sparse_tensor" | "_rebuild_sparse_csr_tensor", _) => Ok(Seen::Unread(
            "it is a sparse tensor: it is stored as indices and values",
        )),
        ("_rebuild_nested_tensor", _) => Ok(Seen::Unread("it is a nested tensor: its rows differ in shape")),
        ("_rebuild_meta_tensor_no_storage", _) => Ok(Seen::Unread(META)),
        ("_rebuild_device_tensor_from_numpy" | "_rebuild_xla_tensor", _) => Ok(Seen::Unread(
            "it was stored as a NumPy array, by a device such as XLA",
        )),
        ("_rebuild_wrapper_subclass", _) => Ok(Seen::Unread(
            "it is a tensor of a class that keeps its elements itself",
        )),
        _ => Err(FormatError::new(format!(
            "it is rebuilt by {module}.{name} with {} arguments",
            arguments.len()
        ))),
    }
}

/// Read the arguments that make a view of a storage.
fn view(
    pickle: &Pickle,
    [storage, offset, size, stride]: [Value; 4],
    dtype: Option<Value>,
    metadata: Option<Value>,
) -> Result<Seen, FormatError> {
    let malformed = |what: &str| FormatError::new(format!("it is rebuilt with a malformed {what}"));
    let reference = match pickle.node(storage) {
        Some(Node::Persistent(identifier)) => reference(pickle, *identifier)?,
        _ => None,
    };
    let reference = reference.ok_or_else(|| malformed("storage"))?;
    let element = match dtype {
        Some(dtype) => Element::of_dtype(pickle, dtype).ok_or_else(|| malformed("dtype"))?,
        None => reference.element,
    };
    let kind = match element {
        Element::Known(kind) => kind,
        Element::Quantised(_) => return Ok(Seen::Unread("its elements are quantised integers")),
        Element::Untyped => return Err(malformed("dtype: its storage has none")),
        Element::Other => {
            return Ok(Seen::Unread(
                "its dtype is none of those that docs/format.md names",
            ));
        }
    };
    if reference.is_meta {
        return Ok(Seen::Unread(META));
    }
    let (is_conjugate, is_negative) = match metadata.map(|value| flags(pickle, value)) {
        None => (false, false),
        Some(Some(flags)) => flags,
        Some(None) => {
            return Ok(Seen::Unread(
                "its metadata has something other than the conjugate and the negative bit",
            ));
        }
    };
    let strides = numbers(pickle, stride).ok_or_else(|| malformed("stride: a negative or missing number"))?;
    let view = View {
        offset: count(offset).ok_or_else(|| malformed("offset"))?,
        shape: numbers(pickle, size).ok_or_else(|| malformed("shape: a negative or missing number"))?,
        strides,
        storage: String::new(),
        kind,
        is_conjugate,
        is_negative,
    };
    shift(view, reference).map(Seen::Tensor)
}

/// Move a view of a part of a storage to the storage.
fn shift(mut view: View, reference: Reference) -> Result<View, FormatError> {
    if let Some((first, numel)) = reference.part {
        let ends = first.checked_add(numel).is_some_and(|end| end <= reference.numel);
        let inside = last(&view)?.is_none_or(|last| last < numel);
        let moved = first.checked_add(view.offset);
        match moved {
            Some(moved) if ends && inside => view.offset = moved,
            _ => {
                return Err(FormatError::new(
                    "it reaches beyond the part of the storage that it is in",
                ));
            }
        }
    }
    view.storage = reference.key;
    Ok(view)
}

/// Return the last element of its storage that a view reaches; `None` if it has no elements.
pub fn last(view: &View) -> Result<Option<u64>, FormatError> {
    let overflow = || FormatError::new("its size overflows 64 bits");
    if view.shape.len() != view.strides.len() {
        return Err(
            FormatError::new("it has another number of strides than of dimensions")
                .with_expected(view.shape.len(), view.strides.len()),
        );
    }
    let mut last = view.offset;
    let mut elements = view
        .kind
        .packed
        .checked_mul(view.kind.width)
        .ok_or_else(overflow)?;
    for length in &view.shape {
        elements = elements.checked_mul(*length).ok_or_else(overflow)?;
    }
    if elements == 0 {
        return Ok(None);
    }
    for (length, stride) in view.shape.iter().zip(&view.strides) {
        let reach = (length - 1).checked_mul(*stride).ok_or_else(overflow)?;
        last = last.checked_add(reach).ok_or_else(overflow)?;
    }
    Ok(Some(last))
}

fn numbers(pickle: &Pickle, value: Value) -> Option<Vec<u64>> {
    let value = match pickle.object(value) {
        // torch.Size([2, 3])
        Some(object) if pickle.global(object.callable()) == Some(("torch", "Size")) => {
            *pickle.arguments(object).first().unwrap_or(&Value::Empty)
        }
        _ => value,
    };
    pickle.items(value)?.iter().map(|value| count(*value)).collect()
}

/// Read the conjugate and the negative bit; `None` if there is anything else.
fn flags(pickle: &Pickle, value: Value) -> Option<(bool, bool)> {
    let pairs = match (value, pickle.node(value)) {
        (Value::None, _) => return Some((false, false)),
        (_, Some(Node::Dict(pairs))) => pairs,
        _ => return None,
    };
    let mut flags = (false, false);
    for (name, value) in pairs {
        match (pickle.text(*name), value) {
            (Some("conj"), Value::Bool(set)) => flags.0 = *set,
            (Some("neg"), Value::Bool(set)) => flags.1 = *set,
            _ => return None,
        }
    }
    Some(flags)
}
