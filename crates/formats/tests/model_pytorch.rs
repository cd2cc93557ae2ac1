//! Checkpoints of PyTorch, as PyTorch writes them.

#[path = "model_files/support.rs"]
mod support;

use lineaprint_formats::model::pytorch::read;
use support::{check, expected};

#[test]
fn files_of_pytorch_have_the_tensors_that_pytorch_reads() {
    let files = expected("pytorch");
    assert!(files.len() > 20);
    for file in files {
        check("pytorch", read, &file);
    }
}
