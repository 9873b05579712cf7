//! What requests ask of their answers → grammars, each compiled once for all requests that ask the same.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use llm_engine::generate::Grammar;
use llm_grammar::{Compiler, GrammarError, Rule};
use llm_record::{ErrorCode, OutputRule, StructuredOutput};
use llm_tokenizer::Tokenizer;
use serde_json::json;

/// The most grammars that are kept; each takes some 100 kB.
const KEPT: usize = 256;

/// A grammar, or the error that closes the requests that ask for it.
type Compiled = Result<Arc<dyn Grammar>, (ErrorCode, String)>;

/// The grammars of a run.
pub(crate) struct Grammars {
    tokenizer: &'static Tokenizer,
    /// Made by the first request that needs it, or what makes it since a request will.
    compiler: RefCell<Option<Compiler>>,
    compiler_to_come: Cell<Option<JoinHandle<Result<Compiler, GrammarError>>>>,
    compiled: RefCell<HashMap<String, Compiled>>,
}

impl Grammars {
    /// Prepares for the requests of a run; where it is known that some of them need a grammar, the vocabulary is read
    /// while the engine is made ready.
    pub(crate) fn new(tokenizer: &'static Tokenizer, is_needed: bool) -> Self {
        let read = move || {
            let thread = thread::Builder::new().name("vocabulary".to_owned());
            thread.spawn(move || Compiler::new(tokenizer)).ok()
        };
        Self {
            tokenizer,
            compiler: RefCell::new(None),
            compiler_to_come: Cell::new(is_needed.then(read).flatten()),
            compiled: RefCell::default(),
        }
    }

    /// Returns what an answer must look like.
    pub(crate) fn of(&self, output: &StructuredOutput) -> Compiled {
        let key = json!(output).to_string();
        if let Some(compiled) = self.compiled.borrow().get(&key) {
            return compiled.clone();
        }
        let compiled = self.compile(output);
        let mut all = self.compiled.borrow_mut();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(key, compiled.clone());
        compiled
    }

    fn compile(&self, output: &StructuredOutput) -> Compiled {
        let mut compiler = self.compiler.borrow_mut();
        let compiler = match &mut *compiler {
            Some(compiler) => compiler,
            none => {
                let to_come = self.compiler_to_come.take();
                let read = to_come.and_then(|thread| thread.join().ok());
                let compiler = read.unwrap_or_else(|| Compiler::new(self.tokenizer));
                none.insert(compiler.map_err(|error| failed(&error))?)
            }
        };
        let grammar = compiler
            .compile(&rule(output))
            .map_err(|error| failed(&error))?;
        Ok(Arc::new(grammar))
    }
}

fn rule(output: &StructuredOutput) -> Rule {
    match (&output.rule, output.schema()) {
        (OutputRule::Regex { pattern }, _) => Rule::Regex(pattern.clone()),
        (OutputRule::Lark { grammar }, _) => Rule::Lark(grammar.clone()),
        (OutputRule::Gbnf { grammar }, _) => Rule::Gbnf(grammar.clone()),
        (_, schema) => Rule::Schema {
            schema: schema.unwrap_or_default(),
            is_compact: output.compact,
            is_loose: output.loose,
        },
    }
}

fn failed(error: &GrammarError) -> (ErrorCode, String) {
    let code = match error {
        GrammarError::NoTokens => ErrorCode::ModelFailed,
        _ if error.is_unsupported() => ErrorCode::UnsupportedSchema,
        _ => ErrorCode::BadRequest,
    };
    (code, error.to_string())
}
