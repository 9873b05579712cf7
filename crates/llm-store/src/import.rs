//! Imports: a file that is on this disk already becomes a model of the store,
//! by a reflink or a hard link where the file system can, else by a copy that
//! the result admits to.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use llm_digest::Sha256Hex;

use crate::catalogue::{self, Entry};
use crate::digest::CHUNK_BYTES;
use crate::error::StoreError;
use crate::fetch::{Partial, check_space, lock};
use crate::layout::RepoFolder;
use crate::name::{is_import_name, is_word};
use crate::resolve::{Found, LOCAL, ModelFile, ResolvedModel, find_path};
use crate::{Event, Observer, Store, report};

/// The four bytes that every GGUF file begins with.
const GGUF_MAGIC: &[u8] = b"GGUF";

/// What an import may be told beside the path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The name to store it under; none for the file's own.
    pub name: Option<String>,
    /// Whether to replace another model of that name, and to try a copy
    /// although the disk seems too small.
    pub force: bool,
}

/// How the bytes of an import came into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Placement {
    /// The store had them already.
    AlreadyThere,
    /// A reflink: blocks shared on the disk until one side changes.
    Reflinked,
    /// A hard link: the same file under a second name.
    HardLinked,
    /// A second copy on the disk, because the store is on another one.
    Copied,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The model, under the name by which it is found from now on.
    pub model: ResolvedModel,
    /// How its files came there; of several, the costliest.
    pub placement: Placement,
}

/// Where an import goes.
struct Home {
    name: String,
    repo: RepoFolder,
    /// The snapshot's.
    commit: String,
    /// The file's name in the catalogue's repository.
    rename_to: Option<String>,
}

impl Store {
    /// Puts the model at `path` (a `.gguf` file, one shard of several, or a
    /// folder that holds one model) into the store.
    ///
    /// A file whose digest the catalogue knows goes where a pull would have
    /// put it and answers to the catalogue's name; any other is stored as
    /// `local/NAME`, NAME being the one asked for or the file's without `.gguf`.
    ///
    /// # Errors
    /// [`StoreError::WrongDigest`] if the name is the catalogue's and the bytes
    /// are not, [`StoreError::NameTaken`], [`StoreError::NotGguf`], and what
    /// paths and splits can do wrong.
    pub fn import(
        &self,
        path: &Path,
        options: &ImportOptions,
        observer: &mut Observer<'_>,
    ) -> Result<Imported, StoreError> {
        let shown = path.display().to_string();
        let found = find_path(&shown, path)?;
        for file in &found.files {
            check_magic(&found.folder.join(file))?;
        }
        // Before the time to hash is spent.
        self.layout()?;
        options.name.as_deref().map_or(Ok(()), check_name)?;
        let source = self.verify(&shown, &found, observer)?;
        let home = self.home_for(&source, options)?;
        home.repo.make_blobs()?;
        let mut placement = Placement::AlreadyThere;
        let mut names = Vec::new();
        for file in &source.files {
            let _lock = lock(&home.repo, &file.sha256, &file.name, observer)?;
            let blob = home.repo.blob(&file.sha256);
            placement = placement.max(self.place(file, &blob, options.force, observer)?);
            let base = file.name.rsplit('/').next().unwrap_or(&file.name);
            let stored_as = home.rename_to.clone().unwrap_or_else(|| base.to_owned());
            home.repo.link(&home.commit, &stored_as, &file.sha256)?;
            names.push(stored_as);
        }
        // Other tools ask for main where nobody names a revision. Where main
        // stands already is for the hub to say.
        if home.repo.commit_of("main").is_none() {
            home.repo.set_reference("main", &home.commit)?;
        }
        let stored = Found {
            folder: home.repo.snapshot(&home.commit),
            repo: Some(home.repo),
            commit: Some(home.commit),
            files: names,
        };
        Ok(Imported {
            model: self.verify(&home.name, &stored, observer)?,
            placement,
        })
    }

    /// Decides which repository and snapshot an import belongs to.
    fn home_for(
        &self,
        source: &ResolvedModel,
        options: &ImportOptions,
    ) -> Result<Home, StoreError> {
        let name = options.name.as_deref();
        let named = match name {
            Some(name) => catalogue::entry(name)?,
            None => None,
        };
        let by_digest = catalogue::entry_with_digest(&source.digest)?;
        match (name, named, by_digest) {
            (_, Some(entry), _) => match &entry.sha256 {
                None => Err(StoreError::NameUnverifiable {
                    name: entry.name.clone(),
                }),
                Some(expected) if *expected != source.digest => Err(StoreError::WrongDigest {
                    file: source.name.clone(),
                    actual: source.digest.clone(),
                    expected: expected.clone(),
                    source_name: format!("the catalogue for '{}'", entry.name),
                    way_out: "choose another --name".to_owned(),
                }),
                Some(_) => self.catalogue_home(entry, source),
            },
            (None, None, Some(entry)) => self.catalogue_home(entry, source),
            (_, None, _) => self.local_home(source, options),
        }
    }

    fn catalogue_home(&self, entry: &Entry, source: &ResolvedModel) -> Result<Home, StoreError> {
        Ok(Home {
            name: entry.name.clone(),
            repo: self.layout()?.repo(&entry.repo),
            commit: match &entry.revision {
                Some(revision) => revision.clone(),
                None => local_commit(source),
            },
            rename_to: entry.gguf.as_ref().map(|gguf| gguf.file.clone()),
        })
    }

    fn local_home(
        &self,
        source: &ResolvedModel,
        options: &ImportOptions,
    ) -> Result<Home, StoreError> {
        let name = match options.name.as_deref() {
            Some(name) => name.to_owned(),
            None => name_from(source)?,
        };
        let repo = self.layout()?.repo(&format!("{LOCAL}/{name}"));
        let commit = local_commit(source);
        match repo.commit_of("main") {
            Some(there) if there != commit && options.force => {
                self.remove(&repo.repo)?;
            }
            Some(there) if there != commit => return Err(StoreError::NameTaken { name }),
            _ => {}
        }
        Ok(Home {
            name,
            repo,
            commit,
            rename_to: None,
        })
    }

    /// Makes `blob` hold the bytes of `file`, the cheapest way that works. What
    /// lies there already is hashed, since its name and its length are claims
    /// of whoever wrote it.
    fn place(
        &self,
        file: &ModelFile,
        blob: &Path,
        force: bool,
        observer: &mut Observer<'_>,
    ) -> Result<Placement, StoreError> {
        let source: PathBuf =
            fs::canonicalize(&file.path).map_err(StoreError::io("find", &file.path))?;
        if is_same_file(&source, blob)
            || (fs::metadata(blob).is_ok_and(|data| data.len() == file.size_bytes)
                && self.digests.of_file(blob, observer)? == file.sha256)
        {
            return Ok(Placement::AlreadyThere);
        }
        if reflink(&source, blob)? {
            // The blocks are those of the bytes that were hashed only if nobody
            // has written to the source since.
            if self.digests.remembered(&source).as_ref() == Some(&file.sha256) {
                self.digests.remember(blob, &file.sha256);
            }
            return Ok(Placement::Reflinked);
        }
        // A file that is already linked under this name is replaced only by a
        // whole one, so a wrong leftover is removed first.
        if blob.exists() {
            self.digests.forget(blob);
            fs::remove_file(blob).map_err(StoreError::io("replace", blob))?;
        }
        if fs::hard_link(&source, blob).is_ok() {
            // The same inode: what is remembered of the source holds for it.
            return Ok(Placement::HardLinked);
        }
        if !force {
            check_space(blob.parent().unwrap_or(Path::new(".")), file.size_bytes)?;
        }
        copy(&source, blob, file, observer)?;
        self.digests.remember(blob, &file.sha256);
        Ok(Placement::Copied)
    }
}

/// The first 40 digits of the digest stand where the layout wants a commit.
fn local_commit(source: &ResolvedModel) -> String {
    source.digest.chars().take(40).collect()
}

/// Refuses what cannot be the name of an import.
fn check_name(name: &str) -> Result<(), StoreError> {
    let reason = match (is_import_name(name), is_word(name)) {
        (true, _) => return Ok(()),
        (false, true) => {
            "what ends in .gguf is taken for a file's path; give a --name without that ending"
        }
        (false, false) => "use letters, digits, '-', '_' and '.' for --name",
    };
    Err(StoreError::BadName {
        name: name.to_owned(),
        reason: reason.to_owned(),
    })
}

/// The file's name without `.gguf` and split numbers.
fn name_from(source: &ResolvedModel) -> Result<String, StoreError> {
    let path = source
        .files
        .first()
        .map_or(Path::new(""), |file| &file.path);
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let stem = if source.files.len() > 1 {
        stem.rsplit_once("-of-")
            .and_then(|(rest, _)| rest.rsplit_once('-'))
            .map_or(stem, |(rest, _)| rest)
    } else {
        stem
    };
    if is_word(stem) {
        check_name(stem)?;
    } else {
        return Err(StoreError::BadName {
            name: stem.to_owned(),
            reason: "give the model a short one with --name".to_owned(),
        });
    }
    match catalogue::entry(stem)? {
        // A stray file must not take a name that promises certain bytes.
        Some(entry) => Err(StoreError::BadName {
            name: entry.name.clone(),
            reason: "it is the catalogue's, and this file is not that model: choose a --name"
                .to_owned(),
        }),
        None => Ok(stem.to_owned()),
    }
}

fn check_magic(path: &Path) -> Result<(), StoreError> {
    let mut magic = Vec::with_capacity(GGUF_MAGIC.len());
    File::open(path)
        .and_then(|file| file.take(GGUF_MAGIC.len() as u64).read_to_end(&mut magic))
        .map_err(StoreError::io("read", path))?;
    if magic == GGUF_MAGIC {
        Ok(())
    } else {
        Err(StoreError::NotGguf {
            path: path.to_path_buf(),
        })
    }
}

/// Tries to share the blocks of `source`; false where the file system cannot.
#[cfg(target_os = "linux")]
fn reflink(source: &Path, blob: &Path) -> Result<bool, StoreError> {
    let from = File::open(source).map_err(StoreError::io("open", source))?;
    let partial = Partial::create(blob)?;
    if rustix::fs::ioctl_ficlone(partial.file.get_ref(), &from).is_err() {
        return Ok(false);
    }
    partial.keep(blob)?;
    Ok(true)
}

/// Elsewhere a hard link does the same job.
#[cfg(not(target_os = "linux"))]
fn reflink(_source: &Path, _blob: &Path) -> Result<bool, StoreError> {
    Ok(false)
}

/// Whether two paths lead to one file; then there is nothing to replace.
fn is_same_file(first: &Path, second: &Path) -> bool {
    let (Ok(first), Ok(second)) = (fs::metadata(first), fs::metadata(second)) else {
        return false;
    };
    (first.dev(), first.ino()) == (second.dev(), second.ino())
}

fn copy(
    source: &Path,
    blob: &Path,
    file: &ModelFile,
    observer: &mut Observer<'_>,
) -> Result<(), StoreError> {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    report(
        observer,
        Event::Copying {
            file: &name,
            total_bytes: file.size_bytes,
        },
    )?;
    let mut from = File::open(source).map_err(StoreError::io("open", source))?;
    let mut partial = Partial::create(blob)?;
    let mut hash = Sha256Hex::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = from
            .read(&mut chunk)
            .map_err(StoreError::io("read", source))?;
        if count == 0 {
            break;
        }
        let bytes = chunk.get(..count).unwrap_or_default();
        hash.update(bytes);
        partial.write(bytes)?;
        report(
            observer,
            Event::Advanced {
                bytes: count as u64,
            },
        )?;
    }
    let actual = hash.finish();
    if actual != file.sha256 {
        return Err(StoreError::WrongDigest {
            file: source.display().to_string(),
            actual,
            expected: file.sha256.clone(),
            source_name: "its first reading".to_owned(),
            way_out: "it is being written: import it when it is whole".to_owned(),
        });
    }
    partial.keep(blob)?;
    report(observer, Event::Finished)
}
