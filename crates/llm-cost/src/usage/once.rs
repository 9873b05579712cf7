//! Records of one answer → the one of them that counts. Transcripts write an answer again as it grows, and
//! copy it where a session goes on elsewhere.

use std::collections::HashMap;

use super::UsageEntry;

/// Leaves of the entries with one key the one with the most output, the later of two alike, in the place
/// of the first.
pub(super) fn keep(entries: &mut Vec<UsageEntry>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<UsageEntry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        if entry.key.is_empty() {
            kept.push(entry);
            continue;
        }
        match places
            .get(&entry.key)
            .and_then(|&place| kept.get_mut(place))
        {
            Some(other) if entry.output >= other.output => *other = entry,
            Some(_) => {}
            None => {
                places.insert(entry.key.clone(), kept.len());
                kept.push(entry);
            }
        }
    }
    *entries = kept;
}
