//! Names → rows: any spelling that is clear, and like names where none is.

use super::{CatalogueError, Electricity, Machine, Model, Price, Profile, Quant};

/// A row that is found by its names.
pub(super) trait Named {
    const KIND: &'static str;
    /// The table that it stands in, as `catalogue` has it.
    const TABLE: &'static str;
    /// The name that is written in records.
    fn id(&self) -> &str;
    /// Names that mean it as well.
    fn others(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Whether a name that is none of them means it all the same.
    fn is_meant_by(&self, _name: &str) -> bool {
        false
    }
    /// Where an unknown name's like ones are not found: what else helps.
    fn way_out() -> String {
        format!(
            "llm-cost catalogue {} lists every {}",
            Self::TABLE,
            Self::KIND
        )
    }
}

impl Named for Price {
    const KIND: &'static str = "cloud model";
    const TABLE: &'static str = "prices";
    fn id(&self) -> &str {
        &self.id
    }
    fn others(&self) -> Vec<&str> {
        let last = self.id.rsplit('/').next().unwrap_or_default();
        vec![last, &self.name]
    }
}

impl Named for Machine {
    const KIND: &'static str = "machine";
    const TABLE: &'static str = "machines";
    fn id(&self) -> &str {
        &self.id
    }
    fn others(&self) -> Vec<&str> {
        vec![&self.name]
    }
}

impl Named for Model {
    const KIND: &'static str = "model";
    const TABLE: &'static str = "models";
    fn id(&self) -> &str {
        &self.id
    }
    fn others(&self) -> Vec<&str> {
        let mut names = vec![self.name.as_str(), self.repo.as_str()];
        names.extend(self.gguf_repo.as_deref());
        names.extend(self.repo.rsplit('/').next());
        names
    }
    /// Repositories of the same model in others' hands, as `unsloth/Llama-3.3-70B-Instruct-GGUF`.
    fn is_meant_by(&self, name: &str) -> bool {
        let Some((_, wanted)) = name.rsplit_once('/') else {
            return false;
        };
        let (owner, last) = self.repo.rsplit_once('/').unwrap_or_default();
        // A maker may stand in front, as in `google_gemma-3-4b-it-GGUF`.
        let makers = words(owner);
        let wanted = words(wanted);
        let without = match wanted.as_slice() {
            [first, rest @ ..] if makers.contains(first) => rest,
            all => all,
        };
        [&self.id, last].into_iter().any(|own| {
            let own = words(own);
            !own.is_empty() && (own == wanted || own == without)
        })
    }
    fn way_out() -> String {
        "llm-cost catalogue models lists all; a GGUF file, or llm-pull show NAME | llm-cost floor, says \
         what any other needs"
            .to_owned()
    }
}

/// Returns the words of a repository's name that name the model: in lower case, without those that every
/// such repository has.
fn words(name: &str) -> Vec<String> {
    const COMMON: [&str; 2] = ["gguf", "hf"];
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase);
    words
        .filter(|word| !word.is_empty() && !COMMON.contains(&word.as_str()))
        .collect()
}

impl Named for Quant {
    const KIND: &'static str = "quantization";
    const TABLE: &'static str = "quants";
    fn id(&self) -> &str {
        &self.quant
    }
}

impl Named for Electricity {
    const KIND: &'static str = "region";
    const TABLE: &'static str = "electricity";
    fn id(&self) -> &str {
        &self.region
    }
}

impl Named for Profile {
    const KIND: &'static str = "profile";
    const TABLE: &'static str = "profiles";
    fn id(&self) -> &str {
        &self.id
    }
}

/// Finds a row: by its full name first, by any other that only one row has then, at last by what it may
/// mean.
pub(super) fn find<'a, R: Named>(rows: &'a [R], name: &str) -> Result<&'a R, CatalogueError> {
    let wanted = name.trim();
    if let Some(row) = rows
        .iter()
        .find(|row| row.id().eq_ignore_ascii_case(wanted))
    {
        return Ok(row);
    }
    let is_it = |row: &&R| {
        row.others()
            .iter()
            .any(|other| other.eq_ignore_ascii_case(wanted))
    };
    let mut found: Vec<&R> = rows.iter().filter(is_it).collect();
    if found.is_empty() {
        found = rows.iter().filter(|row| row.is_meant_by(wanted)).collect();
    }
    match found.as_slice() {
        [row] => Ok(row),
        [] => Err(CatalogueError::Unknown {
            kind: R::KIND,
            name: name.to_owned(),
            hint: hint(rows, wanted),
        }),
        several => {
            let names: Vec<&str> = several.iter().map(|row| row.id()).collect();
            Err(CatalogueError::Ambiguous {
                kind: R::KIND,
                name: name.to_owned(),
                among: names.join(", "),
            })
        }
    }
}

/// Returns the likest names as the end of a sentence, or all of them where they are few.
fn hint<R: Named>(rows: &[R], name: &str) -> String {
    /// As many as a line holds.
    const FEW: usize = 12;
    /// Below it, Jaro-Winkler's likeness finds names that nobody meant.
    const LIKE: f64 = 0.75;
    // Of a repository its owner says little: all of theirs would be alike.
    let last = name.rsplit('/').next().unwrap_or(name);
    let lower = last.to_ascii_lowercase();
    let lower = lower.strip_suffix("-gguf").unwrap_or(&lower);
    let mut like: Vec<(f64, &str)> = rows
        .iter()
        .map(|row| {
            let names = row.others().into_iter().chain([row.id()]);
            let likeness = names
                .map(|other| {
                    let other = other.rsplit('/').next().unwrap_or(other);
                    strsim::jaro_winkler(lower, &other.to_ascii_lowercase())
                })
                .fold(0.0, f64::max);
            (likeness, row.id())
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .collect();
    like.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<String> = like
        .iter()
        .take(3)
        .map(|(_, id)| format!("'{id}'"))
        .collect();
    if !near.is_empty() {
        return format!(" (did you mean {}?)", near.join(" or "));
    }
    let all: Vec<&str> = rows.iter().map(Named::id).collect();
    match all.len() {
        1..=FEW => format!(" (there are {})", all.join(", ")),
        _ => format!(" ({})", R::way_out()),
    }
}
