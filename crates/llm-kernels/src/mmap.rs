//! The one place that maps files, or anonymous memory.

#[cfg(unix)]
mod lost;

use std::fs::File;
use std::path::Path;

#[cfg(unix)]
pub use lost::tell_lost_files;

/// A read-only memory map: a whole file, shared, or memory that `fill` has
/// written once.
#[derive(Debug)]
pub struct Mapping {
    /// Dropped before the map is.
    #[cfg(unix)]
    _known: Option<lost::Known>,
    map: memmap2::Mmap,
}

impl Mapping {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// The system's error when the file cannot be opened or mapped, or an error if it is
    /// not a regular file.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        // Asked before it is opened: a pipe would wait for its writer.
        if !path.metadata()?.is_file() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        let file = File::open(path)?;
        // SAFETY: the map is read-only. Another process that shortens the file
        // while it is mapped ends this one with SIGBUS, of which `lost` makes a
        // sentence; model files are replaced by rename in every store that we
        // know, never rewritten.
        #[allow(unsafe_code, reason = "mapping a file is unsafe by nature")]
        let map = unsafe { memmap2::Mmap::map(&file)? };
        // Only a hint: where the system keeps the file in pages of 2 MiB (it does
        // what was written or is read in such pieces), a few hundred entries map
        // it, where there would be as many thousand to make and to look up.
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::HugePage));
        Ok(Self {
            #[cfg(unix)]
            _known: Some(lost::Known::new(path, &map)),
            map,
        })
    }

    /// Maps `length` bytes of fresh zeroed memory, lets `fill` write them, and
    /// makes them read-only. The memory is backed by pages of the ordinary
    /// size, as that of a file is.
    ///
    /// # Errors
    /// The system's error when it gives no such memory.
    pub fn anonymous(length: usize, fill: impl FnOnce(&mut [u8])) -> std::io::Result<Self> {
        let map = memmap2::MmapMut::map_anon(length)?;
        // Only a hint: what is measured on such memory shall hold for files.
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::NoHugePage));
        Self::filled(map, fill)
    }

    /// Like [`anonymous`](Self::anonymous), of which the system sets no memory aside:
    /// what `fill` does not write takes none, and may be more than there is.
    ///
    /// # Errors
    /// The system's error when it has no such addresses.
    pub fn unreserved(length: usize, fill: impl FnOnce(&mut [u8])) -> std::io::Result<Self> {
        let mut options = memmap2::MmapOptions::new();
        Self::filled(options.len(length).no_reserve_swap().map_anon()?, fill)
    }

    /// Like [`anonymous`](Self::anonymous), in pages of 2 MiB where the system has them:
    /// fewer page faults and TLB misses.
    ///
    /// # Errors
    /// The system's error when it gives no such memory.
    pub fn anonymous_large(length: usize, fill: impl FnOnce(&mut [u8])) -> std::io::Result<Self> {
        let map = memmap2::MmapMut::map_anon(length)?;
        #[cfg(target_os = "linux")]
        drop(map.advise(memmap2::Advice::HugePage));
        Self::filled(map, fill)
    }

    fn filled(mut map: memmap2::MmapMut, fill: impl FnOnce(&mut [u8])) -> std::io::Result<Self> {
        fill(&mut map);
        Ok(Self {
            #[cfg(unix)]
            _known: None,
            map: map.make_read_only()?,
        })
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Asks the system to read the whole map ahead; only a hint.
    pub fn will_need(&self) {
        #[cfg(unix)]
        drop(self.map.advise(memmap2::Advice::WillNeed));
    }
}
