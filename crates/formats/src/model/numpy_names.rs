//! The names that NumPy and ml_dtypes give to element types.

use crate::model::dtype::Dtype;

/// The meaning of a name of NumPy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A type of tensors, whose elements are stored in their final form.
    Dtype(Dtype),
    /// Text, dates or Python objects: no tensor.
    NoTensor,
    /// A type that `docs/format.md` does not name, or that is stored wider than it is (`int4`: a byte each).
    Unknown,
}

/// Return the meaning of the `name` of a NumPy dtype, byte order aside.
pub(crate) fn named(name: &str) -> Named {
    let spelled = match name {
        "bool" => "BOOL",
        "int8" => "I8",
        "uint8" => "U8",
        "int16" => "I16",
        "uint16" => "U16",
        "int32" => "I32",
        "uint32" => "U32",
        "int64" => "I64",
        "uint64" => "U64",
        "float16" => "F16",
        "float32" => "F32",
        "float64" => "F64",
        "bfloat16" => "BF16",
        "complex64" => "C64",
        "complex128" => return Named::Dtype(Dtype::plain("C128", 128)),
        "float8_e4m3fn" => "F8_E4M3",
        "float8_e4m3fnuz" => "F8_E4M3FNUZ",
        "float8_e5m2" => "F8_E5M2",
        "float8_e5m2fnuz" => "F8_E5M2FNUZ",
        "float8_e8m0fnu" => "F8_E8M0",
        _ => return other(name),
    };
    Dtype::named(spelled).map_or(Named::Unknown, Named::Dtype)
}

fn other(name: &str) -> Named {
    if let Some(bits) = name
        .strip_prefix("void")
        .and_then(|bits| bits.parse::<u32>().ok())
        && bits >= 8
        && bits.is_multiple_of(8)
    {
        return Named::Dtype(Dtype::opaque(bits / 8));
    }
    let no_tensor = ["str", "bytes", "object", "datetime64", "timedelta64", "void"];
    if no_tensor.iter().any(|prefix| name.starts_with(prefix)) {
        return Named::NoTensor;
    }
    Named::Unknown
}
