//! An output without some of its lines: a new file that takes the old one's name when it is whole.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use llm_record::closed::LONGEST_RECORD;

use crate::exclusive::{DurableError, Refuse, lock};

/// Writes the lines of a file that are to stay to a new one, gives that the name and the permissions of
/// the old, and returns how many lines are gone; where that is none, nothing is changed.
pub(crate) fn rewrite(
    path: &Path,
    file: &File,
    refuse: Refuse<'_>,
    stays: &dyn Fn(&[u8]) -> bool,
) -> Result<u64, DurableError> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let fresh = part_of(&place);
    refuse(&fresh).map_err(DurableError::Refused)?;
    let mut new = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&fresh)
        .map_err(failed(&fresh))?;
    let written = lock(&new, &shown(&fresh)).and_then(|()| {
        let gone = copy(file, &mut new, stays).map_err(failed(path))?;
        if gone == 0 {
            return Ok(0);
        }
        let permissions = file.metadata().map_err(failed(path))?.permissions();
        new.set_permissions(permissions)
            .and_then(|()| new.sync_all())
            .and_then(|()| std::fs::rename(&fresh, &place))
            .map_err(failed(&fresh))?;
        Ok(gone)
    });
    if !matches!(written, Ok(1..)) {
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

fn copy(mut old: &File, new: &mut File, stays: &dyn Fn(&[u8]) -> bool) -> io::Result<u64> {
    old.seek(SeekFrom::Start(0))?;
    let (mut lines, mut new) = (BufReader::new(old), BufWriter::new(new));
    let (mut line, mut gone) = (Vec::new(), 0);
    loop {
        line.clear();
        lines
            .by_ref()
            .take(LONGEST_RECORD)
            .read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if stays(&line) {
            new.write_all(&line)?;
        } else {
            gone += 1;
        }
    }
    new.flush()?;
    Ok(gone)
}

/// Returns a name beside a file, of this process alone, so that nobody's file is in its place.
pub(crate) fn part_of(place: &Path) -> PathBuf {
    with_end(place, &format!(".{}.part", std::process::id()))
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
