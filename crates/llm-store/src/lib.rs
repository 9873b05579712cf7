//! Model names to verified files on disk.
//!
//! The order of the work: a name is read (`name`, [`catalogue`]), looked up in
//! the Hugging Face cache (`layout`, `select`, `folder`, `locate`, `resolve`), its bytes are
//! verified (`digest`), and what is missing is planned and fetched (`http`,
//! `hub`, `plan`, `fetch`) or imported (`import`). `inventory` lists and
//! removes. Reading a model's header, printing and
//! progress bars are left to others; [`Store::resolve`] and everything that
//! it calls never touch the network.
//!
//! # Where things lie
//! Weights lie in the Hugging Face cache (`HF_HUB_CACHE`, else
//! `$HF_HOME/hub`, else `~/.cache/huggingface/hub`) in its published layout,
//! so that every tool that reads it shares them. An imported file whose
//! SHA-256 is the catalogue's goes exactly where a pull would have put it;
//! any other import becomes the repository `local/NAME`, that is
//! `models--local--NAME`, with the first 40 digits of its SHA-256 as the
//! commit. Remembered digests lie in `$XDG_CACHE_HOME/llm-tools/digests`.

#![forbid(unsafe_code)]

// What a name means.
mod address;
mod catalogue;
mod name;
mod settings;

// Where its files are on this disk.
mod layout;
mod file_name;
mod select;
mod folder;

// Whether they are what they should be.
mod digest;
mod hint;
mod locate;
mod resolve;

// How missing ones come here.
mod http;
mod hub;
mod plan;

mod body;
mod fetch;
mod import;
mod aligned_writer;

// What is here, and away with it.
mod error;
mod inventory;

use std::ops::ControlFlow;

pub use address::plain_name;
pub use aligned_writer::AlignedWriter;
pub use catalogue::{Entry, Purpose, catalogue};
pub use error::StoreError;
pub use file_name::quantization;
pub use import::{ImportOptions, Imported, Placement};
pub use inventory::{Removed, Stored};
pub use locate::ModelPlaces;
pub use name::{ModelName, Part};
pub use plan::{Plan, PlannedFile, PullOptions};
pub use resolve::{ModelFile, ResolvedModel};
pub use settings::Settings;

/// What a long operation reports while it works.
///
/// The receiver answers [`ControlFlow::Break`] to stop the operation, which
/// then returns [`StoreError::Interrupted`] and leaves nothing half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another process is fetching this file; we wait until it is done.
    Waiting {
        /// The file's name in its repository.
        file: &'a str,
    },
    /// The bytes of a file begin to arrive.
    Fetching {
        /// The file's name in its repository.
        file: &'a str,
        /// Its size in bytes.
        total_bytes: u64,
    },
    /// A file is read to compute its digest.
    Hashing {
        /// The file's name.
        file: &'a str,
        /// Its size in bytes.
        total_bytes: u64,
        /// Whether the digest can be remembered, so that the file is not hashed again.
        is_kept: bool,
    },
    /// A file is copied, because it could not be linked.
    Copying {
        /// The file's name.
        file: &'a str,
        /// Its size in bytes.
        total_bytes: u64,
    },
    /// So many bytes more of the file last named are done.
    Advanced {
        /// Bytes since the last event.
        bytes: u64,
    },
    /// The file last named is whole.
    Finished,
}

/// Receives the events of a long operation.
pub type Observer<'a> = dyn FnMut(Event<'_>) -> ControlFlow<()> + 'a;

/// Sends one event and turns a wish to stop into an error.
fn report(observer: &mut Observer<'_>, event: Event<'_>) -> Result<(), StoreError> {
    match observer(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(StoreError::Interrupted),
    }
}

/// The models of this machine and the hub behind them.
#[derive(Debug, Clone)]
pub struct Store {
    settings: Settings,
    layout: Option<layout::Layout>,
    digests: digest::DigestMemory,
}

impl Store {
    /// Opens the store that the environment names (see [`Settings`]). Where
    /// it names none, bare files are found nevertheless, and all else is
    /// [`StoreError::NoHome`].
    #[must_use]
    pub fn from_env() -> Self {
        Self::new(Settings::from_env())
    }

    /// Opens the store that `settings` describe; nothing is created yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let layout = settings.hub_cache.clone().map(layout::Layout::new);
        let digests = digest::DigestMemory::new(settings.digest_folder.clone());
        Self {
            settings,
            layout,
            digests,
        }
    }

    /// Returns the cache, where there is one.
    fn layout(&self) -> Result<&layout::Layout, StoreError> {
        self.layout.as_ref().ok_or(StoreError::NoHome)
    }

    /// Returns the settings that the store was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
