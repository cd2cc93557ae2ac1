//! The element types of PyTorch: as dtypes, and as types of storages.

use super::pickle::{Pickle, Value};
use crate::model::dtype::Dtype;

/// The element type of a storage or a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// One that has a dtype of ours.
    Known(Kind),
    /// Bytes, whose meaning the tensor says.
    Untyped,
    /// Quantised integers, whose meaning a scale says.
    Quantised(u64),
    /// One that has no dtype of ours, such as complex halves or bits without meaning.
    Other,
}

/// A dtype, and what is needed to bring its elements into their final form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The dtype.
    pub dtype: Dtype,
    /// Bytes that PyTorch counts as one element.
    pub width: u64,
    /// Bytes that are reversed if the byte order is; half of `width` for complex numbers.
    pub unit: u64,
    /// True if each unit is a float, whose sign is its highest bit.
    pub is_float: bool,
    /// Elements of the dtype in one element of PyTorch.
    pub packed: u64,
}

const fn kind(dtype: Dtype, unit: u64, is_float: bool) -> Kind {
    Kind {
        dtype,
        width: dtype.bits / 8,
        unit,
        is_float,
        packed: 1,
    }
}

const fn plain(name: &str, bytes: u64, is_float: bool) -> Kind {
    kind(Dtype::plain(name, bytes * 8), bytes, is_float)
}

/// The name of the dtype, what the type of its storage starts with, and the type.
const TABLE: [(&str, &str, Kind); 21] = [
    ("float32", "Float", plain("F32", 4, true)),
    ("float16", "Half", plain("F16", 2, true)),
    ("bfloat16", "BFloat16", plain("BF16", 2, true)),
    ("float64", "Double", plain("F64", 8, true)),
    ("int64", "Long", plain("I64", 8, false)),
    ("int32", "Int", plain("I32", 4, false)),
    ("int16", "Short", plain("I16", 2, false)),
    ("int8", "Char", plain("I8", 1, false)),
    ("uint8", "Byte", plain("U8", 1, false)),
    ("bool", "Bool", plain("BOOL", 1, false)),
    (
        "complex64",
        "ComplexFloat",
        kind(Dtype::plain("C64", 64), 4, true),
    ),
    (
        "complex128",
        "ComplexDouble",
        kind(Dtype::plain("C128", 128), 8, true),
    ),
    ("uint16", "UInt16", plain("U16", 2, false)),
    ("uint32", "UInt32", plain("U32", 4, false)),
    ("uint64", "UInt64", plain("U64", 8, false)),
    ("float8_e5m2", "Float8_e5m2", plain("F8_E5M2", 1, true)),
    ("float8_e4m3fn", "Float8_e4m3fn", plain("F8_E4M3", 1, true)),
    (
        "float8_e5m2fnuz",
        "Float8_e5m2fnuz",
        plain("F8_E5M2FNUZ", 1, true),
    ),
    (
        "float8_e4m3fnuz",
        "Float8_e4m3fnuz",
        plain("F8_E4M3FNUZ", 1, true),
    ),
    ("float8_e8m0fnu", "Float8_e8m0fnu", plain("F8_E8M0", 1, false)),
    (
        "float4_e2m1fn_x2",
        "Float4_e2m1fn_x2",
        Kind {
            dtype: Dtype::plain("F4", 4),
            width: 1,
            unit: 1,
            is_float: false,
            packed: 2,
        },
    ),
];

/// Quantised types: the name of the dtype, what the type of its storage starts with, bytes of an element.
const QUANTISED: [(&str, &str, u64); 5] = [
    ("quint8", "QUInt8", 1),
    ("qint8", "QInt8", 1),
    ("qint32", "QInt32", 4),
    ("quint4x2", "QUInt4x2", 1),
    ("quint2x4", "QUInt2x4", 1),
];

impl Element {
    /// Return the type that a dtype such as `torch.float32` names; `None` if `value` is none.
    pub fn of_dtype(pickle: &Pickle, value: Value) -> Option<Self> {
        let (module, name) = pickle.global(value)?;
        (module == "torch").then(|| Self::find(|(dtype, _)| dtype == name))
    }

    /// Return the type that the type of a storage names, such as `torch.FloatStorage`; `None` if `value` is none.
    pub fn of_storage(pickle: &Pickle, value: Value) -> Option<Self> {
        let (module, name) = pickle.global(value)?;
        let stem = name.strip_suffix("Storage")?;
        if !matches!(module, "torch" | "torch.cuda" | "torch.storage" | "torch.sparse") {
            return None;
        }
        if stem == "Untyped" {
            return Some(Self::Untyped);
        }
        Some(Self::find(|(_, storage)| storage == stem))
    }

    /// Tell whether a name of a module of PyTorch is that of a dtype, or of the type of a storage.
    pub fn is_named(module: &str, name: &str) -> bool {
        match name.strip_suffix("Storage") {
            Some("Untyped") => true,
            Some(stem) => Self::find(|(_, storage)| storage == stem) != Self::Other,
            None => module == "torch" && Self::find(|(dtype, _)| dtype == name) != Self::Other,
        }
    }

    fn find(matches: impl Fn((&str, &str)) -> bool) -> Self {
        let known = TABLE.iter().find(|(dtype, storage, _)| matches((dtype, storage)));
        if let Some((_, _, kind)) = known {
            return Self::Known(*kind);
        }
        let quantised = QUANTISED
            .iter()
            .find(|(dtype, storage, _)| matches((dtype, storage)));
        quantised.map_or(Self::Other, |(_, _, width)| Self::Quantised(*width))
    }

    /// Return the bytes of an element.
    pub fn width(self) -> Option<u64> {
        match self {
            Self::Known(kind) => Some(kind.width),
            Self::Untyped => Some(1),
            Self::Quantised(width) => Some(width),
            Self::Other => None,
        }
    }
}
