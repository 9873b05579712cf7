//! A whole input as one text.

use std::collections::VecDeque;
use std::io::Read;

use llm_record::{ErrorCode, ErrorRecord};

use crate::stdio::{Source, StdioError};

/// Reads all sources, one after another, as one text of at most so many bytes. Text that cannot be a
/// prompt is a failed request.
pub(super) fn read_whole(
    sources: VecDeque<Source>,
    limit: u64,
) -> Result<Result<String, ErrorRecord>, StdioError> {
    let mut bytes = Vec::new();
    let mut last = String::new();
    for source in sources {
        last = source.name().to_owned();
        let room = (limit + 1).saturating_sub(bytes.len() as u64);
        let read = source.take(room).read_to_end(&mut bytes);
        read.map_err(|error| StdioError::read(&last, error))?;
    }
    let refused = |code, sentence| Ok(Err(ErrorRecord::new(1, None, code, sentence)));
    if bytes.len() as u64 > limit {
        let sentence = format!(
            "{last} is longer than {limit} bytes, too long for one prompt; --lines treats each line \
             as a separate prompt"
        );
        return refused(ErrorCode::InputTooLong, sentence);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Ok(text)),
        Err(error) => {
            let byte = error.utf8_error().valid_up_to() + 1;
            let sentence = format!(
                "{last} is not valid UTF-8 (byte {byte}); convert it first, for example with iconv"
            );
            refused(ErrorCode::BadUtf8, sentence)
        }
    }
}

/// Returns a text without byte order mark and last line end (which `echo` adds, and which a model without
/// a chat template would have to go on from).
pub(super) fn bare(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = ["\r\n", "\n"].iter().find_map(|end| text.strip_suffix(end));
    end.unwrap_or(text)
}

/// Does the same to a text that may be too long to be held twice.
pub(super) fn into_bare(mut text: String) -> String {
    let length = bare(&text).len();
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    text.truncate(start + length);
    text.drain(..start);
    text
}
