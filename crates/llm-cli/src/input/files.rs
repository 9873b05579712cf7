//! Whole files → requests: one for each file, or for each chunk of it; a folder stands for its texts. A file
//! that cannot be read closes its place with an error, and the next is read.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use llm_record::{ErrorCode, ErrorRecord, Fields, Routed};

use super::chunker::{Chunker, Counter};
use super::digest::sha256;
use super::request_builder::RequestBuilder;
use super::walk::Walk;
use super::whole::{bare, into_bare};
use super::{CHUNKED_LIMIT, InputError, PROMPT_LIMIT};
use crate::file_identity::FileIdentity;
use crate::message::Messages;
use crate::stdio::{InputWatch, Source, StdioError};
use llm_record::Item;

/// The longest name in a list of files: more than any system takes.
const LONGEST_NAME: u64 = 64 << 10;

/// Which files are texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The files that are named one by one, and folders of files.
    pub files: Vec<PathBuf>,
    /// A file with the names of more, each ended by NUL.
    pub files0_from: Option<PathBuf>,
    /// Tokens that two neighbouring pieces share, at most.
    pub overlap: usize,
}

impl Texts {
    /// Whether no file is named, so that lines are read.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.files.is_empty() && self.files0_from.is_none()
    }
}

/// The requests for the texts of files.
#[derive(Debug)]
pub(super) struct FileOrigin {
    named: VecDeque<PathBuf>,
    /// The folder under way.
    walk: Option<Walk>,
    listed: Option<(BufReader<Source>, String)>,
    /// Tokens of a piece at most; `None` where a file is one text.
    limit: Option<usize>,
    overlap: usize,
    current: Option<(String, Chunker)>,
    /// Requests that were given out.
    number: u64,
    /// What the flags add to every request.
    salt: String,
    watch: InputWatch,
    /// What is written to, which is no text.
    outputs: Vec<FileIdentity>,
}

impl FileOrigin {
    /// Opens the list of files; the files are opened as they are wanted.
    pub(super) fn open(
        texts: &Texts,
        limit: Option<usize>,
        watch: &InputWatch,
        salt: String,
    ) -> Result<Self, InputError> {
        let listed = match &texts.files0_from {
            Some(path) => {
                let source = Source::open(path, watch.clone())?;
                let name = source.name().to_owned();
                Some((BufReader::new(source), name))
            }
            None => None,
        };
        Ok(Self {
            named: texts.files.iter().cloned().collect(),
            walk: None,
            listed,
            limit,
            overlap: texts.overlap,
            current: None,
            number: 0,
            salt,
            watch: watch.clone(),
            outputs: Vec::new(),
        })
    }

    /// Takes what is written to meanwhile. Which files a list names is known as it is read alone.
    pub(super) fn set_outputs(&mut self, outputs: Vec<FileIdentity>) {
        self.outputs = outputs;
    }

    /// Returns what is read, as far as it is known.
    pub(super) fn inputs(&self) -> Vec<FileIdentity> {
        let listed = self.listed.iter();
        let list = listed.filter_map(|(list, _)| list.get_ref().identity());
        let named = self.named.iter();
        list.chain(named.filter_map(|path| FileIdentity::of_path(path)))
            .collect()
    }

    /// Whether files are cut by tokens.
    pub(super) fn wants_tokens(&self) -> bool {
        self.limit.is_some()
    }

    /// Returns the next request. The outer error is that of the list, or of a user who wants an end.
    pub(super) fn next(
        &mut self,
        builder: &RequestBuilder,
        count: Option<&Counter>,
        messages: Option<Messages>,
    ) -> Option<Result<Item, StdioError>> {
        loop {
            if let Some(item) = self.piece(builder, count) {
                return Some(Ok(item));
            }
            if let Some(status) = self.watch.interrupt.status() {
                return Some(Err(StdioError::Ended(status)));
            }
            let path = match self.next_path(messages) {
                Ok(Some(Ok(path))) => path,
                Ok(Some(Err((path, sentence)))) => {
                    let path = path.display().to_string();
                    return Some(Ok(self.failed(&path, ErrorCode::UnreadableFile, &sentence)));
                }
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            };
            match self.begin(&path, builder) {
                Ok(None) => {}
                Ok(Some(item)) => return Some(Ok(item)),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Returns the next file, or a folder that cannot be read and why.
    #[expect(
        clippy::type_complexity,
        reason = "the end, a broken list and an unreadable folder differ"
    )]
    fn next_path(
        &mut self,
        messages: Option<Messages>,
    ) -> Result<Option<Result<PathBuf, (PathBuf, String)>>, StdioError> {
        loop {
            if let Some(walk) = &mut self.walk {
                if let Some(found) = walk.next() {
                    return Ok(Some(found));
                }
                messages.iter().for_each(|to| walk.tell(*to));
                self.walk = None;
            }
            match self.named.pop_front() {
                Some(path) if path.is_dir() => self.walk = Some(Walk::new(path)),
                Some(path) => return Ok(Some(Ok(path))),
                None => break,
            }
        }
        let Some((list, name)) = &mut self.listed else {
            return Ok(None);
        };
        loop {
            let mut bytes = Vec::new();
            let read = list
                .by_ref()
                .take(LONGEST_NAME)
                .read_until(0, &mut bytes)
                .map_err(|error| StdioError::read(name, error))?;
            if read == 0 {
                return Ok(None);
            }
            if bytes.last() == Some(&0) {
                bytes.pop();
            }
            if !bytes.is_empty() {
                return Ok(Some(Ok(OsString::from_vec(bytes).into())));
            }
        }
    }

    /// Opens a file; returns its request where it has one alone, or the record of one that is no text.
    fn begin(&mut self, path: &Path, builder: &RequestBuilder) -> Result<Option<Item>, StdioError> {
        let shown = path.display().to_string();
        let limit = match self.limit {
            Some(_) => CHUNKED_LIMIT,
            None => PROMPT_LIMIT,
        };
        let is_output = |file: FileIdentity| self.outputs.iter().any(|output| output.is(&file));
        let is_own = FileIdentity::of_path(path).is_some_and(is_output);
        if let (true, Some(walk)) = (is_own, &mut self.walk) {
            walk.own_output();
            return Ok(None);
        }
        let read = if is_own {
            let sentence = format!("'{shown}' is an output of this run; leave it out of the list");
            Err((ErrorCode::UnreadableFile, sentence))
        } else {
            read(path, limit, self.watch.clone())?
        };
        let text = match read {
            Ok(text) => text,
            Err((code @ (ErrorCode::EmptyInput | ErrorCode::BadUtf8), _))
                if let Some(walk) = &mut self.walk =>
            {
                walk.no_text(code == ErrorCode::EmptyInput);
                return Ok(None);
            }
            Err((code, sentence)) => return Ok(Some(self.failed(&shown, code, &sentence))),
        };
        if let Some(limit) = self.limit {
            self.current = Some((shown, Chunker::new(text, limit, self.overlap)));
            return Ok(None);
        }
        Ok(self.item(into_bare(text), input(&shown), builder))
    }

    /// Returns the record of a file that is no text.
    fn failed(&mut self, path: &str, code: ErrorCode, sentence: &str) -> Item {
        self.number += 1;
        let mut record = ErrorRecord::new(self.number, None, code, sentence);
        record.input = input(path);
        record.request_digest = Some(sha256(&[&self.salt, path, sentence]));
        Item::Failed(Box::new(Routed::own(record)))
    }

    /// Returns the request for the next piece of the file under way. Blank ones are passed over.
    fn piece(&mut self, builder: &RequestBuilder, count: Option<&Counter>) -> Option<Item> {
        let (path, chunker) = self.current.as_mut()?;
        let count = count?;
        let piece = loop {
            let Some(piece) = chunker.next(&count.0) else {
                self.current = None;
                return None;
            };
            if !chunker.text(piece.clone()).trim().is_empty() {
                break piece;
            }
        };
        let mut input = input(path);
        input.extend(chunker.place(&piece));
        let text = chunker.text(piece).to_owned();
        self.item(text, input, builder)
    }

    fn item(&mut self, text: String, input: Fields, builder: &RequestBuilder) -> Option<Item> {
        self.number += 1;
        let digest = sha256(&[&self.salt, &text]);
        let mut request = builder.request(self.number, text);
        request.input = input;
        let mut item = builder.job(request)?;
        item.set_digest(&digest);
        Some(item)
    }
}

fn input(path: &str) -> Fields {
    let mut input = Fields::new();
    input.insert("path".into(), path.into());
    input
}

/// Reads a file as text of at most `limit` bytes; the inner error says why it is none.
fn read(
    path: &Path,
    limit: u64,
    watch: InputWatch,
) -> Result<Result<String, (ErrorCode, String)>, StdioError> {
    let refused = |code, sentence| Ok(Err((code, sentence)));
    let shown = path.display();
    let mut bytes = Vec::new();
    let opened = Source::open(path, watch).and_then(|source| {
        let read = source.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| StdioError::read(&format!("'{shown}'"), error))
    });
    match opened {
        Ok(_) => {}
        Err(StdioError::Ended(status)) => return Err(StdioError::Ended(status)),
        Err(error) => return refused(ErrorCode::UnreadableFile, error.to_string()),
    }
    if bytes.len() as u64 > limit {
        let sentence =
            format!("'{shown}' is longer than {limit} bytes; split it into smaller files");
        return refused(ErrorCode::InputTooLong, sentence);
    }
    match String::from_utf8(bytes) {
        Ok(text) if bare(&text).trim().is_empty() => {
            refused(ErrorCode::EmptyInput, format!("'{shown}' is empty"))
        }
        Ok(text) => Ok(Ok(text)),
        Err(error) => {
            let byte = error.utf8_error().valid_up_to() + 1;
            let sentence = format!(
                "'{shown}' is not valid UTF-8 (byte {byte}); convert it first, for example with iconv"
            );
            refused(ErrorCode::BadUtf8, sentence)
        }
    }
}
