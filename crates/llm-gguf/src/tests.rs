//! Headers that are right, cut short, or hostile.

use super::*;

/// Writes a GGUF file by hand.
struct Writer(Vec<u8>);

impl Writer {
    fn new(version: u32, tensors: u64, pairs: u64) -> Self {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(pairs.to_le_bytes());
        Self(bytes)
    }

    fn text(mut self, text: &str) -> Self {
        self.0.extend((text.len() as u64).to_le_bytes());
        self.0.extend(text.as_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn data(mut self, bytes: &[u8]) -> Self {
        self.0.resize(self.0.len().next_multiple_of(32), 0);
        self.0.extend(bytes);
        self
    }
}

fn small() -> Writer {
    let header = Writer::new(3, 2, 3)
        .text("general.architecture")
        .u32(8)
        .text("llama")
        .text("llama.block_count")
        .u32(4)
        .u32(7);
    let header = header
        .text("tokens")
        .u32(9)
        .u32(8)
        .u64(2)
        .text("a")
        .text("b")
        .text("one")
        .u32(2)
        .u64(32)
        .u64(2)
        .u32(8)
        .u64(0);
    header
        .text("two")
        .u32(1)
        .u64(4)
        .u32(12_345)
        .u64(96)
        .data(&[7; 100])
}

fn open(bytes: &[u8]) -> Result<Gguf, GgufError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    Gguf::open(&[path])
}

#[test]
fn a_small_file_is_read_whole() {
    let gguf = open(&small().0).unwrap();
    assert_eq!(
        gguf.metadata().string("general.architecture").unwrap(),
        Some("llama")
    );
    assert_eq!(gguf.metadata().u64("llama.block_count"), Ok(Some(7)));
    let tokens = gguf.metadata().strings("tokens").unwrap().unwrap();
    assert!(tokens.iter().eq([b"a", b"b"]));
    assert_eq!((tokens.len(), tokens.get(1)), (2, Some(&b"b"[..])));
    assert_eq!(tokens.get(2), None);
    let one = gguf.tensor("one").unwrap();
    assert_eq!((one.elements(), one.size), (64, Some(68)));
    assert_eq!(gguf.bytes(one), [7; 68]);
    let unknown = gguf.tensor("two").unwrap();
    assert_eq!(unknown.dtype.to_string(), "type 12345");
    assert_eq!((unknown.size, gguf.bytes(unknown).len()), (None, 0));
}

#[test]
fn arrays_of_every_type_are_read() {
    let array = |type_id: u32, items: &[u8], count: u64| {
        let mut writer = Writer::new(3, 0, 1)
            .text("k")
            .u32(9)
            .u32(type_id)
            .u64(count);
        writer.0.extend(items);
        open(&writer.0).unwrap()
    };
    let integers = |type_id, items: &[u8]| -> Vec<i64> {
        let gguf = array(type_id, items, 2);
        let found = gguf.metadata().integers("k").unwrap().unwrap();
        assert_eq!((found.len(), found.is_empty()), (2, false));
        found.iter().collect()
    };
    assert_eq!(integers(0, &[255, 1]), [255, 1]);
    assert_eq!(integers(1, &[255, 1]), [-1, 1]);
    assert_eq!(integers(2, &[255, 255, 1, 0]), [65_535, 1]);
    assert_eq!(integers(3, &[255, 255, 1, 0]), [-1, 1]);
    assert_eq!(
        integers(4, &[[255; 4], [1, 0, 0, 0]].concat()),
        [4_294_967_295, 1]
    );
    assert_eq!(integers(5, &[[255; 4], [1, 0, 0, 0]].concat()), [-1, 1]);
    assert_eq!(integers(7, &[0, 1]), [0, 1]);
    assert_eq!(integers(11, &[[255; 8], [0; 8]].concat()), [-1, 0]);
    for (type_id, items) in [
        (6, [0.5_f32.to_le_bytes(), (-2_f32).to_le_bytes()].concat()),
        (12, [0.5_f64.to_le_bytes(), (-2_f64).to_le_bytes()].concat()),
    ] {
        let gguf = array(type_id, &items, 2);
        let found = gguf.metadata().f32s("k").unwrap().unwrap();
        assert_eq!((found.len(), found.is_empty()), (2, false));
        assert_eq!(
            [0, 1, 2, usize::MAX].map(|at| found.get(at)),
            [Some(0.5), Some(-2.0), None, None]
        );
    }
    let none = array(8, &[], 0);
    assert!(none.metadata().strings("k").unwrap().unwrap().is_empty());
}

#[test]
fn a_file_cut_anywhere_is_an_error_and_never_a_crash() {
    let bytes = small().0;
    // Of the last tensor, whose size is not known, only that it has bytes.
    for length in 0..bytes.len() - 3 {
        assert!(open(&bytes[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn any_single_wrong_byte_is_survived() {
    let bytes = small().0;
    for at in 0..bytes.len() - 100 {
        for value in [0, 1, 9, 0x7f, 0xff] {
            let mut wrong = bytes.clone();
            wrong[at] = value;
            drop(open(&wrong));
        }
    }
}

#[test]
fn enormous_claims_are_refused_with_their_number() {
    let reason = |writer: Writer| open(&writer.0).unwrap_err().to_string();
    assert!(reason(Writer::new(3, 1 << 60, 0)).contains("1152921504606846976 tensors"));
    assert!(reason(Writer::new(3, 0, u64::MAX)).contains("metadata entries"));
    let array = Writer::new(3, 0, 1).text("k").u32(9).u32(4).u64(1 << 61);
    assert!(reason(array).contains("array elements"));
    let shape = Writer::new(3, 1, 0)
        .text("t")
        .u32(2)
        .u64(1 << 40)
        .u64(1 << 40)
        .u32(0)
        .u64(0);
    assert!(reason(shape).contains("too large"));
    let overflow = Writer::new(3, 1, 0)
        .text("t")
        .u32(2)
        .u64(64)
        .u64(1 << 56)
        .u32(0)
        .u64(0);
    assert!(reason(overflow).contains("too large"));
    let long = Writer::new(3, 1, 0)
        .text(&"x".repeat(100_000))
        .u32(0)
        .u32(0)
        .u64(0);
    assert!(reason(long).contains("100000 bytes"));
    let beyond = Writer::new(3, 1, 0)
        .text("t")
        .u32(1)
        .u64(4)
        .u32(0)
        .u64(1 << 62);
    assert!(reason(beyond).contains("cut short"));
}

#[test]
fn other_versions_are_named() {
    let reason = |version| open(&Writer::new(version, 0, 0).0).unwrap_err().to_string();
    assert!(reason(1).contains("version 1"));
    assert!(reason(4).contains("version 4"));
    assert!(reason(3_u32.swap_bytes()).contains("big-endian"));
    assert!(open(&Writer::new(2, 0, 0).0).is_ok());
}

#[test]
fn shards_are_found_from_any_of_them() {
    let paths = shard_paths(Path::new("/m/x-00002-of-00003.gguf"));
    let names: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "/m/x-00001-of-00003.gguf",
            "/m/x-00002-of-00003.gguf",
            "/m/x-00003-of-00003.gguf"
        ]
    );
    assert_eq!(
        shard_paths(Path::new("plain.gguf")),
        [PathBuf::from("plain.gguf")]
    );
}

#[test]
fn tensors_in_the_same_bytes_are_refused() {
    let two = |first_type: u32, second_offset: u64, data: usize| {
        let header = Writer::new(3, 2, 0)
            .text("a")
            .u32(1)
            .u64(32)
            .u32(first_type)
            .u64(0)
            .text("b")
            .u32(1)
            .u64(8)
            .u32(0);
        let header = header.u64(second_offset).data(&vec![0; data]);
        open(&header.0).map(drop).map_err(|error| error.to_string())
    };
    let (f32_id, unknown) = (0, 12_345);
    assert_eq!(two(f32_id, 128, 160), Ok(()));
    assert!(two(f32_id, 96, 160).unwrap_err().contains("'a' and 'b'"));
    // Of an unknown type's size nothing is known, but it is not none.
    assert_eq!(two(unknown, 32, 160), Ok(()));
    assert!(
        two(unknown, 0, 160)
            .unwrap_err()
            .contains("in the same bytes")
    );
    let last = Writer::new(3, 1, 0).text("a").u32(1).u64(32).u32(unknown);
    let told = open(&last.u64(32).data(&[0; 32]).0)
        .unwrap_err()
        .to_string();
    assert!(told.contains("cut short"), "{told}");
}

/// The head of a shard: what it says of itself.
fn shard_head(tensors: u64, split: [u32; 3], architecture: &str) -> Writer {
    let keys = ["split.no", "split.count", "split.tensors.count"];
    let pairs = keys.len() + usize::from(!architecture.is_empty());
    let mut writer = Writer::new(3, tensors, pairs as u64);
    for (key, number) in keys.into_iter().zip(split) {
        writer = writer.text(key).u32(4).u32(number);
    }
    match architecture {
        "" => writer,
        name => writer.text("general.architecture").u32(8).text(name),
    }
}

/// A shard with one tensor of eight numbers.
fn shard(name: &str, split: [u32; 3], architecture: &str) -> Vec<u8> {
    let bytes: Vec<u8> = (0..8_u8)
        .flat_map(|n| (f32::from(n) + split[0] as f32 * 100.0).to_le_bytes())
        .collect();
    let writer = shard_head(1, split, architecture)
        .text(name)
        .u32(1)
        .u64(8)
        .u32(0)
        .u64(0);
    writer.data(&bytes).0
}

fn open_shards(shards: &[Vec<u8>]) -> Result<Gguf, GgufError> {
    let folder = tempfile::tempdir().unwrap();
    let paths = shard_paths(&folder.path().join("m-00001-of-00002.gguf"));
    for (path, bytes) in paths.iter().zip(shards) {
        std::fs::write(path, bytes).unwrap();
    }
    Gguf::open(&paths[..shards.len()])
}

#[test]
fn tensors_of_two_shards_are_read() {
    // gguf-split writes the metadata into the first shard alone.
    let shards = [shard("a", [0, 2, 2], "llama"), shard("b", [1, 2, 2], "")];
    let gguf = open_shards(&shards).unwrap();
    assert_eq!(gguf.tensors().len(), 2);
    for (index, (name, start)) in [("a", 0.0), ("b", 100.0)].into_iter().enumerate() {
        let tensor = gguf.tensor(name).unwrap();
        assert_eq!(tensor.shard, index);
        let first: [u8; 4] = gguf.bytes(tensor)[..4].try_into().unwrap();
        assert_eq!(f32::from_le_bytes(first).to_bits(), f32::to_bits(start));
        assert_eq!(gguf.bytes(tensor).len(), 32);
    }
    assert_eq!(gguf.parameters(), 16);
}

#[test]
fn shards_of_another_model_are_refused() {
    let first = || shard("a", [0, 2, 2], "llama");
    for (second, reason) in [
        (shard("b", [0, 2, 2], ""), "split.no is 0"),
        (shard("b", [1, 3, 2], ""), "split.count is 3"),
        (shard("b", [1, 2, 2], "gemma3"), "architecture is 'gemma3'"),
        (
            shard("b", [1, 2, 9], ""),
            "belongs to 9 tensors, and the first one to 2",
        ),
        (Writer::new(3, 0, 0).0, "split.no is missing"),
    ] {
        let told = open_shards(&[first(), second]).unwrap_err().to_string();
        assert!(told.contains(reason), "{told}");
        let which = "m-00002-of-00002.gguf is not shard 2 of the 2 of this model";
        assert!(told.contains(which), "{told}");
    }
    let short = open_shards(&[first(), shard_head(0, [1, 2, 2], "").0]).unwrap_err();
    let told = short.to_string();
    assert!(told.contains("should hold 2 tensors and hold 1"), "{told}");
    let twice = open_shards(&[first(), shard("a", [1, 2, 2], "")]).unwrap_err();
    assert!(twice.to_string().contains("'a' twice"), "{twice}");
    let alone = open_shards(&[first()]).unwrap_err().to_string();
    assert!(
        alone.contains("one of 2 shards and 1 were found"),
        "{alone}"
    );
}
