//! `strftime_now` as transformers has it: Python's `datetime.now().strftime`, in
//! the C locale.

use jiff::Zoned;
use jiff::fmt::strtime;
use minijinja::{Error, ErrorKind};

/// What Python writes otherwise than jiff. Times of the C locale are spelt out,
/// `%f` are microseconds, and Python's `now` has no zone to write.
const PYTHONS: &[(char, &str)] = &[
    ('c', "%a %b %e %H:%M:%S %Y"),
    ('x', "%m/%d/%y"),
    ('X', "%H:%M:%S"),
    ('r', "%I:%M:%S %p"),
    ('f', "%6f"),
    ('z', ""),
    ('Z', ""),
    ('h', "%b"),
    ('n', "\n"),
    ('t', "\t"),
];

/// The directives that jiff writes as the C library does, and the flags that may
/// stand before one.
const SHARED: &str = "aAbBCdDeFgGHIjklmMpPRsSTuUVwWyY%-_0^#";

/// Writes a time as Python does; what is no directive stays as it is.
///
/// # Errors
/// A directive that is cut off behind its flag.
pub(super) fn format(format: &str, time: &Zoned) -> Result<String, Error> {
    let mut own = String::with_capacity(format.len());
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        own.push(character);
        if character != '%' {
            continue;
        }
        // A percent sign at the end stands for itself, as in the C library.
        let directive = characters.next().unwrap_or('%');
        match PYTHONS.iter().find(|(name, _)| *name == directive) {
            Some((_, written)) => {
                own.pop();
                own.push_str(written);
            }
            None if SHARED.contains(directive) => own.push(directive),
            None => own.extend(['%', directive]),
        }
    }
    strtime::format(&own, time).map_err(|error| {
        let reason = format!("strftime_now does not know the format '{format}'");
        Error::new(ErrorKind::InvalidOperation, reason).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Python 3.11 writes 2024-02-03 04:05:06.000789 in the C locale.
    #[test]
    fn times_are_written_as_by_python() {
        let time = jiff::civil::date(2024, 2, 3)
            .at(4, 5, 6, 789_000)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap();
        for (directives, expected) in [
            ("%c", "Sat Feb  3 04:05:06 2024"),
            ("%x|%X", "02/03/24|04:05:06"),
            ("%f", "000789"),
            ("%z|%Z|", "||"),
            ("%a %A %w %u", "Sat Saturday 6 6"),
            ("%d %b %B %m %y %Y", "03 Feb February 02 24 2024"),
            ("%H %I %p %M %S", "04 04 AM 05 06"),
            ("%j %U %W %G %V", "034 04 05 2024 05"),
            (
                "%D %F %T %R %r",
                "02/03/24 2024-02-03 04:05:06 04:05 04:05:06 AM",
            ),
            ("%e|%k|%l|%C|%g|%h", " 3| 4| 4|20|24|Feb"),
            ("%-d.%-m. %% 100%", "3.2. % 100%"),
            ("%s", "1706933106"),
            ("%Q %i", "%Q %i"),
        ] {
            assert_eq!(format(directives, &time).unwrap(), expected, "{directives}");
        }
    }
}
