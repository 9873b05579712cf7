//! What a pull would fetch: the files of a repository that the name means, with
//! their sizes and digests. Nothing is fetched here; the bytes are `fetch`'s,
//! the questions to the hub `hub`'s.

use std::fs;

use crate::Store;
use crate::catalogue::Entry;
use crate::digest::is_present;
use crate::error::StoreError;
use crate::folder;
use crate::http::Client;
use crate::hub::{Listing, RemoteFile};
use crate::layout::is_commit;
use crate::name::{ModelName, Part, is_revision};
use crate::resolve::Target;
use crate::select::{self, Location, Question};

/// What a pull may be told beside the name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullOptions {
    /// Branch, tag or commit; wins over one in the name.
    pub revision: Option<String>,
    /// Patterns of files to fetch instead of one model (`*` and `?`).
    pub include: Vec<String>,
    /// Whether to try although the disk seems too small.
    pub force: bool,
}

/// What a pull will do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The name that was asked for.
    pub name: String,
    /// `org/repo`.
    pub repo: String,
    /// The branch, tag or commit that was asked for.
    pub revision: String,
    /// The commit that it stands at.
    pub commit: String,
    /// The files, in shard order; never empty.
    pub files: Vec<PlannedFile>,
    /// Whether to try although the disk seems too small.
    pub force: bool,
    pub(crate) entry: Option<&'static Entry>,
}

/// A file of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its name inside the repository.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The hub's digest: SHA-256 of a large file, git SHA-1 of a small one.
    pub etag: String,
    /// Whether its bytes are in the cache already.
    pub present: bool,
}

impl Plan {
    /// Returns how many bytes are still to be fetched.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        self.files
            .iter()
            .filter(|file| !file.present)
            .map(|file| file.size_bytes)
            .sum()
    }
}

impl Store {
    /// Finds out what a pull of `name` would fetch. The hub is not asked when
    /// the name says exactly which bytes are meant (a digest of the catalogue
    /// or a commit) and they are here.
    ///
    /// # Errors
    /// Unknown and ambiguous names, an unreachable or refusing hub,
    /// [`StoreError::Offline`].
    pub fn plan(&self, name: &str, options: &PullOptions) -> Result<Plan, StoreError> {
        let mut target = match ModelName::parse(name)? {
            ModelName::Path(path) => return Err(StoreError::PathToFetch { path }),
            name => self.target(&name)?,
        };
        if let Some(revision) = &options.revision {
            if !is_revision(revision) {
                return Err(StoreError::BadName {
                    name: revision.clone(),
                    reason: "--revision takes a branch, tag or commit".to_owned(),
                });
            }
            target.revision = Some(revision.clone());
        }
        let exact = match target.entry {
            // The digest of a folder's weights says nothing of its other files.
            Some(entry) => {
                entry.sha256.is_some() && entry.gguf.is_some() && options.revision.is_none()
            }
            None => target.revision.as_deref().is_some_and(is_commit),
        };
        if (exact || self.settings().offline)
            && options.include.is_empty()
            && let Some(plan) = self.plan_from_disk(name, &target, options)
        {
            return Ok(plan);
        }
        if self.settings().offline {
            return Err(StoreError::Offline {
                name: name.to_owned(),
            });
        }
        self.plan_from_hub(name, &target, options)
    }

    /// The plan for a model whose files are all here: nothing to do.
    fn plan_from_disk(&self, name: &str, target: &Target, options: &PullOptions) -> Option<Plan> {
        let found = self.find(name, target).ok()?;
        let (repo, commit) = (found.repo?, found.commit?);
        let files = found.files.iter().map(|file| {
            let path = found.folder.join(file);
            Some(PlannedFile {
                name: file.clone(),
                size_bytes: fs::metadata(&path).ok()?.len(),
                etag: repo.blob_name(&path).unwrap_or_default(),
                present: true,
            })
        });
        Some(Plan {
            name: name.to_owned(),
            repo: repo.repo.clone(),
            revision: target.revision.clone().unwrap_or_else(|| commit.clone()),
            files: files.collect::<Option<_>>()?,
            commit,
            force: options.force,
            entry: target.entry,
        })
    }

    fn plan_from_hub(
        &self,
        name: &str,
        target: &Target,
        options: &PullOptions,
    ) -> Result<Plan, StoreError> {
        let client = Client::new(self.settings())?;
        let revision = target.revision.clone().unwrap_or_else(|| "main".to_owned());
        let listing = client.listing(&target.repo, &revision)?;
        let wanted = wanted_files(name, target, options, &listing)?;
        let repo = self.layout()?.repo(&target.repo);
        let mut files = Vec::with_capacity(wanted.len());
        for file in wanted {
            let info = client.blob_info(&target.repo, &listing.commit, &file)?;
            files.push(PlannedFile {
                present: is_present(&repo.blob(&info.etag), info.size_bytes, &info.etag),
                name: file,
                size_bytes: info.size_bytes,
                etag: info.etag,
            });
        }
        let weights: Vec<&PlannedFile> = match &target.part {
            Some(Part::Folder) => {
                let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
                let names = folder::weights(&names);
                let is_weights = |file: &&PlannedFile| names.contains(&file.name);
                files.iter().filter(is_weights).collect()
            }
            _ => files.iter().collect(),
        };
        if let (Some(expected), [only]) = (
            target.entry.and_then(|entry| entry.sha256.as_deref()),
            weights.as_slice(),
        ) && options.include.is_empty()
            && only.etag != expected
        {
            return Err(StoreError::WrongDigest {
                file: only.name.clone(),
                actual: only.etag.clone(),
                expected: expected.to_owned(),
                source_name: "the catalogue".to_owned(),
                way_out: "the hub has another file by that name".to_owned(),
            });
        }
        Ok(Plan {
            name: name.to_owned(),
            repo: target.repo.clone(),
            revision,
            commit: listing.commit,
            files,
            force: options.force,
            entry: target.entry,
        })
    }
}

/// The files beside safetensors weights without which they are no model.
const MODEL_FOLDER_FILES: [&str; 5] = [
    "*.safetensors",
    "*.json",
    "*.jinja",
    "*.model",
    "merges.txt",
];

/// Chooses the files of a pull from the hub's list.
fn wanted_files(
    name: &str,
    target: &Target,
    options: &PullOptions,
    listing: &Listing,
) -> Result<Vec<String>, StoreError> {
    let matching = |patterns: &[&str]| -> Vec<String> {
        let fits = |file: &&RemoteFile| patterns.iter().any(|pattern| glob(pattern, &file.name));
        let files = listing.files.iter().filter(fits);
        files.map(|file| file.name.clone()).collect()
    };
    if !options.include.is_empty() {
        let patterns: Vec<&str> = options.include.iter().map(String::as_str).collect();
        let files = matching(&patterns);
        if files.is_empty() {
            return Err(StoreError::NothingFits {
                wanted: format!("file like '{}'", patterns.join("' or '")),
                place: target.repo.clone(),
                have: format!("{} other files", listing.files.len()),
            });
        }
        return Ok(files);
    }
    let groups = select::models(listing.files.iter().map(|file| file.name.as_str()));
    if let (Some(Part::File(file)), true) = (&target.part, groups.is_empty()) {
        return Err(StoreError::NothingFits {
            wanted: format!("'{file}'"),
            place: target.repo.clone(),
            have: "no model".to_owned(),
        });
    }
    if select::is_folder(target.part.as_ref(), &groups) && !matching(&["*.safetensors"]).is_empty()
    {
        return Ok(matching(&MODEL_FOLDER_FILES));
    }
    let question = Question {
        name,
        place: Location::Repo(&target.repo),
        size_of: &|file| {
            let listed = listing.files.iter().find(|listed| listed.name == file);
            listed.and_then(|listed| listed.size_bytes)
        },
        foreign: folder::foreign(listing.files.iter().map(|file| file.name.as_str())),
    };
    select::choose(&groups, target.part.as_ref(), &question).map(|group| group.files.clone())
}

/// Whether a name matches a pattern of `*` (any characters, also `/`, as
/// `hf download --include` has it) and `?` (one character).
fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut next, mut position) = (0, 0);
    // Where to go on when the latest `*` has to swallow one character more.
    let mut retry: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(next) {
            Some('*') => {
                retry = Some((next + 1, position));
                next += 1;
            }
            Some(&wanted) if wanted == '?' || Some(&wanted) == name.get(position) => {
                next += 1;
                position += 1;
            }
            _ => {
                let Some((after_star, swallowed)) = retry else {
                    return false;
                };
                retry = Some((after_star, swallowed + 1));
                next = after_star;
                position = swallowed + 1;
            }
        }
    }
    pattern
        .get(next..)
        .is_some_and(|rest| rest.iter().all(|left| *left == '*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_hf_download() {
        for (pattern, name, expected) in [
            ("*.gguf", "a/b-Q4_K_M.gguf", true),
            ("*Q4_K_M*", "m-Q4_K_M-00001-of-00002.gguf", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a*b", "xaxxab", true),
            ("*.json", "x.jsonl", false),
            ("", "", true),
            ("*", "", true),
            ("x", "", false),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }
}
