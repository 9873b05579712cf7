//! Texts that a text begins with, found in one walk along it.

use std::ops::Range;

use super::steps;

/// A set of texts with a number each, as a tree whose edges are bytes.
#[derive(Debug, Default)]
pub(super) struct Trie {
    /// The root, then the children of each node side by side, by byte.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    first_child: u32,
    children: u16,
    byte: u8,
    /// The number of the text that ends here, or [`NONE`].
    number: u32,
}

const NONE: u32 = u32::MAX;

impl Trie {
    /// Builds the set of `texts`, of which empty ones are left out. Of equal
    /// texts the one with the smallest number is kept.
    pub(super) fn new<'t>(texts: impl Iterator<Item = (&'t [u8], u32)>) -> Self {
        let mut sorted: Vec<_> = texts.filter(|(text, _)| !text.is_empty()).collect();
        sorted.sort_unstable();
        let mut nodes = vec![Node::new(0)];
        // Each node with the texts that go through it, level by level.
        let mut level = vec![(0, 0..sorted.len())];
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = Vec::new();
            for (node, texts) in level {
                add_children(&mut nodes, node, &sorted, texts, depth, &mut next);
            }
            level = next;
            depth += 1;
        }
        Self { nodes }
    }

    /// Returns whether no text begins with `byte`.
    pub(super) fn lacks(&self, byte: u8) -> bool {
        self.child(0, byte).is_none()
    }

    /// Iterates over the texts that `text` begins with, the shortest first, as
    /// length and number.
    pub(super) fn prefixes<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (usize, u32)> + 'a {
        let mut node = 0;
        let steps = text.iter().map_while(move |&byte| {
            node = self.child(node, byte)?;
            self.nodes.get(node).map(|node| node.number)
        });
        let ends = steps.enumerate().filter(|&(_, number)| number != NONE);
        ends.map(|(at, number)| (at + 1, number))
    }

    fn child(&self, node: usize, byte: u8) -> Option<usize> {
        steps::count(1);
        let parent = self.nodes.get(node)?;
        let first = parent.first_child as usize;
        let children = self
            .nodes
            .get(first..first + usize::from(parent.children))?;
        let index = children.binary_search_by_key(&byte, |child| child.byte);
        index.ok().map(|index| first + index)
    }
}

impl Node {
    fn new(byte: u8) -> Self {
        Self {
            first_child: 0,
            children: 0,
            byte,
            number: NONE,
        }
    }
}

/// Appends the children of `node`, through which `texts` go, and lists each
/// with its own texts in `next`. The text that ends at the node stands first.
fn add_children(
    nodes: &mut Vec<Node>,
    node: usize,
    sorted: &[(&[u8], u32)],
    texts: Range<usize>,
    depth: usize,
    next: &mut Vec<(usize, Range<usize>)>,
) {
    let (first, mut at) = (nodes.len(), texts.start);
    let of = |index: usize| sorted.get(index).copied().unwrap_or_default();
    while at < texts.end {
        let (text, number) = of(at);
        let Some(&byte) = text.get(depth) else {
            if nodes[node].number == NONE {
                nodes[node].number = number;
            }
            at += 1;
            continue;
        };
        let shared = sorted[at..texts.end].partition_point(|it| it.0.get(depth) == Some(&byte));
        next.push((nodes.len(), at..at + shared));
        nodes.push(Node::new(byte));
        at += shared;
    }
    nodes[node].first_child = first as u32;
    nodes[node].children = (nodes.len() - first) as u16;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_text_that_another_begins_with() {
        let texts = ["ab", "a", "abc", "b", "", "ab", "中", "\u{7ff}"];
        let numbered = texts.iter().map(|text| text.as_bytes()).zip(0..);
        let trie = Trie::new(numbered);
        let found = |text: &str| trie.prefixes(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(found("abcd"), [(1, 1), (2, 0), (3, 2)]);
        assert_eq!(found("ac"), [(1, 1)]);
        assert_eq!(found("中文"), [(3, 6)]);
        assert_eq!(found("xab"), []);
        assert_eq!(found(""), []);
        assert!(trie.lacks(b'x') && !trie.lacks(b'b'));
        assert!(Trie::default().lacks(b'a'));
    }
}
