//! Everything that can go wrong between a model's name and its files, one
//! sentence each that names the thing and the way out. Exit statuses are left
//! to the programs.

use std::io;
use std::path::{Path, PathBuf};

/// Why a model could not be found, fetched, imported or removed.
///
/// The messages carry their cause themselves, so that one line holds all of
/// it in a terminal and in an `error` record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Nothing says where the cache is.
    #[error("no home folder is known: set HOME, HF_HOME or HF_HUB_CACHE")]
    NoHome,
    /// The text cannot be the name of a model.
    #[error("'{name}' is not a model name: {reason}")]
    BadName {
        /// What was given.
        name: String,
        /// What is wrong with it and what to write.
        reason: String,
    },
    /// Neither the catalogue nor the store knows the name.
    #[error("no model named '{name}' ({hint})")]
    UnknownName {
        /// What was given.
        name: String,
        /// The nearest name, or what a name can be.
        hint: String,
    },
    /// A known model whose files are not here.
    #[error("model '{name}' is not on this machine ({hint})")]
    NotHere {
        /// What was given.
        name: String,
        /// How to get it.
        hint: String,
    },
    /// A path that leads nowhere.
    #[error("no model file or folder at '{}' (check the path, or name a model of the catalogue such as 'smollm2')", path.display())]
    NoSuchPath {
        /// What was given.
        path: PathBuf,
    },
    /// A path to what is neither a file nor a folder.
    #[error(
        "'{}' is {kind}, and a model is read more than once and from many places: write it to a file and name that", path.display()
    )]
    NoRegularFile {
        /// What was given.
        path: PathBuf,
        /// What it is, in words.
        kind: &'static str,
    },
    /// A file whose name records cannot hold.
    #[error(
        "'{}' has a name that is not UTF-8, which no record can hold: rename it, or give it another name with ln -s", path.display()
    )]
    NameNotUtf8 {
        /// What was given.
        path: PathBuf,
    },
    /// An access token that no request can carry.
    #[error(
        "{place} holds the character '{letter}', which no token of the hub has: copy the token again, or unset it"
    )]
    BadToken {
        /// The variable or the file.
        place: String,
        /// The character.
        letter: String,
    },
    /// A folder or repository without a model.
    #[error("no {wanted} in {place}; it holds {have}")]
    NothingFits {
        /// What was looked for.
        wanted: String,
        /// Where.
        place: String,
        /// What is there instead.
        have: String,
    },
    /// Several models fit the name.
    #[error("'{name}' could be {choices}: name one, such as '{example}'")]
    Ambiguous {
        /// What was given.
        name: String,
        /// The models that fit, with their sizes where known.
        choices: String,
        /// A name that fits one of them.
        example: String,
    },
    /// A split model with missing parts.
    #[error(
        "'{file}' is split into {total} files and {missing} is missing: fetch or copy all of them"
    )]
    IncompleteSplit {
        /// The first part that is there.
        file: String,
        /// How many parts there must be.
        total: u32,
        /// The name of the first missing part.
        missing: String,
    },
    /// One of the files of a folder.
    #[error(
        "'{}' is a part of a model: name its folder, '{}'", path.display(), folder.display()
    )]
    PartOfFolder {
        /// What was given.
        path: PathBuf,
        /// The folder that it lies in.
        folder: PathBuf,
    },
    /// A folder where a file is needed.
    #[error(
        "'{name}' holds safetensors and no GGUF file, which is what can be imported; a folder is run where it is"
    )]
    OnlySafetensors {
        /// What was given.
        name: String,
    },
    /// A file that is no GGUF file.
    #[error("'{}' is not a GGUF file (its first four bytes are not 'GGUF')", path.display())]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not the ones that were promised.
    #[error("'{file}' has SHA-256 {actual}, not {expected} as {source_name} says; {way_out}")]
    WrongDigest {
        /// The file.
        file: String,
        /// What was computed.
        actual: String,
        /// What was promised.
        expected: String,
        /// Who promised it.
        source_name: String,
        /// What to do.
        way_out: String,
    },
    /// Fewer or more bytes than promised.
    #[error(
        "'{file}' broke off after {received_bytes} of {expected_bytes} bytes{cause}; nothing was stored, try again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Bytes that arrived.
        received_bytes: u64,
        /// Bytes that were promised.
        expected_bytes: u64,
        /// The transport's own words, with a leading colon, or nothing.
        cause: String,
    },
    /// No byte arrived for too long.
    #[error(
        "'{url}' sent nothing for {seconds} s; nothing was stored, try again (HF_HUB_DOWNLOAD_TIMEOUT sets the seconds)"
    )]
    Stalled {
        /// Where from.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The server could not be reached.
    #[error("cannot reach {url}: {cause} (check the network, HTTPS_PROXY and HF_ENDPOINT)")]
    Unreachable {
        /// Where to.
        url: String,
        /// The transport's own words.
        cause: String,
    },
    /// The server answered with an error.
    #[error("{url} answered {status}: {hint}")]
    Refused {
        /// Where to.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it means here and what to do.
        hint: String,
    },
    /// The server's answer makes no sense.
    #[error("{url} answered what a Hugging Face hub would not: {reason} (check HF_ENDPOINT)")]
    BadAnswer {
        /// Where to.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The network is switched off.
    #[error(
        "'{name}' is not complete on this machine and HF_HUB_OFFLINE is set (unset it to fetch)"
    )]
    Offline {
        /// What was asked for.
        name: String,
    },
    /// The disk is too small.
    #[error(
        "'{}' has {free_bytes} bytes free and {needed_bytes} are needed: free some space, set HF_HUB_CACHE to another disk, or try it with --force",
        folder.display()
    )]
    DiskFull {
        /// The cache folder.
        folder: PathBuf,
        /// What there is.
        free_bytes: u64,
        /// What the files need.
        needed_bytes: u64,
    },
    /// Another model already has that name.
    #[error(
        "another model is already stored as '{name}' (choose another --name, or replace it with --force)"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The catalogue's name cannot be given to a file that it cannot judge.
    #[error(
        "the catalogue knows no digest for '{name}', so the file cannot be told to be that model: choose another --name"
    )]
    NameUnverifiable {
        /// The name.
        name: String,
    },
    /// Only names can be fetched.
    #[error(
        "'{}' is a path, and llm-pull fetches models by their names, such as 'smollm2' or org/repo:QUANT; llm-pull import {} takes a file of this machine into the store", path.display(), path.display()
    )]
    PathToFetch {
        /// What was given.
        path: PathBuf,
    },
    /// Only stored models can be removed.
    #[error("'{}' is a path, and llm-pull rm removes only models of the store (llm-pull ls lists them)", path.display())]
    NotInStore {
        /// What was given.
        path: PathBuf,
    },
    /// The operation was told to stop.
    #[error("interrupted; nothing half done was kept")]
    Interrupted,
    /// The catalogue in the program cannot be read.
    #[error("the built-in catalogue is damaged: {cause} (rebuild the program)")]
    Catalogue {
        /// The parser's words.
        cause: String,
    },
    /// The file system said no.
    #[error("cannot {action} '{}': {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's words.
        cause: io::Error,
    },
}

impl StoreError {
    /// Returns a function that wraps an I/O error with what was tried on what.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |cause| Self::Io {
            action,
            path,
            cause,
        }
    }
}
