//! llama.cpp's grammars (GBNF), as the Lark grammars that llguidance reads.
//!
//! GBNF describes texts character by character, while llguidance cuts a text into lexemes first, each as
//! long as possible. So a lexeme is made of a part of the grammar only where that can make no difference
//! (`gbnf/cut.rs`); everything else stays single characters. A grammar without recursion is one lexeme.
//!
//! ```
//! let lark = llm_grammar::lark_of_gbnf("root ::= [0-9]+ (\",\" [0-9]+)*")?;
//! assert!(lark.contains("start: "));
//! # Ok::<(), llm_grammar::GbnfError>(())
//! ```

mod tree;
mod parse;
mod cut;
mod sets;
mod write;

use thiserror::Error;

/// Why a grammar is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GbnfError {
    /// It does not follow the syntax of llama.cpp's grammars.
    #[error("the grammar has {reason} in line {line}, column {column}")]
    Syntax {
        /// What is wrong.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// It has no rule to start with.
    #[error("the grammar has no rule 'root', with which it starts")]
    NoRoot,
    /// No text can be made by a rule.
    #[error("no text can match the grammar's rule '{rule}': it leads to itself without end")]
    Unproductive {
        /// The rule.
        rule: String,
    },
    /// Larger than the bounds on time and memory.
    #[error("the grammar is too complex: {reason}")]
    TooComplex {
        /// Which bound it passes.
        reason: String,
    },
}

/// Returns a grammar of llama.cpp's as a Lark grammar for `TopLevelGrammar::from_lark`. Both match the
/// same texts.
///
/// # Errors
///
/// Fails with the place for what is no GBNF, and for grammars that match nothing or are too complex.
pub fn lark_of_gbnf(grammar: &str) -> Result<String, GbnfError> {
    let grammar = parse::parse(grammar)?;
    grammar.check_productive()?;
    let cut = cut::cut(&grammar)?;
    Ok(write::lark(&cut))
}
