//! Where names find room beside their points.

/// A name that is drawn: from and to which pixel, and on which line.
struct Taken {
    from: i32,
    to: i32,
    line: i32,
}

/// The names that are drawn already, and the points, which no name may hide.
#[derive(Default)]
pub(super) struct Labels(Vec<Taken>);

impl Labels {
    /// Keeps names off a point.
    pub(super) fn keep_off(&mut self, (x, y): (i32, i32)) {
        /// Half of a point, with a pixel of air.
        const HALF: i32 = 5;
        self.0.push(Taken {
            from: x - HALF,
            to: x + HALF,
            line: y,
        });
    }

    /// Returns how many pixels right and below of its point a name finds room inside the picture, the nearest
    /// first; a negative number is to the left, or above. There is none where it would be too far off to be
    /// taken for that point's.
    pub(super) fn place(&mut self, (x, y): (i32, i32), name: &str) -> Option<(i32, i32)> {
        /// Pixels of a line and of a letter of the names' font.
        const LINE: i32 = 12;
        const LETTER: i32 = 6;
        /// Between the title and the axis' numbers.
        const LINES: std::ops::RangeInclusive<i32> = 54..=536;
        /// Between the axis' numbers and the margin.
        const COLUMNS: std::ops::RangeInclusive<i32> = 80..=944;
        /// How far a name may move up or down, in halves of a line.
        const MOST: i32 = 6;
        let width = LETTER * name.chars().count() as i32;
        let span = |right: i32| (x + right, x + right + width);
        let is_free = |&(right, down): &(i32, i32)| {
            let ((from, to), line) = (span(right), y + down);
            let over = |other: &Taken| {
                from < other.to && other.from < to && (line - other.line).abs() < LINE
            };
            COLUMNS.contains(&from)
                && COLUMNS.contains(&to)
                && LINES.contains(&line)
                && !self.0.iter().any(over)
        };
        let steps = (0..=MOST).flat_map(|step| [step * LINE / 2, -step * LINE / 2]);
        let places = steps.flat_map(|down| [(7, down), (-7 - width, down)]);
        let (right, down) = { places }.find(is_free)?;
        let (from, to) = span(right);
        self.0.push(Taken {
            from,
            to,
            line: y + down,
        });
        Some((right, down))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lie_beside_each_other_or_not_at_all() {
        let mut names = Labels::default();
        let places: Vec<_> = (0..30)
            .map(|_| names.place((500, 300), "twelve chars"))
            .collect();
        assert_eq!(places[0], Some((7, 0)));
        assert_eq!(places[1], Some((-79, 0)));
        let found: Vec<_> = places.iter().flatten().collect();
        assert!((6..30).contains(&found.len()), "{found:?}");
        for (index, name) in found.iter().enumerate() {
            for other in &found[..index] {
                let apart = (name.0 - other.0).abs() >= 72 || (name.1 - other.1).abs() >= 12;
                assert!(apart, "{name:?} {other:?}");
            }
        }
    }

    #[test]
    fn no_name_leaves_the_picture_or_hides_a_point() {
        let mut names = Labels::default();
        assert_eq!(names.place((940, 300), "name"), Some((-31, 0)));
        // Three lines further down the picture begins; further away a name is nobody's.
        assert_eq!(names.place((500, 20), "name"), Some((7, 36)));
        assert_eq!(names.place((500, 10), "name"), None);
        names.keep_off((520, 400));
        assert_eq!(names.place((500, 400), "name"), Some((-31, 0)));
    }
}
