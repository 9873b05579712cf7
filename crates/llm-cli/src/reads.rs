//! Every file and folder that a run reads. Whoever opens an output asks here first, whatever
//! program it is; what an output may replace beside that is `replaces`' business.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::stdio::error::StdioError;

pub use crate::file_identity::FileIdentity;

/// More links than any system follows.
const MOST_LINKS: usize = 40;

/// Files of a model's folder that a program looks for, beside those whose ending says enough.
const MODEL_FILES: [&str; 3] = ["vocab.txt", "merges.txt", "tokenizer.model"];

/// Endings of the files of a model's folder.
const MODEL_ENDINGS: [&str; 4] = ["safetensors", "gguf", "json", "jinja"];

/// What a run reads.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    files: Vec<FileIdentity>,
    folders: Vec<Folder>,
}

/// A folder in which nothing may be written.
#[derive(Clone, Debug)]
struct Folder {
    path: PathBuf,
    /// Where it is there.
    identity: Option<(u64, u64)>,
    name: String,
}

impl Reads {
    /// Adds inputs that are open already.
    #[must_use]
    pub fn inputs(mut self, inputs: &[FileIdentity]) -> Self {
        self.files.extend_from_slice(inputs);
        self
    }

    /// Adds a file, if it is there; `-` is standard input.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        let identity = if path == Path::new("-") {
            FileIdentity::of_stdin()
        } else {
            FileIdentity::of_path(path)
        };
        self.files.extend(identity);
        self
    }

    /// Adds files.
    #[must_use]
    pub fn files<'p>(self, paths: impl IntoIterator<Item = &'p PathBuf>) -> Self {
        paths.into_iter().fold(self, |reads, path| reads.file(path))
    }

    /// Adds a folder, there or not yet, with the files in it: no output may lie there, whatever its name.
    #[must_use]
    pub fn folder(self, path: &Path, name: &str) -> Self {
        let is_filled = |path: &PathBuf| path.metadata().is_ok_and(|data| data.len() > 0);
        let files: Vec<_> = entries(path).filter(is_filled).collect();
        self.files(&files).within(path, name)
    }

    fn within(mut self, path: &Path, name: &str) -> Self {
        self.folders.push(Folder {
            path: whereabouts(path),
            identity: path.metadata().ok().map(|data| (data.dev(), data.ino())),
            name: format!("{name} '{}'", path.display()),
        });
        self
    }

    /// Adds the files of a model, and the folder that is its own.
    #[must_use]
    pub fn model(mut self, files: &[PathBuf], folder: Option<&Path>) -> Self {
        let name = |path: &Path| format!("the model's file '{}'", path.display());
        let beside = folder.map(model_files).unwrap_or_default();
        for path in files.iter().chain(&beside) {
            let data = path.metadata().ok();
            let identity = data.and_then(|data| FileIdentity::of(&data, name(path)));
            self.files.extend(identity);
        }
        match folder {
            Some(folder) => self.within(folder, "the model's folder"),
            None => self,
        }
    }

    /// Refuses a path as that of an output, where it leads to a file that is read, under whatever name,
    /// or into a folder that is.
    ///
    /// # Errors
    /// [`StdioError::SameFile`], [`StdioError::InFolder`].
    pub fn refuse(&self, output: &Path) -> Result<(), StdioError> {
        if let Some(identity) = FileIdentity::of_path(output) {
            identity.refuse(&self.files)?;
        }
        let place = whereabouts(output);
        match self.folders.iter().find(|folder| folder.holds(&place)) {
            None => Ok(()),
            Some(folder) => Err(StdioError::InFolder {
                name: format!("'{}'", output.display()),
                folder: folder.name.clone(),
            }),
        }
    }

    /// Refuses standard output where it is a file that is read. In which folder it lies is not asked: a
    /// new file there is the shell's doing.
    ///
    /// # Errors
    /// [`StdioError::SameFile`].
    pub fn refuse_stdout(&self) -> Result<(), StdioError> {
        FileIdentity::of_stdout().map_or(Ok(()), |output| output.refuse(&self.files))
    }
}

impl Folder {
    /// Whether a place is the folder, or in it.
    fn holds(&self, place: &Path) -> bool {
        place.ancestors().any(|ancestor| match self.identity {
            Some(identity) => ancestor
                .metadata()
                .is_ok_and(|data| (data.dev(), data.ino()) == identity),
            // Neither of the two may be there yet.
            None => ancestor == self.path || is_same_but_for_case(ancestor, &self.path),
        })
    }
}

/// Whether two paths that lead to nothing yet would lead to one file on a file system that is blind to
/// the case of letters.
fn is_same_but_for_case(path: &Path, other: &Path) -> bool {
    let lower = |path: &Path| path.to_string_lossy().to_lowercase();
    path != other && lower(path) == lower(other) && is_case_blind(path)
}

/// Whether the nearest folder that is there is found by its name in the other case, too.
fn is_case_blind(path: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|data| (data.dev(), data.ino()));
    let known = path.ancestors().find_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let lower = name.to_lowercase();
        let other = if name == lower {
            name.to_uppercase()
        } else {
            lower
        };
        let there = identity(folder)?;
        (name != other).then(|| identity(&folder.with_file_name(other)) == Some(there))
    });
    known.unwrap_or(false)
}

/// Returns where a path leads, without links, whether or not something is there.
fn whereabouts(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        if let Ok(place) = path.canonicalize() {
            return place;
        }
        // A link to nothing: what is written goes to where it points.
        match path.read_link() {
            Ok(target) => path = parent(&path).join(target),
            Err(_) => break,
        }
    }
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    match parent(&path).canonicalize() {
        Ok(folder) => folder.join(name),
        Err(_) => std::path::absolute(&path).unwrap_or(path),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let listed = std::fs::read_dir(folder).into_iter().flatten();
    listed.filter_map(|entry| Some(entry.ok()?.path()))
}

/// Returns the files that are a model's, of a folder and the folders in it. Empty ones tell nothing:
/// the shell has just made one for standard output.
fn model_files(folder: &Path) -> Vec<PathBuf> {
    let is_model = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let name = path.file_name().and_then(|name| name.to_str());
        let is_named = name.is_some_and(|name| MODEL_FILES.contains(&name));
        is_named || ending.is_some_and(|ending| MODEL_ENDINGS.contains(&ending))
    };
    let inner = |path: PathBuf| {
        if path.is_dir() {
            entries(&path).collect()
        } else {
            vec![path]
        }
    };
    let all = entries(folder).flat_map(inner);
    all.filter(|path| is_model(path) && path.metadata().is_ok_and(|data| data.len() > 0))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("model")).unwrap();
        std::fs::create_dir(folder.path().join("model/1_Pooling")).unwrap();
        for name in ["model/model.safetensors", "model/1_Pooling/config.json"] {
            std::fs::write(folder.path().join(name), "weights").unwrap();
        }
        folder
    }

    #[test]
    fn every_way_to_a_file_that_is_read_is_refused() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        symlink(at("model/model.safetensors"), at("link")).unwrap();
        symlink("link", at("link-to-link")).unwrap();
        std::fs::hard_link(at("model/model.safetensors"), at("hard")).unwrap();
        let reads = Reads::default().file(&at("model/model.safetensors"));
        for name in [
            "model/model.safetensors",
            "model/../model/./model.safetensors",
            "link",
            "link-to-link",
            "hard",
        ] {
            let refused = reads.refuse(&at(name)).unwrap_err();
            assert!(matches!(refused, StdioError::SameFile { .. }), "{name}");
        }
        assert!(reads.refuse(&at("model/other")).is_ok());
        assert!(reads.refuse(&at("nowhere/other")).is_ok());
    }

    #[test]
    fn nothing_new_lies_in_a_folder_that_is_read() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        symlink(at("model"), at("link")).unwrap();
        // A link to nothing, which a write would follow.
        symlink("model/new.safetensors", at("dangling")).unwrap();
        let reads = Reads::default().model(&[], Some(&at("model")));
        for name in [
            "model/new",
            "model/1_Pooling/new",
            "link/new",
            "model/1_Pooling/../new",
            "dangling",
            "model",
        ] {
            let refused = reads.refuse(&at(name)).unwrap_err();
            assert!(matches!(refused, StdioError::InFolder { .. }), "{name}");
        }
        for name in ["new", "model-2", "models/new"] {
            assert!(reads.refuse(&at(name)).is_ok(), "{name}");
        }
        // The same from outside, by the files.
        std::fs::hard_link(at("model/1_Pooling/config.json"), at("hard")).unwrap();
        assert!(reads.refuse(&at("hard")).is_err());
    }

    #[test]
    fn a_folder_need_not_be_there_yet() {
        let folder = folder();
        let at = |name: &str| folder.path().join(name);
        let reads = Reads::default().folder(&at("cache"), "the prefix cache");
        assert!(reads.refuse(&at("cache")).is_err());
        assert!(reads.refuse(&at("cache/x")).is_err());
        assert!(reads.refuse(&at("cached")).is_ok());
    }

    /// Here names are told apart by case; what a blind file system does is asked of the system.
    #[test]
    fn names_in_another_case_are_one_only_where_the_system_says_so() {
        let folder = folder();
        let (one, other) = (folder.path().join("a/Cache"), folder.path().join("A/cache"));
        assert_eq!(
            is_same_but_for_case(&one, &other),
            is_case_blind(folder.path())
        );
        assert!(!is_same_but_for_case(&one, &one));
    }
}
