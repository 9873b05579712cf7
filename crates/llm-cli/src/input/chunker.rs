//! One long text → pieces of at most so many tokens, cut where it hurts least. What a token is, the
//! caller says; what is asked of each piece is `request_builder`'s business.

use std::fmt;
use std::ops::Range;

use llm_record::{ErrorRecord, Json, Request, Routed};

use super::digest::sha256;
use super::request_builder::RequestBuilder;
use llm_record::Item;

/// Counts the tokens of a text.
pub type CountTokens = Box<dyn Fn(&str) -> usize + Send>;

/// Bytes of a token to begin with, in the search for what fits.
const GUESS: usize = 4;

/// Closing quotes and brackets after a sentence, at most.
const MOST_CLOSERS: usize = 4;

/// What a cut at a place tears apart, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Boundary {
    Paragraph,
    Line,
    Sentence,
    Word,
}

/// A text that is cut into pieces; put together they are the text.
pub(super) struct Chunker {
    text: String,
    /// Bytes that were given out, or skipped at the beginning.
    at: usize,
    /// Where the last piece begins.
    last: usize,
    /// Tokens of a piece at most.
    limit: usize,
    /// Tokens of the last piece that the next begins with, at most.
    overlap: usize,
    /// A byte and the line that it is in, from 1.
    line: (usize, usize),
}

impl fmt::Debug for Chunker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, at, limit) = (self.text.len(), self.at, self.limit);
        write!(out, "Chunker({at} of {length} bytes, {limit} tokens each)")
    }
}

impl Chunker {
    /// Prepares to cut a text into pieces of at most `limit` tokens. A byte order mark at its beginning is
    /// left out.
    pub(super) fn new(text: String, limit: usize, overlap: usize) -> Self {
        let at = text.len() - text.trim_start_matches('\u{feff}').len();
        Self {
            text,
            at,
            last: at,
            limit,
            overlap,
            line: (0, 1),
        }
    }

    /// Returns where a piece stands: its first line, from 1, and the bytes before and in it. Pieces are
    /// asked for in their order.
    pub(super) fn place(&mut self, piece: &Range<usize>) -> [(String, Json); 3] {
        let (from, line) = self.line;
        let between = self.text.as_bytes().get(from..piece.start);
        let ends = between
            .unwrap_or_default()
            .iter()
            .filter(|byte| **byte == b'\n');
        self.line = (piece.start, line + ends.count());
        [
            ("line".to_owned(), self.line.1.into()),
            ("offset".to_owned(), piece.start.into()),
            ("length".to_owned(), piece.len().into()),
        ]
    }

    /// Returns the text of a piece.
    pub(super) fn text(&self, piece: Range<usize>) -> &str {
        &self.text[piece]
    }

    /// Returns the next piece, a range of bytes.
    pub(super) fn next(&mut self, count: &CountTokens) -> Option<Range<usize>> {
        if self.text[self.at..].is_empty() {
            return None;
        }
        let mut start = self.start(count);
        let mut end = start + self.length(&self.text[start..], count);
        if end <= self.at {
            // What is repeated leaves room for nothing new.
            start = self.at;
            end = start + self.length(&self.text[start..], count);
        }
        (self.last, self.at) = (start, end);
        Some(start..end)
    }

    /// Returns where the next piece begins: at a boundary of the last one behind which no more tokens
    /// stand than are to be repeated.
    fn start(&self, count: &CountTokens) -> usize {
        if self.overlap == 0 || self.last == self.at {
            return self.at;
        }
        let last = &self.text[self.last..self.at];
        // What is put around each text is no part of what is repeated.
        let around = count("");
        let fits = |from: usize| count(&last[from..]) <= self.overlap + around;
        let (mut low, mut high) = (0, last.len());
        while low + 1 < high {
            let middle = last.ceil_char_boundary(low.midpoint(high));
            if middle >= high {
                break;
            }
            if fits(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        let is_cut = |place: &usize| boundary(last, *place).is_some() && fits(*place);
        let cut = (high..last.len()).find(is_cut).unwrap_or(high);
        self.last + cut
    }

    /// Returns the bytes of the next piece: up to the last boundary of the best kind that lies in the
    /// second half of what fits, so that no piece is tiny.
    fn length(&self, rest: &str, count: &CountTokens) -> usize {
        let fits = |length: usize| count(&rest[..length]) <= self.limit;
        let mut most = longest(rest, self.limit.saturating_mul(GUESS), &fits);
        if most == rest.len() {
            return most;
        }
        let half = most / 2;
        while let Some(cut) = best_cut(rest, half, most) {
            // A text can have more tokens than a longer one that it begins, if rarely.
            if fits(cut) {
                return cut;
            }
            most = rest.floor_char_boundary(cut.saturating_sub(1));
        }
        match longest(rest, most, &fits) {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            longest => longest,
        }
    }
}

/// Counts tokens, and can be printed.
pub(super) struct Counter(pub(super) CountTokens);

impl fmt::Debug for Counter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Counter")
    }
}

/// The requests for the pieces of one text.
#[derive(Debug)]
pub(super) struct ChunkOrigin {
    /// Why there is no text.
    failed: Option<ErrorRecord>,
    chunker: Option<Chunker>,
    /// Chunker that were given out.
    number: u64,
    /// What the flags add to every piece.
    salt: String,
}

impl ChunkOrigin {
    pub(super) fn new(
        text: Option<Result<String, ErrorRecord>>,
        limit: usize,
        overlap: usize,
        salt: String,
    ) -> Self {
        let (chunker, failed) = match text {
            None => (None, None),
            Some(Ok(text)) => (Some(Chunker::new(text, limit, overlap)), None),
            Some(Err(record)) => (None, Some(record)),
        };
        Self {
            failed,
            chunker,
            number: 0,
            salt,
        }
    }

    /// Whether there is a text to cut.
    pub(super) fn has_text(&self) -> bool {
        self.chunker.is_some()
    }

    /// Returns the request for the next piece; `None` without a way to count.
    pub(super) fn next(
        &mut self,
        builder: &RequestBuilder,
        count: Option<&Counter>,
    ) -> Option<Item> {
        if let Some(record) = self.failed.take() {
            return Some(Item::Failed(Box::new(Routed::own(record))));
        }
        let (chunker, count) = (self.chunker.as_mut()?, count?);
        loop {
            let piece = chunker.next(&count.0)?;
            self.number += 1;
            let text = chunker.text(piece.clone());
            let digest = sha256(&[&self.salt, text]);
            let mut request = Request::from_text(self.number, text.to_owned());
            request.input.extend(chunker.place(&piece));
            // A blank piece may be skipped.
            if let Some(mut item) = builder.job(request) {
                item.set_digest(&digest);
                return Some(item);
            }
        }
    }
}

/// Returns the length of a beginning of a text that fits while one character more does not, as far as the
/// search from a first guess sees; the whole length where the text fits.
fn longest(text: &str, guess: usize, fits: &dyn Fn(usize) -> bool) -> usize {
    let mut low = 0;
    let mut high = text.floor_char_boundary(guess.max(1));
    while fits(high) {
        if high == text.len() {
            return high;
        }
        low = high;
        high = text.ceil_char_boundary(high.saturating_mul(2).max(1));
    }
    loop {
        let next_character = text.ceil_char_boundary(low + 1);
        let middle = text
            .floor_char_boundary(low.midpoint(high))
            .max(next_character);
        if middle >= high {
            return low;
        }
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Returns the last of the best boundaries of a text from `from` to `to`.
fn best_cut(text: &str, from: usize, to: usize) -> Option<usize> {
    let mut best: Option<(Boundary, usize)> = None;
    for at in (from.max(1)..=to).rev() {
        let Some(kind) = boundary(text, at) else {
            continue;
        };
        if best.is_none_or(|(known, _)| kind < known) {
            best = Some((kind, at));
        }
        if kind == Boundary::Paragraph {
            break;
        }
    }
    best.map(|(_, at)| at)
}

/// Returns what begins at a byte of a text, if anything does. White space belongs to what it ends.
fn boundary(text: &str, offset: usize) -> Option<Boundary> {
    if !text.is_char_boundary(offset) || text[offset..].starts_with(char::is_whitespace) {
        return None;
    }
    let before = text[..offset].trim_end();
    let space = &text[before.len()..offset];
    match space.matches('\n').take(2).count() {
        2 => return Some(Boundary::Paragraph),
        1 => return Some(Boundary::Line),
        _ => {}
    }
    let closers = ['"', '\'', '”', '’', '»', '』', '」', ')', ']', '）'];
    let mut sentence = before;
    for _ in 0..MOST_CLOSERS {
        sentence = sentence.strip_suffix(closers).unwrap_or(sentence);
    }
    // These end sentences in scripts that write no space after them.
    let ends_alone = sentence.ends_with(['。', '！', '？', '｡']);
    if ends_alone && !text[offset..].starts_with(closers) {
        return Some(Boundary::Sentence);
    }
    if space.is_empty() {
        return None;
    }
    let ends_sentence = sentence.ends_with(['.', '!', '?', '…', '।', '؟', '۔']);
    Some(if ends_sentence {
        Boundary::Sentence
    } else {
        Boundary::Word
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each word is a token.
    fn words() -> CountTokens {
        Box::new(|text| text.split(' ').filter(|word| !word.is_empty()).count())
    }

    fn cut(text: &str, limit: usize, count: &CountTokens) -> Vec<String> {
        overlapping(text, limit, 0, count)
    }

    fn overlapping(text: &str, limit: usize, overlap: usize, count: &CountTokens) -> Vec<String> {
        let mut chunker = Chunker::new(text.to_owned(), limit, overlap);
        let mut all = Vec::new();
        while let Some(piece) = chunker.next(count) {
            all.push(chunker.text(piece).to_owned());
        }
        all
    }

    #[test]
    fn the_best_boundary_of_the_second_half_is_taken() {
        for (text, wanted) in [
            ("a b. c d\n\ne f g h", "a b. c d\n\n"),
            ("a b. c\nd e f g h", "a b. c\n"),
            ("a b c d. e f g h", "a b c d. "),
            ("a b c (d.) e f g h", "a b c (d.) "),
            ("a b c d e f g h", "a b c d e f "),
            // What lies in the first half would make a tiny piece.
            ("a\n\nb c d. e f g h", "a\n\nb c d. "),
            ("a b c\r\n\r\n d e f g h", "a b c\r\n\r\n "),
            ("abcdefghijklmn", "abcdefghijklmn"),
        ] {
            assert_eq!(cut(text, 6, &words())[0], wanted, "{text:?}");
        }
        let bytes: CountTokens = Box::new(str::len);
        assert_eq!(cut("一二。三四五", 12, &bytes), ["一二。", "三四五"]);
        assert_eq!(cut("一二三四五", 8, &bytes), ["一二", "三四", "五"]);
        // Not even one character fits.
        assert_eq!(cut("一二", 1, &bytes), ["一", "二"]);
        assert_eq!(cut("\u{feff}ab", 8, &bytes), ["ab"]);
        assert_eq!(cut("", 8, &bytes), [""; 0]);
    }

    #[test]
    fn a_piece_begins_with_the_end_of_the_one_before() {
        let text = "a b c d e f g h i j k l";
        assert_eq!(
            overlapping(text, 6, 2, &words()),
            ["a b c d e f ", "e f g h i j ", "i j k l"]
        );
        // What would be repeated has no boundary: it is cut between characters.
        let bytes: CountTokens = Box::new(str::len);
        assert_eq!(overlapping("一二三四", 9, 3, &bytes), ["一二三", "三四"]);
    }

    proptest! {
        #[test]
        fn pieces_that_overlap_fit_and_go_on(
            text in "[a-c .!\\n一é🦀]{0,200}", limit in 8_usize..40, overlap in 0_usize..20,
        ) {
            let count: CountTokens = Box::new(str::len);
            let mut chunker = Chunker::new(text.clone(), limit, overlap.min(limit / 2));
            let mut at = 0;
            while let Some(piece) = chunker.next(&count) {
                prop_assert!(piece.len() <= limit && piece.end > at && piece.start <= at);
                prop_assert!(at - piece.start <= overlap);
                at = piece.end;
            }
            prop_assert_eq!(at, text.len());
        }

        #[test]
        fn pieces_fit_and_are_the_text(text in "[a-c .!\\n一é🦀]{0,200}", limit in 4_usize..40) {
            // Not monotone: a pair of letters is one token.
            let count: CountTokens = Box::new(|text| text.replace("ab", "a").len());
            let pieces = cut(&text, limit, &count);
            prop_assert_eq!(pieces.concat(), text);
            for piece in pieces {
                prop_assert!(count(&piece) <= limit, "{:?}", piece);
            }
        }
    }
}
