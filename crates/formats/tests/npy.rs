//! NumPy arrays: headers, orders of bytes and of axes, and what is refused by name.

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::listing::{Elements, Listing, Tensor};
use lineaprint_formats::model::npy;

/// Build a file of version 1 with this dict and these elements.
fn file(dict: &str, data: &[u8]) -> Bytes {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(dict.len()).expect("short").to_le_bytes());
    bytes.extend_from_slice(dict.as_bytes());
    bytes.extend_from_slice(data);
    Bytes::from(bytes)
}

fn read(bytes: &Bytes) -> Result<Tensor, FormatError> {
    let Listing { mut tensors, .. } = npy::read(bytes)?;
    Ok(tensors.remove(0))
}

fn elements(tensor: &Tensor, bytes: &Bytes) -> Vec<u8> {
    match &tensor.elements {
        Elements::InPlace { start, end } => {
            let at = |position: &u64| usize::try_from(*position).expect("small");
            bytes[at(start)..at(end)].to_vec()
        }
        Elements::Decoded(decode) => {
            let mut all = Vec::new();
            decode
                .decode(bytes, &mut |piece| {
                    all.extend_from_slice(piece);
                    Ok(())
                })
                .expect("decodes");
            assert_eq!(all.len() as u64, decode.length());
            all
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn elements_in_their_final_form_stay_where_they_are() {
    let bytes = file(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n",
        &[0, 0, 128, 63, 0, 0, 0, 64],
    );
    let tensor = read(&bytes).expect("reads");
    assert_eq!(
        (tensor.name.as_str(), tensor.dtype.name(), tensor.shape.as_slice()),
        ("arr_0", "F32", [2].as_slice())
    );
    assert!(matches!(tensor.elements, Elements::InPlace { .. }));
    assert_eq!(elements(&tensor, &bytes), [0, 0, 128, 63, 0, 0, 0, 64]);
}

#[test]
fn big_endian_numbers_are_swapped_by_number() {
    let bytes = file(
        "{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }",
        &[1, 2, 3, 4],
    );
    assert_eq!(elements(&read(&bytes).expect("reads"), &bytes), [2, 1, 4, 3]);
    // A complex element is two numbers.
    let bytes = file(
        "{'descr': '>c8', 'fortran_order': False, 'shape': (), }",
        &[1, 2, 3, 4, 5, 6, 7, 8],
    );
    let tensor = read(&bytes).expect("reads");
    assert_eq!(tensor.dtype.name(), "C64");
    assert!(tensor.shape.is_empty());
    assert_eq!(elements(&tensor, &bytes), [4, 3, 2, 1, 8, 7, 6, 5]);
}

#[test]
fn fortran_order_is_gathered() {
    // [[0, 1, 2], [3, 4, 5]] with the first axis varying fastest.
    let bytes = file(
        "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }",
        &[0, 3, 1, 4, 2, 5],
    );
    assert_eq!(
        elements(&read(&bytes).expect("reads"), &bytes),
        [0, 1, 2, 3, 4, 5]
    );
    let data: Vec<u8> = (0..24_u16).flat_map(u16::to_be_bytes).collect();
    let bytes = file(
        "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3, 4), }",
        &data,
    );
    let expected: Vec<u8> = (0..2_u16)
        .flat_map(|i| (0..3).flat_map(move |j| (0..4).map(move |k| i + 2 * j + 6 * k)))
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(elements(&read(&bytes).expect("reads"), &bytes), expected);
    // One long axis has only one order.
    let bytes = file(
        "{'descr': '|u1', 'fortran_order': True, 'shape': (1, 3), }",
        &[1, 2, 3],
    );
    assert!(matches!(
        read(&bytes).expect("reads").elements,
        Elements::InPlace { .. }
    ));
    let bytes = file(
        "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 0, 3), }",
        &[],
    );
    assert!(elements(&read(&bytes).expect("reads"), &bytes).is_empty());
}

#[test]
fn opaque_elements_have_their_length_as_dtype() {
    let bytes = file(
        "{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }",
        &[7, 8],
    );
    assert_eq!(read(&bytes).expect("reads").dtype.name(), "OPAQUE2");
}

#[test]
fn what_is_no_tensor_is_refused_by_name() {
    for (descr, what) in [
        ("'|O'", "Python objects"),
        ("'<U4'", "text"),
        ("'|S4'", "text"),
        ("'<M8[ns]'", "dates"),
        ("'<f16'", "long doubles"),
        ("[('a', '<f4')]", "structures"),
    ] {
        let bytes = file(
            &format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}"),
            &[0; 16],
        );
        let error = read(&bytes).expect_err(descr);
        assert!(error.unsupported && error.message.contains(what), "{error}");
    }
}

#[test]
fn malformed_headers_are_refused() {
    for dict in [
        "",
        "{",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4)}",
        "{'descr': '<f5', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} + {}",
        "__import__('os').system('true')",
    ] {
        let error = read(&file(dict, &[0; 4])).expect_err(dict);
        assert!(!error.unsupported, "{dict}: {error}");
    }
    let short = file(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        &[0; 4],
    );
    assert!(read(&short).is_err());
    let long = file(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        &[0; 12],
    );
    assert!(read(&long).is_err());
    for cut in 0..short.len() - 4 {
        assert!(read(&short.slice(..cut)).is_err(), "{cut} bytes");
    }
}

#[test]
fn changed_bytes_never_panic() {
    let sound = file(
        "{'descr': '>f4', 'fortran_order': True, 'shape': (2, 3), }",
        &[1; 24],
    );
    for at in 0..sound.len() {
        for value in [0, 1, b'(', b'9', 0x7f, 0xff] {
            let mut bytes = sound.to_vec();
            bytes[at] = value;
            let bytes = Bytes::from(bytes);
            if let Ok(tensor) = read(&bytes) {
                elements(&tensor, &bytes);
            }
        }
    }
}
