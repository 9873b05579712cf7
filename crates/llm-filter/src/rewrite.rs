//! A file that is written anew beside itself and takes its name when it is whole. It is locked all the
//! while, before and after.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::exclusive::{DurableError, lock};

/// Has `fill` write to a new file what is to stand in place of the locked one at `path`, and returns it
/// under that name, locked.
///
/// # Errors
/// [`DurableError`], also that of `fill`; the file is as it was then.
pub(crate) fn rewrite(
    path: &Path,
    file: &File,
    fill: impl FnOnce(&mut File) -> Result<(), DurableError>,
) -> Result<File, DurableError> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // Of this process alone, so that nobody's file is in its place.
    let fresh = with_end(&place, &format!(".{}.part", std::process::id()));
    let mut written = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&fresh)
        .map_err(failed(&fresh))?;
    let done = lock(&written, &shown(&fresh)).and_then(|()| {
        let permissions = file.metadata().map_err(failed(path))?.permissions();
        fill(&mut written)?;
        written
            .set_permissions(permissions)
            .and_then(|()| written.sync_all())
            .and_then(|()| std::fs::rename(&fresh, &place))
            .map_err(failed(&fresh))
    });
    if done.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    done.map(|()| written)
}

pub(crate) fn shown(path: &Path) -> String {
    format!("'{}'", path.display())
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> DurableError {
    let name = shown(path);
    move |reason| DurableError::Io { name, reason }
}

pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
