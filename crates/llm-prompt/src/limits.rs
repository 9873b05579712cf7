//! What a hostile template must not get: all time, memory or stack.

use super::TemplateError;

/// Steps that a rendering may take: a hundred times what a long conversation
/// needs, and some seconds of time.
pub(super) const FUEL: u64 = 20_000_000;
/// Bytes that a rendering may write: more than any context holds.
pub(super) const LONGEST_TEXT: usize = 64 << 20;
/// Bytes of a template's source: fifteen times the longest known.
pub const LONGEST_SOURCE: usize = 256 << 10;
/// Characters of one tag, white space and strings left out: five times the
/// longest known. The parser's time grows with the square of them.
const LONGEST_TAG: usize = 1024;
/// Stack for parsing and rendering, in bytes. Both call themselves as deep as a
/// source nests operators and a template nests lists; a hostile one must be an
/// error, not an overflow. Only what is used of it takes memory.
const STACK: usize = 256 << 20;

/// Refuses a source that is too long, or a tag in it.
pub(super) fn check(source: &str) -> Result<(), TemplateError> {
    let refuse = |reason| Err(TemplateError::Syntax { reason });
    if source.len() > LONGEST_SOURCE {
        return refuse(format!("it has more than {LONGEST_SOURCE} bytes"));
    }
    let mut rest = source;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let end = match rest.as_bytes().first() {
            Some(b'#') => rest.find("#}").unwrap_or(rest.len()),
            Some(b'%' | b'{') => {
                let (end, length) = tag(&rest[1..]);
                if length > LONGEST_TAG {
                    let reason = "characters outside of strings in one tag";
                    return refuse(format!("it has more than {LONGEST_TAG} {reason}"));
                }
                1 + end
            }
            _ => 0,
        };
        rest = &rest[end..];
    }
    Ok(())
}

/// Returns where a tag ends, without its delimiter, and its characters outside
/// of strings and white space.
fn tag(text: &str) -> (usize, usize) {
    let mut quote = None;
    let mut escaped = false;
    let (mut depth, mut length) = (0_usize, 0);
    for (at, character) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if character == '\\' => escaped = true,
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if text[at..].starts_with("%}") => return (at, length),
            None if depth == 0 && text[at..].starts_with("}}") => return (at, length),
            None => {
                length += usize::from(!character.is_whitespace());
                match character {
                    '"' | '\'' => quote = Some(character),
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }
    (text.len(), length)
}

/// Runs `work` where the stack is large.
pub(super) fn on_large_stack<T: Send>(
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(error) => Err(TemplateError::Render {
                reason: format!("no thread can be started for it ({error})"),
            }),
        }
    })
}

/// Text that refuses to grow without end.
#[derive(Default)]
pub(super) struct Limited(Vec<u8>);

impl Limited {
    pub(super) fn into_string(self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl std::io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_TEXT {
            let reason = format!("it writes more than {LONGEST_TEXT} bytes");
            return Err(std::io::Error::other(reason));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
