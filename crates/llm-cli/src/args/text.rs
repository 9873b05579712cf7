//! A text that a flag takes, written out or in a file. Which flags take one is said where they stand; the
//! prompt and the instruction are no such texts, since they are data and stay as they are.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The largest file of a text, in bytes: more than any instruction, less than harm.
const LONGEST: u64 = 16 << 20;

/// A text, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextArg {
    text: String,
    file: Option<PathBuf>,
}

impl TextArg {
    /// Returns the file that the text was read from.
    #[must_use]
    pub fn file(&self) -> Option<&PathBuf> {
        self.file.as_ref()
    }
}

impl Deref for TextArg {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Reads the value of a flag that takes a text or `@FILE`.
pub(crate) fn text_or_file(value: &str) -> Result<TextArg, String> {
    match value.strip_prefix('@') {
        Some(path) => from_file(Path::new(path))
            .map_err(|reason| format!("{reason}; a text that begins with @ is written \\@")),
        None => Ok(TextArg {
            text: unescaped(value),
            file: None,
        }),
    }
}

/// Reads the value of a flag that names the file of a text.
pub(crate) fn text_of_file(value: &str) -> Result<TextArg, String> {
    from_file(Path::new(value))
}

/// Reads a file, whose text ends as `$(cat FILE)` does: without the line ends at its end.
fn from_file(path: &Path) -> Result<TextArg, String> {
    let name = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read '{name}': {error}"))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("'{name}' is longer than {LONGEST} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        format!("'{name}' is not UTF-8; convert it with iconv -f latin1 -t utf-8 say")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(TextArg {
        text: text.trim_end_matches(['\r', '\n']).to_owned(),
        file: Some(path.to_owned()),
    })
}

/// Returns a text in which `\n`, `\t` and `\r` are a line end, a tab and a carriage return, `\\` is one
/// backslash, and `\@` is @. A backslash before anything else is one.
#[must_use]
pub fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        let mut rest = letters.clone();
        let meant = match rest.next() {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some(same @ ('\\' | '@')) => same,
            _ => {
                plain.push('\\');
                continue;
            }
        };
        plain.push(meant);
        letters = rest;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_a_shell_s_printf() {
        for (written, meant) in [
            (r"a\nb", "a\nb"),
            (r"\t\r", "\t\r"),
            (r"a\\nb", r"a\nb"),
            (r"\\\n", "\\\n"),
            (r"\d+\", r"\d+\"),
            (r"\@home", "@home"),
            ("plain", "plain"),
        ] {
            assert_eq!(unescaped(written), meant, "{written}");
        }
    }

    #[test]
    fn a_file_is_taken_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.prompt");
        std::fs::write(&path, "\u{feff}one\\n\ntwo \r\n\n").unwrap();
        let read = text_or_file(&format!("@{}", path.display())).unwrap();
        assert_eq!(&*read, "one\\n\ntwo ");
        assert_eq!(read.file(), Some(&path));
        assert_eq!(text_of_file(&path.display().to_string()).unwrap(), read);
        assert_eq!(text_or_file("a").unwrap().file(), None);
    }

    #[test]
    fn what_is_no_file_is_told_with_the_way_out() {
        let told = text_or_file("@alice, hello").unwrap_err();
        assert!(told.contains("cannot read 'alice, hello'"), "{told}");
        assert!(told.contains("written \\@"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [0xff]).unwrap();
        let told = text_of_file(&path.display().to_string()).unwrap_err();
        assert!(told.contains("not UTF-8"), "{told}");
    }
}
