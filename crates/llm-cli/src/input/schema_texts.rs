//! What a model is told of the schema that its answer must keep to.

use llm_record::{OutputRule, Reply, Request, StructuredOutput};

/// The field that stands for the schema in a template.
pub(super) const SCHEMA: &str = "schema";

/// What a run tells its model of answers.
#[derive(Debug, Default)]
pub(super) struct SchemaTexts {
    /// What all answers must look like, where the model is told.
    run: Option<StructuredOutput>,
}

impl SchemaTexts {
    pub(super) fn new(run: Option<StructuredOutput>) -> Self {
        Self { run }
    }

    /// Returns what is told of all answers.
    pub(super) fn told(&self) -> Option<String> {
        self.run.as_ref().map(sentence)
    }

    /// Returns the schema of a request as a text. That of a line counts where it stands under the name that
    /// is ours alone: lines in another server's words are left as they are.
    pub(super) fn of(&self, request: &Request) -> Option<String> {
        let output = self.output(request)?;
        output.schema().map(|schema| schema.to_string())
    }

    /// Returns what is told of the answer to a request.
    pub(super) fn sentence(&self, request: &Request) -> Option<String> {
        self.output(request).map(sentence)
    }

    fn output<'a>(&'a self, request: &'a Request) -> Option<&'a StructuredOutput> {
        if request.reply != Reply::Own {
            return None;
        }
        let overrides = &request.overrides;
        let own = overrides.structured_output.as_ref();
        if own.is_some() || overrides.choices.is_some() {
            return own.filter(|_| request.fields.contains_key(SCHEMA));
        }
        self.run.as_ref()
    }
}

fn sentence(output: &StructuredOutput) -> String {
    match &output.rule {
        OutputRule::JsonSchema { schema } => {
            format!("Answer with JSON that matches this JSON Schema:\n{schema}")
        }
        _ => "Answer with JSON.".to_owned(),
    }
}
