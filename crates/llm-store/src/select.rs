//! Which files of a folder or repository are one model: split files belong
//! together, and projectors are no models. Works on names alone; sizes and paths are the caller's.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::error::StoreError;
use crate::file_name::{quantization, split_name, split_of};
use crate::name::Part;

/// The files of one model, in shard order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Names of the files that are there, relative to their folder.
    pub(crate) files: Vec<String>,
    /// How many files there must be, for a split model.
    pub(crate) split_into: Option<u32>,
}

impl Group {
    /// Returns the quantization that the name of the first file claims.
    pub(crate) fn quantization(&self) -> Option<String> {
        self.files.first().and_then(|file| quantization(file))
    }

    /// Checks that no part of a split model is missing.
    pub(crate) fn complete(&self) -> Result<(), StoreError> {
        let Some(total) = self.split_into else {
            return Ok(());
        };
        let first = self.files.first().map_or("", String::as_str);
        let prefix = split_of(first).map_or(first, |split| split.prefix);
        for index in 1..=total {
            let wanted = split_name(prefix, index, total);
            if !self.files.contains(&wanted) {
                return Err(StoreError::IncompleteSplit {
                    file: first.to_owned(),
                    total,
                    missing: wanted,
                });
            }
        }
        Ok(())
    }
}

/// Returns the models among `files`, in the order of their names. Vision
/// projectors (`mmproj…`) and importance matrices are left out.
pub(crate) fn models<'a>(files: impl IntoIterator<Item = &'a str>) -> Vec<Group> {
    let mut parts: BTreeMap<(String, u32), Vec<(u32, String)>> = BTreeMap::new();
    for file in files {
        let base = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
        if !base.ends_with(".gguf") || base.contains("mmproj") || base.contains("imatrix") {
            continue;
        }
        match split_of(file) {
            Some(split) => parts
                .entry((split.prefix.to_owned(), split.total))
                .or_default()
                .push((split.index, file.to_owned())),
            // Zero stands for "not split", which no split file can say.
            None => parts
                .entry((file.to_owned(), 0))
                .or_default()
                .push((1, file.to_owned())),
        }
    }
    parts
        .into_iter()
        .map(|((_, total), mut files)| {
            files.sort();
            Group {
                files: files.into_iter().map(|(_, file)| file).collect(),
                split_into: (total > 0).then_some(total),
            }
        })
        .collect()
}

/// Where files are chosen from, which decides how one of them is named.
#[derive(Clone, Copy)]
pub(crate) enum Location<'a> {
    /// `org/repo`, to which `:QUANT` can be added.
    Repo(&'a str),
    /// A folder, whose files have paths.
    Folder(&'a Path),
}

impl Location<'_> {
    /// Returns a name that means `group` among `groups`.
    fn handle(self, group: &Group, groups: &[Group]) -> String {
        match (self, group.files.first()) {
            (Location::Repo(base), _) => handle(group, groups, base),
            (Location::Folder(folder), Some(file)) => folder.join(file).display().to_string(),
            (Location::Folder(folder), None) => folder.display().to_string(),
        }
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Repo(repo) => formatter.write_str(repo),
            Location::Folder(folder) => {
                let shown = folder.display().to_string();
                formatter.write_str(match shown.trim_end_matches('/') {
                    "" => "/",
                    shown => shown,
                })
            }
        }
    }
}

/// What a choice is made for: the texts of its errors.
pub(crate) struct Question<'a> {
    /// The name as the user gave it.
    pub(crate) name: &'a str,
    /// Where the files are.
    pub(crate) place: Location<'a>,
    /// Returns the size of a file in bytes, where it is known.
    pub(crate) size_of: &'a dyn Fn(&str) -> Option<u64>,
    /// Weights in a form that is not read.
    pub(crate) foreign: Option<String>,
}

/// Returns whether a folder of safetensors is meant: where it is asked for, or
/// where nothing is and there are no GGUF files.
pub(crate) fn is_folder(part: Option<&Part>, groups: &[Group]) -> bool {
    match part {
        Some(part) => *part == Part::Folder,
        None => groups.is_empty(),
    }
}

/// Chooses the model that `part` means among `groups`.
///
/// # Errors
/// [`StoreError::NothingFits`], [`StoreError::Ambiguous`] with every choice
/// and its size, [`StoreError::IncompleteSplit`].
pub(crate) fn choose<'a>(
    groups: &'a [Group],
    part: Option<&Part>,
    question: &Question<'_>,
) -> Result<&'a Group, StoreError> {
    let fitting: Vec<&Group> = match part {
        None => groups.iter().collect(),
        Some(Part::File(file)) => groups
            .iter()
            .filter(|group| group.files.contains(file))
            .collect(),
        Some(Part::Quantization(label)) => with_quantization(groups, label),
        Some(Part::Folder) => Vec::new(),
    };
    match fitting.as_slice() {
        [group] => group.complete().map(|()| *group),
        [] => Err(StoreError::NothingFits {
            wanted: match part {
                Some(Part::File(text) | Part::Quantization(text)) => format!("'{text}'"),
                Some(Part::Folder) => "model (.safetensors files)".to_owned(),
                None => "model (.gguf file)".to_owned(),
            },
            place: question.place.to_string(),
            have: match &question.foreign {
                Some(foreign) if groups.is_empty() => foreign.clone(),
                _ if groups.is_empty() => "no model".to_owned(),
                _ => list(&groups.iter().collect::<Vec<_>>(), question),
            },
        }),
        several => Err(StoreError::Ambiguous {
            name: question.name.to_owned(),
            choices: list(several, question),
            example: several
                .iter()
                .find(|group| group.quantization().as_deref() == Some("Q4_K_M"))
                .or(several.first())
                .map_or_else(String::new, |group| question.place.handle(group, groups)),
        }),
    }
}

/// The groups of exactly this label, else those that differ by `UD-` alone.
fn with_quantization<'a>(groups: &'a [Group], label: &str) -> Vec<&'a Group> {
    let wanted = label.to_ascii_uppercase();
    let matching = |accept: &dyn Fn(&str) -> bool| -> Vec<&Group> {
        groups
            .iter()
            .filter(|group| group.quantization().as_deref().is_some_and(accept))
            .collect()
    };
    let exact = matching(&|label| label == wanted);
    if exact.is_empty() {
        matching(&|label| label.strip_prefix("UD-") == Some(wanted.as_str()))
    } else {
        exact
    }
}

/// Returns the shortest name that means `group` among `groups`.
pub(crate) fn handle(group: &Group, groups: &[Group], base: &str) -> String {
    let label = group.quantization();
    let same_label = groups
        .iter()
        .filter(|other| other.quantization() == label)
        .count();
    match (label, group.files.first()) {
        (Some(label), _) if same_label == 1 => format!("{base}:{label}"),
        (_, Some(file)) => format!("{base}:{file}"),
        _ => base.to_owned(),
    }
}

/// More than any repository has quantizations; a folder of everything must not
/// fill the screen.
const CHOICES_SHOWN: usize = 32;

fn list(groups: &[&Group], question: &Question<'_>) -> String {
    let is_in_repo = matches!(question.place, Location::Repo(_));
    let is_alone = |label: &str| {
        let same = |group: &&&Group| group.quantization().as_deref() == Some(label);
        groups.iter().filter(same).nth(1).is_none()
    };
    let shown = groups.iter().take(CHOICES_SHOWN).map(|group| {
        let label = match group.quantization() {
            Some(label) if is_in_repo && is_alone(&label) => label,
            _ => group.files.first().cloned().unwrap_or_default(),
        };
        let sizes: Option<u64> = group
            .files
            .iter()
            .map(|file| (question.size_of)(file))
            .sum();
        match sizes {
            Some(bytes) => format!("{label} ({})", in_words(bytes)),
            None => label,
        }
    });
    let mut choices = shown.collect::<Vec<_>>().join(", ");
    if let more @ 1.. = groups.len().saturating_sub(CHOICES_SHOWN) {
        choices.push_str(&format!(" and {more} more"));
    }
    choices
}

/// Writes a size for people: `98 MB`, `4.9 GB` (powers of ten, as the hub).
pub(crate) fn in_words(bytes: u64) -> String {
    const MEGA: u64 = 1_000_000;
    if bytes < MEGA {
        format!("{} kB", bytes.div_ceil(1000))
    } else if bytes < 1000 * MEGA {
        format!("{} MB", (bytes + MEGA / 2) / MEGA)
    } else {
        let tenths = (bytes + 50 * MEGA) / (100 * MEGA);
        format!("{}.{} GB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_in(files: &[&str], part: Option<&Part>) -> Result<Vec<String>, StoreError> {
        let groups = models(files.iter().copied());
        let question = Question {
            name: "o/r",
            place: Location::Repo("o/r"),
            size_of: &|_| Some(4_900_000_000),
            foreign: None,
        };
        choose(&groups, part, &question).map(|group| group.files.clone())
    }

    #[test]
    fn many_choices_are_told_apart_and_cut() {
        let told = |files: &[&str]| choose_in(files, None).unwrap_err().to_string();
        let two = told(&["a/m-F32.gguf", "b/m-F32.gguf", "m-Q8_0.gguf"]);
        let wanted = "could be a/m-F32.gguf (4.9 GB), b/m-F32.gguf (4.9 GB), Q8_0 (4.9 GB):";
        assert!(two.contains(wanted), "{two}");
        let names: Vec<_> = (0..40).map(|at| format!("{at:02}.gguf")).collect();
        let many = told(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(
            many.contains("31.gguf (4.9 GB) and 8 more: name one"),
            "{many}"
        );
    }

    #[test]
    fn split_files_are_one_model_in_shard_order() {
        let files = [
            "m-Q8_0-00002-of-00002.gguf",
            "m-Q8_0-00001-of-00002.gguf",
            "mmproj-F16.gguf",
        ];
        let chosen = choose_in(&files, None).unwrap();
        assert_eq!(chosen, [files[1], files[0]]);
        // Any part's name means the whole.
        let part = Part::File(files[0].to_owned());
        assert_eq!(choose_in(&files, Some(&part)).unwrap().len(), 2);
    }

    #[test]
    fn an_incomplete_split_is_refused_with_the_missing_name() {
        let error = choose_in(&["m-00001-of-00003.gguf", "m-00003-of-00003.gguf"], None);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("m-00002-of-00003.gguf is missing"), "{text}");
    }

    #[test]
    fn several_models_are_listed_with_sizes_and_a_way_out() {
        let files = ["m-Q4_K_M.gguf", "m-Q8_0.gguf"];
        let text = choose_in(&files, None).unwrap_err().to_string();
        assert_eq!(
            text,
            "'o/r' could be Q4_K_M (4.9 GB), Q8_0 (4.9 GB): name one, such as 'o/r:Q4_K_M'"
        );
        let part = Part::Quantization("q8_0".to_owned());
        assert_eq!(choose_in(&files, Some(&part)).unwrap(), ["m-Q8_0.gguf"]);
        let part = Part::Quantization("Q2_K".to_owned());
        let text = choose_in(&files, Some(&part)).unwrap_err().to_string();
        assert!(
            text.starts_with("no 'Q2_K' in o/r; it holds Q4_K_M"),
            "{text}"
        );
    }

    #[test]
    fn a_dynamic_quantization_answers_to_the_plain_name_only_if_alone() {
        let part = Part::Quantization("Q4_K_XL".to_owned());
        let chosen = choose_in(&["m-UD-Q4_K_XL.gguf", "m-Q8_0.gguf"], Some(&part)).unwrap();
        assert_eq!(chosen, ["m-UD-Q4_K_XL.gguf"]);
        let chosen = choose_in(&["m-UD-Q4_K_XL.gguf", "m-Q4_K_XL.gguf"], Some(&part)).unwrap();
        assert_eq!(chosen, ["m-Q4_K_XL.gguf"]);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(in_words(98_362_432), "98 MB");
        assert_eq!(in_words(4_920_734_272), "4.9 GB");
        assert_eq!(in_words(999), "1 kB");
    }
}
