//! `rank_pattern` and `alpha_pattern` of PEFT: numbers of some modules, by the ends of
//! their names. PEFT takes the names for regular expressions; those that are plain names
//! are read here, which is what its own files hold.

use std::path::Path;

use serde_json::Value;

use crate::FolderError;

/// Numbers by the names of modules.
#[derive(Debug, Default)]
pub(super) struct Pattern {
    rows: Vec<(String, f64)>,
}

impl Pattern {
    /// Reads the value of a key.
    pub(super) fn read(path: &Path, key: &str, value: Option<&Value>) -> Result<Self, FolderError> {
        let Some(value) = value else {
            return Ok(Self::default());
        };
        let malformed = || FolderError::malformed(path, format!("its '{key}' is {value}"));
        let mut rows = Vec::new();
        for (name, number) in value.as_object().ok_or_else(malformed)? {
            if !name
                .chars()
                .all(|it| it.is_alphanumeric() || "._-".contains(it))
            {
                let what = format!("its '{key}' has the regular expression '{name}'");
                return Err(FolderError::unsupported(path, what));
            }
            let number = number.as_f64().filter(|it| it.is_finite());
            rows.push((name.clone(), number.ok_or_else(malformed)?));
        }
        Ok(Self { rows })
    }

    /// Returns the number of a module, of which the first row that fits is taken.
    pub(super) fn of(&self, module: &str) -> Option<f64> {
        let fits = |name: &str| {
            let rest = module.strip_suffix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let mut rows = self.rows.iter();
        rows.find(|(name, _)| fits(name)).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_from_a_dot_on() {
        let value = serde_json::json!({"layers.0.self_attn.q_proj": 4, "v_proj": 2});
        let pattern = Pattern::read(Path::new("x"), "rank_pattern", Some(&value)).unwrap();
        assert_eq!(pattern.of("model.layers.0.self_attn.q_proj"), Some(4.0));
        assert_eq!(pattern.of("model.layers.10.self_attn.q_proj"), None);
        assert_eq!(pattern.of("model.layers.10.self_attn.v_proj"), Some(2.0));
        assert_eq!(pattern.of("v_proj"), Some(2.0));
        assert_eq!(pattern.of("kv_proj"), None);
        for wrong in [serde_json::json!({"q_.*": 4}), serde_json::json!([1])] {
            assert!(Pattern::read(Path::new("x"), "k", Some(&wrong)).is_err());
        }
    }
}
