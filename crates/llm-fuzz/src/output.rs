//! What earlier runs have left: outputs that are gone on with or run again,
//! vectors, matrices, kept beginnings of prompts.

use std::io::Cursor;

use half::f16;
use llm_engine::cache::{Cache, Sequences as _, sealed};
use llm_filter::durable::{Existing, Opened};
use llm_filter::{Rules, RunLog, durable};
use llm_kernels::attention::Shape;
use llm_record::Encoding;
use llm_record::matrix::Layout;
use llm_search::VectorLines;

use crate::scratch;

/// Reads an output, to go on with it and to run it again.
pub fn journal(data: &[u8]) {
    scratch::file("x.jsonl", data, |path| {
        let rules = Rules {
            retries_errors: data.len() % 2 == 1,
            tells_files: data.len() % 3 == 1,
            kind: None,
        };
        let lines = data.split(|&byte| byte == b'\n').count();
        if let Ok((_, found)) = durable::resume(path, rules, false) {
            assert!(found.torn <= data.len() as u64);
            assert!(found.journal.len() <= lines);
        }
        assert_eq!(std::fs::read(path).unwrap(), data);
        if let Ok(mut log) = RunLog::open(path) {
            let offsets = log.offsets().to_vec();
            assert!(offsets.len() <= lines);
            for offset in offsets {
                log.read(offset).unwrap();
            }
            log.take_errors();
        }
    });
    goes_on(data);
}

/// What is cut off an output, as a run that goes on with it does, is what no
/// record has closed: then it is whole, and holds the same.
fn goes_on(data: &[u8]) {
    scratch::file("y.jsonl", data, |path| {
        let open = || durable::open(path, Rules::default(), Existing::Continue, &|_| Ok(()));
        let Ok(Opened::Continued(_, found)) = open() else {
            assert_eq!(std::fs::read(path).unwrap(), data);
            return;
        };
        let left = std::fs::read(path).unwrap();
        assert_eq!(left.len() as u64 + found.torn, data.len() as u64);
        assert!(data.starts_with(&left));
        let Ok(Opened::Continued(_, reopened)) = open() else {
            panic!("what was cut cannot be opened any more");
        };
        let closed = found.journal.len();
        assert_eq!((reopened.torn, reopened.journal.len()), (0, closed));
    });
}

/// Reads records of vectors, which hold them or stand beside a matrix.
pub fn vectors(data: &[u8]) {
    for is_beside in [false, true] {
        let mut vectors = VectorLines::new("'x'".to_owned(), is_beside);
        let read = vectors.read(&mut Cursor::new(data), &|| false);
        let dimensions = vectors
            .provenance
            .as_ref()
            .map_or(0, |made| made.dimensions);
        if read.is_ok() && !is_beside {
            assert_eq!(vectors.numbers.len(), vectors.offsets.len() * dimensions);
        }
        let length = data.len() as u64;
        assert!(vectors.offsets.iter().all(|&offset| offset < length));
    }
    scratch::file("vectors.jsonl", data, |path| {
        let first = llm_search::first_provenance(path);
        assert!(first.is_none_or(|made| made.dimensions > 0));
    });
}

/// Reads matrices of vectors of both forms, and decodes their rows.
pub fn matrix(data: &[u8]) {
    for layout in [Layout::Npy, Layout::Safetensors] {
        let Ok(shape) = layout.read(data) else {
            continue;
        };
        let dimensions = match shape.encoding {
            Encoding::Binary => shape.columns.saturating_mul(8),
            _ => shape.columns,
        };
        let size = shape.encoding.size(dimensions);
        assert_eq!(shape.start + shape.rows * size, data.len());
        if size > 0 {
            for row in data[shape.start..].chunks(size) {
                let mut numbers = Vec::new();
                assert!(shape.encoding.decode(row, dimensions, 1.0, &mut numbers));
                assert_eq!(numbers.len(), dimensions);
            }
        }
        // The same shape, written.
        if shape.rows < 1 << 30 {
            let mut own = layout.header(shape.encoding, shape.rows as u64, dimensions as u64);
            assert_eq!(own.len(), layout.header_size());
            own.extend_from_slice(&data[shape.start..]);
            let read = layout.read(&own).unwrap();
            assert_eq!((read.rows, read.columns), (shape.rows, shape.columns));
        }
    }
}

const SHAPE: Shape = Shape {
    heads: 1,
    kv_heads: 1,
    head_dim: 2,
    value_dim: 1,
    scale: 1.0,
    soft_cap: None,
};

/// Reads a kept beginning of a prompt: the file, and the state in it.
pub fn prefix(data: &[u8]) {
    let tokens = [1, 2, 70_000];
    if let Ok(state) = sealed::state(data.to_vec(), &tokens) {
        let mut whole = sealed::head(&tokens, &state);
        whole.extend(&state);
        assert_eq!(whole, data);
        load(&state);
    }
    let mut whole = sealed::head(&tokens, data);
    whole.extend(data);
    assert_eq!(sealed::state(whole, &tokens).as_deref(), Ok(data));
    load(data);
}

fn load(state: &[u8]) {
    let mut cache = Cache::<f16>::new(&[Some(SHAPE), None]);
    let Some(id) = cache.load(state) else {
        return;
    };
    let length = cache.length(id).unwrap();
    let saved = cache.save(id, length).unwrap();
    let elements = |bytes: &[u8]| -> Vec<f32> {
        let pairs = bytes.as_chunks().0.iter();
        pairs
            .map(|pair| f16::from_le_bytes(*pair).to_f32())
            .collect()
    };
    let (there, here) = (elements(state), elements(&saved));
    assert_eq!(there.len(), here.len());
    let is_same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    assert!(there.iter().zip(&here).all(is_same));
}
