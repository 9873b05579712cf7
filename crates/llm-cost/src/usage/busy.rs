//! Times of requests that ran side by side → shares of the time that the machine worked.
//!
//! A record says how long its request took from start to end, which is no time of the machine's where
//! several were answered together. Records that hold their share are taken at their word. Of others each
//! moment is divided among the requests that were under way in it, so that the sum is the union of their
//! times, whichever of them are added up.
//!
//! An end is known to the second. Those of one second are spread evenly over it, in the records' order;
//! the sum of requests that follow one another without a pause is then right to about a second.

use super::UsageEntry;

/// Shares the time of all entries that do not know their own part of it. May be called again when more
/// have come.
pub(super) fn share(entries: &mut [UsageEntry]) {
    let mut spans = spans(entries);
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut begun = vec![0.0; entries.len()];
    // The time that one of those under way has got since the first began.
    let (mut got, mut last, mut under_way) = (0.0, 0.0, 0_u32);
    for (time, index, is_end) in spans {
        if under_way > 0 {
            got += (time - last) / f64::from(under_way);
        }
        last = time;
        if is_end {
            under_way = under_way.saturating_sub(1);
            take(&mut entries[index], got - begun[index]);
        } else {
            under_way += 1;
            begun[index] = got;
        }
    }
}

/// Returns starts and ends, in seconds from the earliest record: (time, use, whether it is the end).
fn spans(entries: &[UsageEntry]) -> Vec<(f64, usize, bool)> {
    let timed = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((entry.timestamp?, index, entry.elapsed?)));
    let mut timed: Vec<(i64, usize, f64)> = timed.filter(|(.., elapsed)| *elapsed > 0.0).collect();
    timed.sort_by_key(|(at, ..)| *at);
    let first = timed.first().map_or(0, |(at, ..)| *at);
    let mut spans = Vec::with_capacity(2 * timed.len());
    for second in timed.chunk_by(|a, b| a.0 == b.0) {
        for (place, &(at, index, elapsed)) in second.iter().enumerate() {
            let within = (place + 1) as f64 / second.len() as f64;
            let end = at.saturating_sub(first) as f64 + within;
            spans.push((end - elapsed, index, false));
            spans.push((end, index, true));
        }
    }
    spans
}

/// Gives a use its share, and its prompt and answer theirs in proportion.
fn take(entry: &mut UsageEntry, seconds: f64) {
    if entry.seconds > 0.0 {
        let part = seconds / entry.seconds;
        entry.decode.1 *= part;
        entry.prefill.1 *= part;
    }
    entry.seconds = seconds;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(end: i64, elapsed: f64) -> UsageEntry {
        UsageEntry {
            timestamp: Some(end),
            elapsed: Some(elapsed),
            seconds: elapsed,
            decode: (elapsed, elapsed / 2.0),
            ..UsageEntry::default()
        }
    }

    fn shared(entries: &[UsageEntry]) -> Vec<f64> {
        let mut entries = entries.to_vec();
        share(&mut entries);
        // More records may come, so that it is done again.
        share(&mut entries);
        assert!(
            entries
                .iter()
                .all(|entry| (entry.decode.1 - entry.seconds / 2.0).abs() < 1e-9)
        );
        entries.iter().map(|entry| entry.seconds).collect()
    }

    fn near(shares: &[f64], wanted: &[f64]) {
        assert_eq!(shares.len(), wanted.len());
        let is_near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(
            shares.iter().zip(wanted).all(is_near),
            "{shares:?} {wanted:?}"
        );
    }

    /// From 0 to 4 and from 2 to 6: two seconds alone, two shared, each.
    #[test]
    fn what_overlaps_is_divided_and_what_does_not_is_whole() {
        near(&shared(&[entry(4, 4.0), entry(6, 4.0)]), &[3.0, 3.0]);
        near(&shared(&[entry(1000, 4.0), entry(10, 4.0)]), &[4.0, 4.0]);
        // A pause counts for nobody; a use that knows its share keeps it.
        let known = UsageEntry {
            elapsed: None,
            ..entry(4, 7.0)
        };
        near(&shared(&[entry(4, 4.0), known]), &[4.0, 7.0]);
        near(&shared(&[]), &[]);
    }

    /// Four requests a second, one after the other, for three seconds.
    #[test]
    fn short_requests_of_one_second_are_not_taken_for_one() {
        let entries: Vec<UsageEntry> = (0..12).map(|index| entry(index / 4, 0.25)).collect();
        near(&shared(&entries), &[0.25; 12]);
    }

    /// 64 requests of 4 s, 16 at a time: 16 s of work, though their times add up to 256.
    #[test]
    fn sixteen_together_take_the_time_of_one() {
        let entries: Vec<UsageEntry> = (0..64)
            .map(|index| entry(4 * (1 + index / 16), 4.0))
            .collect();
        let sum: f64 = shared(&entries).iter().sum();
        assert!((sum - 16.0).abs() <= 1.0, "{sum}");
    }
}
