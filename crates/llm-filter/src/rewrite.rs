//! A file that is written anew beside itself and takes its name when it is whole. It is locked all the
//! while, before and after.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use llm_record::Closed;
use llm_record::closed::LONGEST_RECORD;

use crate::exclusive::{DurableError, lock};

/// Takes out of the output at `path`, which nobody writes any more, the lines that close a request and
/// are to go; every other line stays as it is, to the byte. Returns how many went; without any the file
/// is not written. Each line may be asked about twice.
///
/// # Errors
/// [`DurableError`]: another run writes the file by now, or the disk is full; it is as it was then.
pub(crate) fn drop_lines(
    path: &Path,
    goes: &mut dyn FnMut(&Closed) -> bool,
) -> Result<u64, DurableError> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed(path))?;
    lock(&file, &shown(path))?;
    let dropped = copy(&file, &mut io::sink(), goes).map_err(failed(path))?;
    if dropped > 0 {
        rewrite(path, &file, |fresh| {
            let mut out = BufWriter::new(fresh);
            copy(&file, &mut out, goes)
                .and_then(|_| out.flush())
                .map_err(failed(path))
        })?;
    }
    Ok(dropped)
}

/// Copies what stays, from the first line on, and returns how many lines do not.
fn copy(
    mut file: &File,
    out: &mut dyn Write,
    goes: &mut dyn FnMut(&Closed) -> bool,
) -> io::Result<u64> {
    Seek::rewind(&mut file)?;
    let mut lines = BufReader::with_capacity(1 << 20, file);
    let (mut bytes, mut dropped) = (Vec::new(), 0);
    loop {
        bytes.clear();
        let read = lines
            .by_ref()
            .take(LONGEST_RECORD)
            .read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(dropped);
        }
        let line = std::str::from_utf8(&bytes).unwrap_or_default();
        match llm_record::closed(line.trim_end()) {
            Some(closed) if goes(&closed) => dropped += 1,
            _ => out.write_all(&bytes)?,
        }
    }
}

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
