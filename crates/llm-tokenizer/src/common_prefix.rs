//! What two lists of tokens have in common at their beginning.

/// Returns the number of tokens that two lists have in common at their
/// beginning: what two prompts can share in a cache.
pub fn common_prefix_len(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
