//! Static embeddings: a vector for each token and no network behind them, as
//! Model2Vec (<https://github.com/MinishLab/model2vec>) and sentence-transformers'
//! `StaticEmbedding` write them. A text's vector is the mean of its tokens'.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::{bf16, f16};
use llm_folder::header::{self, Stored};
use llm_folder::json::Fields;
use llm_folder::{FolderError, json};
use llm_kernels::mmap::Mapping;
use serde_json::Value;

use crate::settings::inside;

/// Tokens of a text, so that a batch of them has a bound in memory.
const LONGEST: usize = 1 << 16;

/// A table of vectors.
#[derive(Debug)]
pub(crate) struct StaticEmbedding {
    /// Where its tokenizer lies.
    pub(crate) folder: PathBuf,
    /// Whether tokens of what no other can write are left out, as Model2Vec does.
    pub(crate) known_alone: bool,
    /// Whether the folder's own config.json asks for vectors of unit length.
    pub(crate) normalizes: bool,
    pub(crate) hidden_size: usize,
    /// (rows, `hidden_size`)
    table: Table,
    /// What each token's vector is multiplied by.
    weights: Option<Vec<f32>>,
    /// The row of each token, where several share one.
    rows: Option<Vec<usize>>,
}

/// Numbers that stay in the file's map.
#[derive(Debug)]
struct Table {
    map: Arc<Mapping>,
    start: usize,
    number: Number,
    shape: Vec<u64>,
}

/// How a number is stored.
#[derive(Debug, Clone, Copy)]
struct Number {
    bytes: usize,
    read: fn(&[u8]) -> Option<f32>,
}

impl Number {
    /// Finds the type by the name that safetensors gives it.
    fn find(name: &str) -> Option<Self> {
        macro_rules! of {
            ($number:ty, $float:expr) => {
                Self {
                    bytes: size_of::<$number>(),
                    read: |bytes| Some($float(<$number>::from_le_bytes(bytes.try_into().ok()?))),
                }
            };
        }
        Some(match name {
            "F64" => of!(f64, |number| number as f32),
            "F32" => of!(f32, |number| number),
            "F16" => of!(f16, f16::to_f32),
            "BF16" => of!(bf16, bf16::to_f32),
            "I8" => of!(i8, f32::from),
            "I32" => of!(i32, |number| number as f32),
            "I64" => of!(i64, |number| number as f32),
            _ => return None,
        })
    }
}

impl Table {
    fn find(path: &Path, map: &Arc<Mapping>, tensor: &Stored) -> Result<Self, FolderError> {
        let number = Number::find(&tensor.dtype_name).ok_or_else(|| {
            let what = format!(
                "the tensor '{}' is stored as {}",
                tensor.name, tensor.dtype_name
            );
            FolderError::unsupported(path, what)
        })?;
        Ok(Self {
            map: Arc::clone(map),
            start: tensor.offset as usize,
            number,
            shape: tensor.shape.clone(),
        })
    }

    /// Returns numbers from `first` on; fewer than `count` beyond the end.
    fn numbers(&self, first: usize, count: usize) -> impl Iterator<Item = f32> {
        let bytes = self.number.bytes;
        let start = first.checked_mul(bytes);
        let start = start.and_then(|start| start.checked_add(self.start));
        let stored = start.and_then(|start| self.map.bytes().get(start..));
        let numbers = stored.unwrap_or_default().chunks_exact(bytes).take(count);
        numbers.map_while(self.number.read)
    }

    fn elements(&self) -> usize {
        self.shape.iter().product::<u64>() as usize
    }
}

impl StaticEmbedding {
    /// Opens the table of `folder`; `None` where it holds another kind of model.
    ///
    /// # Errors
    /// A table that is damaged or of numbers that are not known.
    pub(crate) fn find(folder: &Path) -> Result<Option<Self>, FolderError> {
        let path = folder.join("config.json");
        let config = json::read_if_there(&path)?.unwrap_or(Value::Null);
        let model_type = config.get("model_type").and_then(Value::as_str);
        if model_type.is_some_and(|kind| kind != "model2vec") {
            return Ok(None);
        }
        let inner = match module(folder)? {
            Some(inner) => inner,
            None if config.is_null() => return Ok(None),
            None => folder.to_path_buf(),
        };
        let weights = inner.join("model.safetensors");
        let Ok(map) = Mapping::open(&weights).map(Arc::new) else {
            return Ok(None);
        };
        let stored =
            header::read(map.bytes()).map_err(|reason| FolderError::malformed(&weights, reason))?;
        let named = |names: &[&str]| stored.iter().find(|it| names.contains(&it.name.as_str()));
        let Some(embeddings) = named(&["embeddings", "embedding.weight"]) else {
            return Ok(None);
        };
        let known = ["embeddings", "embedding.weight", "weights", "mapping"];
        if let Some(other) = stored.iter().find(|it| !known.contains(&it.name.as_str())) {
            let what = format!("it holds the tensor '{}' beside its embeddings", other.name);
            return Err(FolderError::unsupported(&weights, what));
        }
        let [rows, hidden_size] = *embeddings.shape.as_slice() else {
            let reason = format!("its embeddings have the shape {:?}", embeddings.shape);
            return Err(FolderError::malformed(&weights, reason));
        };
        if rows == 0 || hidden_size == 0 {
            return Err(FolderError::malformed(&weights, "its embeddings are empty"));
        }
        let list = |name: &str| {
            let table = named(&[name]).map(|tensor| Table::find(&weights, &map, tensor));
            let all = |table: Table| table.numbers(0, table.elements()).collect();
            Ok::<Option<Vec<f32>>, FolderError>(table.transpose()?.map(all))
        };
        let row_of = |row: f32| {
            let is_row = row.fract() == 0.0 && (0.0..rows as f32).contains(&row);
            is_row.then_some(row as usize).ok_or_else(|| {
                let reason = format!("it maps a token to row {row} of {rows}");
                FolderError::malformed(&weights, reason)
            })
        };
        let mapping = list("mapping")?;
        let mapping = mapping.map(|mapping| mapping.into_iter().map(row_of).collect());
        let found = Self {
            known_alone: embeddings.name == "embeddings",
            table: Table::find(&weights, &map, embeddings)?,
            weights: list("weights")?,
            rows: mapping.transpose()?,
            hidden_size: hidden_size as usize,
            normalizes: Fields::new(&path, &config).flag("normalize")? == Some(true),
            folder: inner,
        };
        found.check(&weights)?;
        Ok(Some(found))
    }

    fn check(&self, path: &Path) -> Result<(), FolderError> {
        let tokens = self.vocabulary_size();
        match &self.weights {
            Some(weights) if weights.len() != tokens => {
                let reason = format!("it has {tokens} tokens and {} weights", weights.len());
                Err(FolderError::malformed(path, reason))
            }
            _ => Ok(()),
        }
    }

    /// Returns the longest text in tokens.
    pub(crate) fn longest(&self) -> usize {
        LONGEST
    }

    /// Returns the number of tokens that have a vector.
    pub(crate) fn vocabulary_size(&self) -> usize {
        let rows = self.table.shape[0] as usize;
        self.rows.as_ref().map_or(rows, Vec::len)
    }

    /// Returns the vectors of all tokens, (tokens, `hidden_size`); zeros for one that
    /// has none.
    pub(crate) fn run(&self, texts: &[&[u32]]) -> Vec<f32> {
        let count: usize = texts.iter().map(|text| text.len()).sum();
        let mut all = vec![0.0; count * self.hidden_size];
        let tokens = texts.iter().copied().flatten();
        for (out, &token) in all.chunks_exact_mut(self.hidden_size).zip(tokens) {
            let token = token as usize;
            let row = match &self.rows {
                Some(rows) => rows.get(token).copied(),
                None => (token < self.vocabulary_size()).then_some(token),
            };
            let Some(row) = row else { continue };
            let weight = self
                .weights
                .as_ref()
                .map_or(Some(1.0), |all| all.get(token).copied());
            let numbers = self.table.numbers(row * self.hidden_size, self.hidden_size);
            for (out, number) in out.iter_mut().zip(numbers) {
                *out = number * weight.unwrap_or(0.0);
            }
        }
        all
    }
}

/// Returns the folder of the table where `modules.json` has one.
fn module(folder: &Path) -> Result<Option<PathBuf>, FolderError> {
    let path = folder.join("modules.json");
    let modules = json::read_if_there(&path)?.unwrap_or(Value::Null);
    let text = |name: &str| modules.get(0)?.get(name)?.as_str();
    let is_static = text("type").is_some_and(|kind| kind.ends_with("StaticEmbedding"));
    if !is_static {
        return Ok(None);
    }
    inside(folder, text("path").unwrap_or_default()).map(Some)
}

#[cfg(test)]
mod tests {
    use llm_kernels::pool::Pool;
    use llm_kernels::simd::Level;
    use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
    use serde_json::json;

    use super::*;
    use crate::{Encoder, Pooling};

    /// Tokens `<unk>`, a, b and c, where b and c share a row.
    fn write(folder: &Path, config: &Value, mapping: [i64; 4]) {
        std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
        let tokenizer = json!({
            "added_tokens": [], "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2, "c": 3}, "unk_token": "<unk>"},
        });
        std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
        let table: Vec<u8> = [9_i8, 9, 3, 0, 0, 4]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        let weights: Vec<u8> = [1.0_f64, 1.0, 1.0, 0.5]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect();
        let mapping: Vec<u8> = mapping.iter().flat_map(|it| it.to_le_bytes()).collect();
        let tensors = [
            (
                "embeddings",
                TensorView::new(Dtype::I8, vec![3, 2], &table).unwrap(),
            ),
            (
                "weights",
                TensorView::new(Dtype::F64, vec![4], &weights).unwrap(),
            ),
            (
                "mapping",
                TensorView::new(Dtype::I64, vec![4], &mapping).unwrap(),
            ),
        ];
        serialize_to_file(tensors, None, &folder.join("model.safetensors")).unwrap();
    }

    fn vector(encoder: &Encoder, text: &str) -> Vec<f32> {
        let tokens = encoder.tokens(text);
        let pool = Pool::new(1).unwrap();
        let mut vectors = encoder.embed(&pool, &[&tokens], encoder.pooling());
        if encoder.normalizes() {
            encoder.normalize(&mut vectors[0]);
        }
        vectors.remove(0)
    }

    #[test]
    fn a_vector_is_the_mean_of_the_known_tokens_weighted_rows() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), &json!({"normalize": false}), [0, 1, 2, 2]);
        let encoder = Encoder::open(place.path(), None, Level::SCALAR).unwrap();
        assert_eq!(encoder.dimensions(Pooling::Mean), 2);
        // (3, 0), 0.5 · (0, 4), and one that is not known.
        assert_eq!(vector(&encoder, "A c xyz"), [1.5, 1.0]);
        assert_eq!(vector(&encoder, "b"), [0.0, 4.0]);
        assert_eq!(vector(&encoder, "xyz"), [0.0, 0.0]);
        write(
            place.path(),
            &json!({"model_type": "model2vec", "normalize": true}),
            [0, 1, 2, 2],
        );
        let encoder = Encoder::open(place.path(), None, Level::SCALAR).unwrap();
        assert_eq!(vector(&encoder, "a a b b"), [0.6, 0.8]);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), &json!({}), [0, 1, 3, 2]);
        let told = Encoder::open(place.path(), None, Level::SCALAR).unwrap_err();
        assert!(told.to_string().contains("to row 3 of 3"), "{told}");
    }
}
