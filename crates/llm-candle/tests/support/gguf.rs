//! A writer of small GGUF files, version 3.

const VERSION: u32 = 3;
const ALIGNMENT: usize = 32;

/// Type ids of metadata values.
const U32: u32 = 4;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A file that grows pair by pair and tensor by tensor.
#[derive(Clone, Default)]
pub(crate) struct Writer {
    pairs: Vec<u8>,
    pair_count: u64,
    infos: Vec<u8>,
    tensor_count: u64,
    data: Vec<u8>,
}

impl Writer {
    fn pair(&mut self, key: &str, type_id: u32, value: &[u8]) {
        put_text(&mut self.pairs, key);
        self.pairs.extend(type_id.to_le_bytes());
        self.pairs.extend(value);
        self.pair_count += 1;
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        let mut bytes = Vec::new();
        put_text(&mut bytes, value);
        self.pair(key, STRING, &bytes);
    }

    pub(crate) fn size(&mut self, key: &str, value: usize) {
        let value = u32::try_from(value).unwrap();
        self.pair(key, U32, &value.to_le_bytes());
    }

    pub(crate) fn float(&mut self, key: &str, value: f32) {
        self.pair(key, F32, &value.to_le_bytes());
    }

    pub(crate) fn bool(&mut self, key: &str, value: bool) {
        self.pair(key, BOOL, &[u8::from(value)]);
    }

    pub(crate) fn sizes(&mut self, key: &str, values: &[usize]) {
        let bytes = values
            .iter()
            .flat_map(|&value| (value as u32).to_le_bytes());
        self.array(key, U32, values.len(), bytes);
    }

    pub(crate) fn bools(&mut self, key: &str, values: &[bool]) {
        let bytes = values.iter().map(|&value| u8::from(value));
        self.array(key, BOOL, values.len(), bytes);
    }

    pub(crate) fn floats(&mut self, key: &str, values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.array(key, F32, values.len(), bytes);
    }

    fn array(&mut self, key: &str, id: u32, length: usize, bytes: impl Iterator<Item = u8>) {
        let mut value = id.to_le_bytes().to_vec();
        value.extend((length as u64).to_le_bytes());
        value.extend(bytes);
        self.pair(key, ARRAY, &value);
    }

    /// Adds a tensor; `shape` has the fastest-running extent first, `type_id`
    /// is ggml's.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize], type_id: u32, bytes: &[u8]) {
        put_text(&mut self.infos, name);
        self.infos.extend((shape.len() as u32).to_le_bytes());
        for &extent in shape {
            self.infos.extend((extent as u64).to_le_bytes());
        }
        self.infos.extend(type_id.to_le_bytes());
        self.infos.extend((self.data.len() as u64).to_le_bytes());
        self.data.extend(bytes);
        pad(&mut self.data);
        self.tensor_count += 1;
    }

    /// Returns the file's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut file = b"GGUF".to_vec();
        file.extend(VERSION.to_le_bytes());
        file.extend(self.tensor_count.to_le_bytes());
        file.extend(self.pair_count.to_le_bytes());
        file.extend(self.pairs);
        file.extend(self.infos);
        pad(&mut file);
        file.extend(self.data);
        file
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
}
