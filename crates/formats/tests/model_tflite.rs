//! TensorFlow Lite files, honest and lying.

#[path = "model_files/support.rs"]
mod support;

use bytes::Bytes;
use lineaprint_formats::FormatError;
use lineaprint_formats::model::tflite::read;
use proptest::prelude::*;
use support::{bytes, check, check_any, expected, mutate};

#[test]
fn files_of_the_reference_writer_have_the_tensors_of_the_reference_reader() {
    for file in expected("tflite") {
        check("tflite", read, &file);
    }
}

#[test]
fn tensors_of_one_buffer_share_it() {
    let listing = read(&bytes("tflite", "names.tflite")).expect("reads");
    assert_eq!(listing.shared, [vec!["w", "1:w"], vec!["#1", "w#2", "1:#1"]]);
}

#[test]
fn other_parts_are_reported() {
    let sparse = read(&bytes("tflite", "sparse.tflite")).expect("reads");
    assert!(sparse.incomplete.is_some_and(|why| why.contains("sparse")));
    let names = read(&bytes("tflite", "names.tflite")).expect("reads");
    assert!(names.not_read[0].reason.contains("texts") && names.incomplete.is_none());
    let quantised = read(&bytes("tflite", "quantised.tflite")).expect("reads");
    assert!(quantised.remarks[0].contains("2 tensors are quantised"));
    assert!(
        quantised
            .metadata
            .contains(&("description".to_owned(), "fixture".to_owned()))
    );
}

/// Builds FlatBuffers from front to back: every offset points forward.
#[derive(Clone, Default)]
struct Builder(Vec<u8>);

impl Builder {
    fn new() -> Self {
        Self([&[0_u8; 4][..], b"TFL3"].concat())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Let the offset at `at` point to the end, where the next part goes.
    fn point(&mut self, at: usize) {
        let offset = u32::try_from(self.0.len() - at).expect("small");
        self.put(at, &offset.to_le_bytes());
    }

    /// Add a table whose fields have the given widths; 0 for an absent one. Return where each field lies.
    fn table(&mut self, from: usize, widths: &[u16]) -> Vec<usize> {
        let fields_at = self.0.len();
        let fields = u16::try_from(widths.len()).expect("few");
        let mut place = 4_u16;
        let mut positions = Vec::new();
        let mut entries = Vec::new();
        for width in widths {
            entries.extend(if *width == 0 { 0 } else { place }.to_le_bytes());
            positions.push(place);
            place += width;
        }
        self.0.extend((4 + 2 * fields).to_le_bytes());
        self.0.extend(place.to_le_bytes());
        self.0.extend(entries);
        self.point(from);
        let at = self.0.len();
        self.0
            .extend(u32::try_from(at - fields_at).expect("small").to_le_bytes());
        self.0.resize(at + usize::from(place), 0);
        positions
            .into_iter()
            .map(|place| at + usize::from(place))
            .collect()
    }

    /// Add a vector of items of 4 bytes. Return where each lies.
    fn vector(&mut self, from: usize, count: usize) -> Vec<usize> {
        self.point(from);
        self.0.extend(u32::try_from(count).expect("small").to_le_bytes());
        let start = self.0.len();
        self.0.resize(start + 4 * count, 0);
        (0..count).map(|item| start + 4 * item).collect()
    }

    fn data(&mut self, from: usize, bytes: &[u8]) -> usize {
        self.point(from);
        self.0
            .extend(u32::try_from(bytes.len()).expect("small").to_le_bytes());
        let start = self.0.len();
        self.0.extend(bytes);
        start
    }
}

/// Positions of the parts of a small model.
struct Small {
    file: Builder,
    buffers: Vec<usize>,
    tensors: Vec<usize>,
    shape: usize,
    kind: usize,
    buffer: usize,
    data_length: usize,
    offset_and_size: (usize, usize),
}

/// Return a model of one tensor `w` of four bytes, with a second buffer whose data would lie behind the FlatBuffer.
fn model() -> Small {
    let mut file = Builder::new();
    let root = file.table(0, &[4, 0, 4, 0, 4]);
    file.put(root[0], &[3, 0, 0, 0]);
    let graphs = file.vector(root[2], 1);
    let graph = file.table(graphs[0], &[4]);
    let tensors = file.vector(graph[0], 1);
    let tensor = file.table(tensors[0], &[4, 1, 4, 4]);
    let shape = file.vector(tensor[0], 1)[0];
    file.put(shape, &[4, 0, 0, 0]);
    file.put(tensor[1], &[3]);
    file.put(tensor[2], &[1, 0, 0, 0]);
    file.data(tensor[3], b"w");
    let buffers = file.vector(root[4], 3);
    file.table(buffers[0], &[]);
    let inside = file.table(buffers[1], &[4]);
    let data = file.data(inside[0], &[1, 2, 3, 4]);
    let outside = file.table(buffers[2], &[0, 8, 8]);
    Small {
        file,
        buffers,
        tensors,
        shape,
        kind: tensor[1],
        buffer: tensor[2],
        data_length: data - 4,
        offset_and_size: (outside[1], outside[2]),
    }
}

fn refusal(file: &Builder) -> FormatError {
    check_any(read, &Bytes::from(file.0.clone())).expect_err("must be refused")
}

fn refused_with(change: impl FnOnce(&mut Small)) -> FormatError {
    let mut small = model();
    change(&mut small);
    refusal(&small.file)
}

#[test]
fn the_builder_makes_files_that_are_read() {
    let listing = read(&Bytes::from(model().file.0)).expect("reads");
    assert_eq!(
        (listing.tensors[0].name.as_str(), &listing.tensors[0].shape),
        ("w", &vec![4])
    );
}

#[test]
fn offsets_beyond_the_file_are_refused() {
    for value in [1 << 20, 0x7fff_ffff, u32::MAX] {
        let offset = value.to_le_bytes();
        refused_with(|small| small.file.put(0, &offset));
        refused_with(|small| small.file.put(small.buffers[1], &offset));
        refused_with(|small| small.file.put(small.tensors[0], &offset));
    }
    let outside = |offset: u64, size: u64| {
        let mut small = model();
        small.file.put(small.buffer, &[2, 0, 0, 0]);
        small.file.put(small.offset_and_size.0, &offset.to_le_bytes());
        small.file.put(small.offset_and_size.1, &size.to_le_bytes());
        check_any(read, &Bytes::from(small.file.0))
    };
    assert_eq!(outside(8, 4).map(|listing| listing.tensors.len()), Ok(1));
    assert!(outside(1 << 40, 4).is_err());
    assert!(outside(u64::MAX, 4).is_err(), "the sum overflows");
    assert!(outside(8, u64::MAX - 4).is_err());
    // An offset of at most 1 is none, so the tensor has no data.
    assert_eq!(outside(1, 4).map(|listing| listing.tensors.len()), Ok(0));
}

#[test]
fn huge_counts_are_refused() {
    for count in [0x1000_u32, 1 << 30, u32::MAX] {
        let count = count.to_le_bytes();
        refused_with(|small| small.file.put(small.buffers[0] - 4, &count));
        refused_with(|small| small.file.put(small.tensors[0] - 4, &count));
        refused_with(|small| small.file.put(small.shape - 4, &count));
        refused_with(|small| small.file.put(small.data_length, &count));
    }
}

#[test]
fn a_buffer_that_is_not_there_is_refused() {
    for buffer in [3_u32, u32::MAX] {
        let error = refused_with(|small| small.file.put(small.buffer, &buffer.to_le_bytes()));
        assert!(error.message.contains("no buffer"), "{error}");
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for length in [0_i32, 3, 5, -1, i32::MIN, i32::MAX] {
        let error = refused_with(|small| small.file.put(small.shape, &length.to_le_bytes()));
        assert_eq!(error.tensor.as_deref(), Some("w"), "{length}: {error}");
    }
}

#[test]
fn types_that_are_not_known_are_listed_and_the_listing_incomplete() {
    for kind in [13, 14, 23, 255] {
        let mut small = model();
        small.file.put(small.kind, &[kind]);
        let listing = read(&Bytes::from(small.file.0)).expect("reads");
        assert_eq!(
            (listing.tensors.len(), listing.not_read[0].name.as_str()),
            (0, "w")
        );
        assert!(listing.incomplete.is_some());
    }
}

#[test]
fn graphs_that_repeat_one_another_have_an_end() {
    // Many graphs, all of them one graph with many tensors, all of them one tensor.
    let mut file = Builder::new();
    let root = file.table(0, &[0, 0, 4, 0, 4]);
    let graphs = file.vector(root[2], 5000);
    for graph in &graphs {
        file.point(*graph);
    }
    // The table follows its list of fields, which is where the offsets point: correct each by its length.
    let here = file.0.len();
    let graph = file.table(graphs[0], &[4]);
    let ahead = graph[0] - 4 - here;
    for graph in &graphs[1..] {
        let offset = u32::try_from(here + ahead - graph).expect("small");
        file.put(*graph, &offset.to_le_bytes());
    }
    let tensors = file.vector(graph[0], 5000);
    let here = file.0.len();
    let tensor = file.table(tensors[0], &[0, 1, 4]);
    let ahead = tensor[1] - 4 - here;
    for other in &tensors[1..] {
        let offset = u32::try_from(here + ahead - other).expect("small");
        file.put(*other, &offset.to_le_bytes());
    }
    let buffers = file.vector(root[4], 1);
    file.table(buffers[0], &[]);
    assert!(refusal(&file).message.contains("too many tensors"));
}

#[test]
fn files_that_are_none_are_refused() {
    for file in [
        &b""[..],
        b"TFL3",
        b"\0\0\0\0TFL3",
        b"\x08\0\0\0TFL3",
        b"\x08\0\0\0TFL2\0\0\0\0",
    ] {
        read(&Bytes::from_static(file)).expect_err("refused");
    }
}

#[test]
fn every_prefix_and_changed_byte_is_an_answer() {
    mutate(read, &Bytes::from(model().file.0), 1);
    for file in [
        "names.tflite",
        "quantised.tflite",
        "behind.tflite",
        "sparse.tflite",
    ] {
        mutate(read, &bytes("tflite", file), 1);
    }
}

proptest! {
    /// Change several bytes of a file at once: an answer, never a panic, and nothing outside the file.
    #[test]
    fn mutated_files_never_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), which in 0_usize..4) {
        let name = ["every-type.tflite", "names.tflite", "quantised.tflite", "behind.tflite"][which];
        let mut file = bytes("tflite", name).to_vec();
        for (at, to) in changes {
            let at = at % file.len();
            file[at] = to;
        }
        drop(check_any(read, &Bytes::from(file)));
    }
}
