//! A set of texts that a pattern describes, as text for llguidance and, where it must be combined or
//! negated, as an automaton.

use std::cell::OnceCell;
use std::rc::Rc;

use super::automaton::Automaton;
use super::eliminate::class_text;
use super::pattern::{self, Node, PatternFault};

/// The texts in which a pattern is found.
#[derive(Debug)]
pub(crate) struct Language {
    node: Node,
    automaton: OnceCell<Option<Rc<Automaton>>>,
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl Language {
    /// Reads a pattern of JSON Schema.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternFault> {
        pattern::parse(text).map(Self::of)
    }

    /// Returns the texts in which a tree is found.
    pub(crate) fn of(node: Node) -> Self {
        Self {
            node,
            automaton: OnceCell::new(),
        }
    }

    /// Returns the language of some texts.
    pub(crate) fn of_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        let texts = texts.into_iter().map(|text| Node::literal(text));
        let texts = Node::Alternation(texts.collect());
        Self::of(Node::Concat(vec![Node::Start, texts, Node::End]))
    }

    /// Returns its automaton, unless that has too many states.
    pub(crate) fn automaton(&self) -> Option<Rc<Automaton>> {
        let automaton = self
            .automaton
            .get_or_init(|| Automaton::of(&self.node).map(Rc::new));
        automaton.clone()
    }

    /// Returns a Rust pattern, anchored at both ends, that matches the same texts; `None` if there is
    /// none of bounded length.
    pub(crate) fn text(&self) -> Option<String> {
        let mut text = String::from("^(?:");
        match whole(&self.node, false, false) {
            Some(node) => write(&node, &mut text),
            None => text += &self.automaton()?.text()?,
        }
        Some(text + ")$")
    }

    /// Returns a Rust pattern, anchored at both ends, that matches the texts outside.
    pub(crate) fn negated_text(&self) -> Option<String> {
        self.automaton()?.negated().whole_text()
    }
}

/// Returns a tree without anchors that matches the whole of a text in which `node` is found, or `None`
/// if anchors stand elsewhere than at the ends of branches.
fn whole(node: &Node, started: bool, ended: bool) -> Option<Node> {
    match node {
        Node::Alternation(branches) => {
            let branches = branches.iter().map(|branch| whole(branch, started, ended));
            branches.collect::<Option<_>>().map(Node::Alternation)
        }
        Node::Start | Node::End => whole(&Node::Concat(vec![node.clone()]), started, ended),
        Node::Concat(nodes) => {
            let first = nodes.iter().position(|node| *node != Node::Start);
            let first = first.unwrap_or(nodes.len());
            let behind = nodes.iter().rposition(|node| *node != Node::End);
            let behind = behind.map_or(0, |last| last + 1).max(first);
            let started = started || first > 0;
            let ended = ended || behind < nodes.len();
            let inner = &nodes[first..behind];
            if let [only @ Node::Alternation(_)] = inner {
                return whole(only, started, ended);
            }
            padded(Node::Concat(inner.to_vec()), started, ended)
        }
        Node::Class(_) | Node::Repeat(..) => padded(node.clone(), started, ended),
    }
}

fn padded(node: Node, started: bool, ended: bool) -> Option<Node> {
    if has_anchor(&node) {
        return None;
    }
    let mut nodes = Vec::new();
    if !started {
        nodes.push(Node::anything());
    }
    nodes.push(node);
    if !ended {
        nodes.push(Node::anything());
    }
    Some(Node::Concat(nodes))
}

fn has_anchor(node: &Node) -> bool {
    match node {
        Node::Start | Node::End => true,
        Node::Class(_) => false,
        Node::Concat(nodes) | Node::Alternation(nodes) => nodes.iter().any(has_anchor),
        Node::Repeat(node, ..) => has_anchor(node),
    }
}

/// Writes a tree without anchors as a Rust pattern.
fn write(node: &Node, text: &mut String) {
    match node {
        Node::Class(class) => match class.ranges() {
            [range] if range.start() == range.end() && range.start().is_ascii_alphanumeric() => {
                text.push(range.start());
            }
            _ => *text += &class_text(class),
        },
        Node::Concat(nodes) => nodes.iter().for_each(|node| write(node, text)),
        Node::Alternation(branches) => {
            *text += "(?:";
            for (index, branch) in branches.iter().enumerate() {
                if index > 0 {
                    text.push('|');
                }
                write(branch, text);
            }
            if branches.is_empty() {
                *text += "[^\\x{0}-\\x{10FFFF}]";
            }
            text.push(')');
        }
        Node::Repeat(node, min, max) => {
            *text += "(?:";
            write(node, text);
            *text += ")";
            *text += &match (min, max) {
                (0, None) => "*".to_owned(),
                (1, None) => "+".to_owned(),
                (0, Some(1)) => "?".to_owned(),
                (min, None) => format!("{{{min},}}"),
                (min, Some(max)) => format!("{{{min},{max}}}"),
            };
        }
        Node::Start | Node::End => {}
    }
}
