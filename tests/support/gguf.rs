//! GGUF headers made by hand, for files that no honest program writes. The format is that of ggml's
//! docs/gguf.md, version 3.

/// Type id of a text.
const STRING: u32 = 8;

/// Returns a header with no tensor in it: what it claims to have, and metadata of texts.
pub fn header(tensors: u64, pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(tensors.to_le_bytes());
    bytes.extend((pairs.len() as u64).to_le_bytes());
    for (key, value) in pairs {
        text(&mut bytes, key);
        bytes.extend(STRING.to_le_bytes());
        text(&mut bytes, value);
    }
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
