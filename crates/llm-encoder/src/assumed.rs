//! How a folder without sentence-transformers' files pools, as many conversions are: by what
//! all published models of its series do, where its name says the series, else as
//! sentence-transformers does without them. Whoever opens it is told.

use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::pooling::Pooling;

/// What all published models whose names hold a word have in their `1_Pooling` and
/// `modules.json`.
#[derive(Debug)]
struct Series {
    /// Part of the name, in lower case.
    word: &'static str,
    pooling: Pooling,
    normalizes: bool,
}

/// Series whose authors say it themselves: `FlagEmbedding`'s, Snowflake's, Mixedbread's, E5's,
/// sentence-transformers' and Qwen's own pages. What others have built on one is left out by
/// the words (`bge-micro` takes the mean).
const SERIES: [Series; 12] = [
    series("bge-small-", Pooling::Cls, true),
    series("bge-base-", Pooling::Cls, true),
    series("bge-large-", Pooling::Cls, true),
    series("bge-m3", Pooling::Cls, true),
    series("arctic-embed-", Pooling::Cls, true),
    series("mxbai-embed-large-", Pooling::Cls, false),
    series("e5-small", Pooling::Mean, true),
    series("e5-base", Pooling::Mean, true),
    series("e5-large", Pooling::Mean, true),
    series("all-minilm-", Pooling::Mean, true),
    series("all-mpnet-base-", Pooling::Mean, true),
    series("qwen3-embedding-", Pooling::Last, true),
];

const fn series(word: &'static str, pooling: Pooling, normalizes: bool) -> Series {
    Series {
        word,
        pooling,
        normalizes,
    }
}

/// How a folder pools whose files do not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumed {
    /// What was taken.
    pub pooling: Pooling,
    /// Whether vectors are normalized to unit length.
    pub normalizes: bool,
    /// The word of its name by which that is known.
    series: Option<&'static str>,
}

impl Assumed {
    /// What sentence-transformers takes for an encoder whose files say nothing.
    pub(crate) const USUAL: Self = Self {
        pooling: Pooling::Mean,
        normalizes: false,
        series: None,
    };

    /// Returns what is known of the folder by its name: its own, that of its repository in a
    /// cache, or the one in its `config.json`.
    pub(crate) fn by_name(folder: &Path, config: &Value) -> Option<Self> {
        let stated = config.get("_name_or_path").and_then(Value::as_str);
        let own = folder
            .canonicalize()
            .unwrap_or_else(|_| folder.to_path_buf());
        // models--ORG--REPO/snapshots/COMMIT
        let names = own.ancestors().take(3).filter_map(Path::file_name);
        let names = names.filter_map(|name| name.to_str());
        let mut series = names.chain(stated).filter_map(of_name);
        series.next().map(|found| Self {
            pooling: found.pooling,
            normalizes: found.normalizes,
            series: Some(found.word),
        })
    }
}

/// Returns the series whose word stands in a name, at the beginning of a word of it.
fn of_name(name: &str) -> Option<&'static Series> {
    let name = name.to_lowercase();
    SERIES.iter().find(|series| {
        name.match_indices(series.word)
            .any(|(at, _)| !name[..at].ends_with(char::is_alphanumeric))
    })
}

impl fmt::Display for Assumed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pooling = self.pooling.name();
        let normalized = if self.normalizes { "" } else { "not " };
        match self.series {
            Some(word) => write!(
                out,
                "the model's folder has no modules.json that says how token vectors are pooled; its name says '{word}', whose published models pool by '{pooling}', {normalized}normalized, and so is it done here; --pooling chooses another way"
            ),
            None => write!(
                out,
                "the model's folder has no modules.json that says how token vectors are pooled, so it is assumed to be '{pooling}', {normalized}normalized; vectors of a model that pools in another way are wrong: see its model card and add --pooling cls, last or mean"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(folder: &str, config: &Value) -> Option<(Pooling, bool)> {
        let found = Assumed::by_name(Path::new(folder), config);
        found.map(|assumed| (assumed.pooling, assumed.normalizes))
    }

    /// The poolings are those of the published `1_Pooling/config.json` of each.
    #[test]
    fn published_models_are_known_by_their_names() {
        let none = json!({});
        for (folder, pooling) in [
            ("/m/bge-small-en-v1.5-8bit", Some(Pooling::Cls)),
            (
                "/hub/models--Xenova--bge-base-en/snapshots/0ab1",
                Some(Pooling::Cls),
            ),
            ("/m/bge-m3-mlx-fp16", Some(Pooling::Cls)),
            ("/m/snowflake-arctic-embed-s", Some(Pooling::Cls)),
            ("/m/multilingual-E5-small", Some(Pooling::Mean)),
            ("/m/all-MiniLM-L6-v2", Some(Pooling::Mean)),
            ("/m/Qwen3-Embedding-0.6B", Some(Pooling::Last)),
            ("/m/bge-micro-v2", None),
            ("/m/cabbage-small-soup", None),
            ("/m/bert-base-uncased", None),
            ("/bge-small-en/of/my/model", None),
        ] {
            assert_eq!(known(folder, &none).map(|it| it.0), pooling, "{folder}");
        }
        // As the published config.json of bge-small-en-v1.5 has it.
        let path = "/root/.cache/torch/sentence_transformers/BAAI_bge-small-en/";
        let config = json!({"_name_or_path": path});
        assert_eq!(known("/m/mine", &config), Some((Pooling::Cls, true)));
    }

    #[test]
    fn what_was_assumed_is_said() {
        let told = Assumed::USUAL.to_string();
        assert!(told.contains("'mean', not normalized"), "{told}");
        let bge = Assumed::by_name(Path::new("/m/bge-large-zh"), &json!({})).unwrap();
        assert!(bge.to_string().contains("by 'cls', normalized"), "{bge}");
    }
}
