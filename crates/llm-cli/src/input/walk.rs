//! A folder → its files, in the order of their names, those of its folders where the folder's name
//! stands. Links are not followed, so that there is an end; what is no text is for the caller to say.

use std::fmt;
use std::fs::DirEntry;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::message::Messages;

/// Entries of one folder, its folders' own left out, at most: they are put in order in memory.
const MOST_ENTRIES: usize = 1_000_000;

/// Folders within each other, at most: more than a path has room for on most systems.
const DEEPEST: usize = 1024;

/// Bytes at the beginning of a file by which it is known to be no text.
const HEAD: u64 = 8192;

/// How a file of vectors begins that llm-embed has written.
const VECTORS: &[u8] = br#"{"type":"embedding","#;

/// What of a folder is no text, or is not looked at.
#[derive(Debug, Default)]
struct PassedOver {
    texts: u64,
    hidden: u64,
    links: u64,
    others: u64,
    empty: u64,
}

/// What is still to come.
#[derive(Debug)]
enum Entry {
    File(PathBuf),
    Folder(PathBuf, usize),
}

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Walk {
    name: String,
    /// The next is the last.
    rest: Vec<Entry>,
    passed: PassedOver,
}

impl Walk {
    /// Begins with a folder, which is read as it is wanted.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            name: format!("'{}'", folder.display()),
            rest: vec![Entry::Folder(folder, 0)],
            passed: PassedOver::default(),
        }
    }

    /// Returns the next file that may be a text, or a folder that cannot be read and why.
    pub(super) fn next(&mut self) -> Option<Result<PathBuf, (PathBuf, String)>> {
        while let Some(entry) = self.rest.pop() {
            match entry {
                Entry::Folder(folder, depth) => {
                    if let Err(reason) = self.enter(&folder, depth) {
                        let sentence = format!("cannot read '{}': {reason}", folder.display());
                        return Some(Err((folder, sentence)));
                    }
                }
                Entry::File(path) if is_unlike_text(&path) => self.passed.others += 1,
                Entry::File(path) => {
                    self.passed.texts += 1;
                    return Some(Ok(path));
                }
            }
        }
        None
    }

    /// Takes in that a file that was given out has no text: nothing in it, or other bytes.
    pub(super) fn no_text(&mut self, is_empty: bool) {
        self.passed.texts = self.passed.texts.saturating_sub(1);
        let count = if is_empty {
            &mut self.passed.empty
        } else {
            &mut self.passed.others
        };
        *count += 1;
    }

    /// Takes in that a file that was given out is an output of the run.
    pub(super) fn own_output(&mut self) {
        self.passed.texts = self.passed.texts.saturating_sub(1);
    }

    /// Says what was passed over, and that nothing is left.
    pub(super) fn tell(&self, messages: Messages) {
        let name = &self.name;
        let passed = self.passed.to_string();
        match (self.passed.texts, passed.as_str()) {
            (0, "") => messages.warning(format_args!("{name} holds no text")),
            (0, _) => messages.warning(format_args!(
                "{name} holds no text; what is passed over in it: {passed}"
            )),
            (_, "") => {}
            _ => messages.note(format_args!("passed over in {name}: {passed}")),
        }
    }

    /// Puts the entries of a folder before what is still to come.
    fn enter(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            let told = format!("it lies in more than {DEEPEST} folders");
            return Err(io::Error::other(told));
        }
        let mut entries = Vec::new();
        for entry in folder.read_dir()? {
            if entries.len() == MOST_ENTRIES {
                let told = format!(
                    "it has more than {MOST_ENTRIES} entries; name its files with --files0-from"
                );
                return Err(io::Error::other(told));
            }
            entries.push(entry?);
        }
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries.into_iter().rev() {
            self.sort_out(&entry, depth)?;
        }
        Ok(())
    }

    fn sort_out(&mut self, entry: &DirEntry, depth: usize) -> io::Result<()> {
        let kind = entry.file_type()?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            self.passed.hidden += 1;
        } else if kind.is_dir() {
            self.rest.push(Entry::Folder(entry.path(), depth + 1));
        } else if kind.is_symlink() {
            self.passed.links += 1;
        } else if !kind.is_file() || is_part(&name) {
            self.passed.others += 1;
        } else {
            self.rest.push(Entry::File(entry.path()));
        }
        Ok(())
    }
}

/// Whether a file is one that a run is writing: `NAME.PROCESS.part`.
fn is_part(name: &str) -> bool {
    let stem = name.strip_suffix(".part").unwrap_or_default();
    let process = stem.rsplit_once('.').map_or("", |(_, process)| process);
    !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a file's first bytes are of no text. One that cannot be read is not known.
fn is_unlike_text(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    if read.is_err() {
        return false;
    }
    // A character may be cut in two at the end of what was read.
    let is_cut = head.len() as u64 == HEAD;
    let is_utf8 = match std::str::from_utf8(&head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && is_cut,
    };
    !is_utf8 || head.contains(&0) || head.starts_with(VECTORS)
}

impl fmt::Display for PassedOver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (
                self.hidden,
                "hidden file or folder",
                "hidden files or folders",
            ),
            (
                self.others,
                "file that is not text",
                "files that are not text",
            ),
            (self.empty, "empty file", "empty files"),
            (self.links, "link", "links"),
        ];
        let told = counts.iter().filter(|(count, ..)| *count > 0);
        let told = told.map(|(count, one, several)| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {several}"),
        });
        out.write_str(&told.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_names_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("b/c")).unwrap();
        std::fs::create_dir(at(".git")).unwrap();
        for (name, bytes) in [
            ("z.txt", &b"last"[..]),
            ("a.txt", "é".repeat(5000).as_bytes()),
            ("b/one", b"1"),
            ("b/c/two", b"2"),
            (".hidden", b"x"),
            (".git/config", b"x"),
            ("bytes", b"\x89PNG\r\n"),
            ("nul", b"a\0b"),
            ("v.jsonl", br#"{"type":"embedding","schema_version":1}"#),
            ("v.npy.77.part", b"x"),
        ] {
            std::fs::write(at(name), bytes).unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), at("loop")).unwrap();
        let mut walk = Walk::new(folder.path().to_owned());
        let files = std::iter::from_fn(|| walk.next());
        let names: Vec<_> = files.map(|path| path.unwrap()).collect();
        assert_eq!(names, ["a.txt", "b/c/two", "b/one", "z.txt"].map(at));
        assert_eq!(
            walk.passed.to_string(),
            "2 hidden files or folders, 4 files that are not text, 1 link"
        );
        walk.no_text(true);
        assert_eq!((walk.passed.texts, walk.passed.empty), (3, 1));
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_named() {
        let mut walk = Walk::new("/nonexistent/folder".into());
        let (path, sentence) = walk.next().unwrap().unwrap_err();
        assert_eq!(path, Path::new("/nonexistent/folder"));
        assert!(
            sentence.starts_with("cannot read '/nonexistent/folder'"),
            "{sentence}"
        );
        assert!(walk.next().is_none());
    }
}
