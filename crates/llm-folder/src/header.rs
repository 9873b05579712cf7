//! The header of one safetensors file, checked against the file's size.
//!
//! Format: <https://huggingface.co/docs/safetensors>: the length of a JSON text
//! in 8 bytes, the text, the tensors without gaps between them.

use safetensors::tensor::{Dtype, Metadata};

use llm_gguf::{TensorType, describe_bytes};

/// A tensor of a file, by the file's own name for it.
#[derive(Debug)]
pub struct Stored {
    /// Its name in the file.
    pub name: String,
    /// Extents, the slowest-running first.
    pub shape: Vec<u64>,
    /// `None` for a type that cannot be run.
    pub dtype: Option<TensorType>,
    /// The type as the file names it.
    pub dtype_name: String,
    /// First byte, counted from the start of the file.
    pub offset: u64,
}

/// Bytes of the length before the header.
const LENGTH_BYTES: usize = 8;
/// The format's own limit, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// Reads the header of a file.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence that begins with the file.
pub fn read(bytes: &[u8]) -> Result<Vec<Stored>, String> {
    if let Some(other) = describe_bytes(bytes).filter(|_| bytes.get(8) != Some(&b'{')) {
        return Err(other.into());
    }
    let (length, rest) = bytes
        .split_first_chunk::<LENGTH_BYTES>()
        .ok_or("it is shorter than the length of its header")?;
    let length = u64::from_le_bytes(*length);
    if length > LONGEST_HEADER || length > rest.len() as u64 {
        return Err(format!(
            "it states a header of {length} bytes and has {} (it is cut short, or no safetensors file)",
            bytes.len()
        ));
    }
    let (header, data) = rest.split_at(length as usize);
    // This checks that tensors have the size of their shapes and leave no gap.
    // Where they end is looked at here, for a reason that people understand.
    let header: Metadata = serde_json::from_slice(header)
        .map_err(|error| format!("its header cannot be read: {error}"))?;
    if header.data_len() != data.len() {
        return Err(format!(
            "its header tells of {} bytes of tensors and {} are there (the file is cut short, or two were mixed)",
            header.data_len(),
            data.len()
        ));
    }
    let start = (bytes.len() - data.len()) as u64;
    let stored = |name: String| {
        let info = header.info(&name)?;
        Some(Stored {
            shape: info.shape.iter().map(|&extent| extent as u64).collect(),
            dtype: match info.dtype {
                Dtype::F32 => Some(TensorType(0)),
                Dtype::F16 => Some(TensorType(1)),
                Dtype::BF16 => Some(TensorType(30)),
                _ => None,
            },
            dtype_name: info.dtype.to_string(),
            offset: start + info.data_offsets.0 as u64,
            name,
        })
    };
    Ok(header
        .offset_keys()
        .into_iter()
        .filter_map(stored)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let length = header.len() as u64;
        let zeros = vec![0; data];
        [&length.to_le_bytes(), header.as_bytes(), &zeros].concat()
    }

    const SMALL: &str = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[16,28]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#;

    #[test]
    fn tensors_are_found_in_the_order_of_their_bytes() {
        let found = read(&file(SMALL, 28)).unwrap();
        let names: Vec<_> = found.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(found[1].shape, [2, 3]);
        assert_eq!(found[1].offset, (8 + SMALL.len() + 16) as u64);
        assert_eq!(found[1].dtype, Some(TensorType(30)));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_and_never_a_crash() {
        let bytes = file(SMALL, 28);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "cut at {length}");
        }
        assert!(read(&[bytes, vec![0]].concat()).is_err());
    }

    #[test]
    fn any_single_wrong_byte_is_survived() {
        let bytes = file(SMALL, 28);
        for at in 0..bytes.len() - 28 {
            for value in [0, b'"', b'9', b'}', 0xff] {
                let mut wrong = bytes.clone();
                wrong[at] = value;
                drop(read(&wrong));
            }
        }
    }

    #[test]
    fn hostile_headers_are_refused_with_a_reason() {
        let reason = |header: &str, data| read(&file(header, data)).unwrap_err();
        let of_bytes = |count: u64| {
            format!(r#"{{"a":{{"dtype":"U8","shape":[{count}],"data_offsets":[0,{count}]}}}}"#)
        };
        assert!(reason(&of_bytes(u64::MAX), 4).contains("cannot be read"));
        assert!(reason(&of_bytes(u64::MAX >> 3), 4).contains("bytes of tensors"));
        let header =
            r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#;
        assert!(reason(header, 0).contains("cannot be read"));
        let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#;
        assert!(reason(header, 8).contains("cannot be read"));
        let header = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#;
        assert!(reason(header, 8).contains("cannot be read"));
        let header = r#"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#;
        assert!(reason(header, 4).contains("cannot be read"));
        assert!(reason(&"[".repeat(100_000), 4).contains("cannot be read"));
        let mut long = (u64::MAX - 3).to_le_bytes().to_vec();
        long.extend([b'{', b'}']);
        assert!(read(&long).unwrap_err().contains("states a header"));
    }

    #[test]
    fn other_types_are_named() {
        let header = r#"{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}"#;
        let found = read(&file(header, 4)).unwrap();
        assert_eq!((found[0].dtype, &*found[0].dtype_name), (None, "F8_E4M3"));
    }
}
