//! Records → standard output: JSON lines for programs, text for people.
//!
//! `-T` writes names, one a line (`show`: a line for each fact), since text is
//! the answer and nothing else. On a terminal, where nothing was asked for, a
//! few columns say more.

use llm_cli::Reads;
use llm_cli::args::{Format, FormatArgs};
use llm_cli::message::printable;
use llm_cli::stdio::{Sink, StdioError, stdout_is_terminal};
use llm_record::{LineWriter, LoraSummary, ModelRecord, Record, counted};

use crate::tokenize::Tokenized;

/// What a command answers with.
pub(crate) enum Answer {
    /// One model that something was done with.
    Model(ModelRecord),
    /// What a pull would fetch.
    Plan(ModelRecord),
    /// A model's header.
    Header(ModelRecord),
    /// The tokens of a text.
    Tokens(Tokenized),
    /// Every model that is here.
    Models(Vec<ModelRecord>),
    /// Every model that can be fetched by name.
    Catalogue(Vec<ModelRecord>),
}

/// Opens standard output, unless it is a file that is read.
pub(crate) fn open(reads: &Reads) -> Result<Sink, StdioError> {
    reads.refuse_stdout()?;
    Sink::stdout()
}

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A JSON line for each model.
    Records,
    /// Names alone.
    Names,
    /// Columns, for people.
    Columns,
}

impl Shown {
    /// Chooses the form: records unless text is asked for or somebody watches.
    pub(crate) fn choose(args: FormatArgs) -> Self {
        match args.asked() {
            Format::Auto if stdout_is_terminal() => Self::Columns,
            Format::Auto | Format::Jsonl => Self::Records,
            Format::Text => Self::Names,
        }
    }

    /// Writes an answer, a write and a flush each line.
    pub(crate) fn write(self, answer: &Answer, output: Sink) -> Result<(), StdioError> {
        let mut writer = LineWriter::new(output);
        let written = match (self, answer) {
            (Self::Records, Answer::Tokens(tokens)) => {
                writer.record(&Record::from(tokens.record.clone()))
            }
            (_, Answer::Tokens(tokens)) => writer.text(&pieces(tokens), ""),
            (Self::Records, answer) => answer
                .models()
                .iter()
                .try_for_each(|model| writer.record(&Record::from(model.clone()))),
            (_, Answer::Header(model)) => writer.text(&printable(&facts(model)), ""),
            (Self::Names, answer) => answer
                .models()
                .iter()
                .try_for_each(|model| writer.text(&printable(&model.name), "\n")),
            (Self::Columns, Answer::Plan(model)) => writer.text(&printable(&files(model)), ""),
            (Self::Columns, Answer::Catalogue(models)) => {
                writer.text(&printable(&choices(models)), "")
            }
            (Self::Columns, answer) => writer.text(&printable(&columns(answer.models())), ""),
        };
        written.map_err(|error| StdioError::write(writer.sink().name(), error))
    }
}

impl Answer {
    fn models(&self) -> &[ModelRecord] {
        match self {
            Self::Model(model) | Self::Plan(model) | Self::Header(model) => {
                std::slice::from_ref(model)
            }
            Self::Models(models) | Self::Catalogue(models) => models,
            Self::Tokens(_) => &[],
        }
    }
}

/// One line a model: name, size, quantization, what was done or where it is.
fn columns(models: &[ModelRecord]) -> String {
    let width = models
        .iter()
        .map(|model| model.name.chars().count())
        .max()
        .unwrap_or_default();
    models
        .iter()
        .map(|model| {
            let last = match model.action.as_deref() {
                Some(action) => format!("{action}  {}", model.path.as_deref().unwrap_or_default()),
                None => model.repo.clone().unwrap_or_default(),
            };
            let line = format!(
                "{:width$}  {:>8}  {:8}  {last}",
                model.name,
                size(model.size.unwrap_or_default()),
                model.quantization.as_deref().unwrap_or_default(),
            );
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// One line a model that can be fetched: name, size, memory, what it is for and whether it runs here.
fn choices(models: &[ModelRecord]) -> String {
    let names = models.iter().map(|model| model.name.chars().count());
    let width = names.max().unwrap_or_default();
    let mut lines = format!(
        "{:width$}  {:>8}  {:>8}  {:8}  runs here\n",
        "name", "size", "memory", "for"
    );
    for model in models {
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), size);
        let runs = match (model.action.is_some(), model.fits) {
            (true, Some(true)) => "yes, it is here",
            (false, Some(true)) => "yes",
            (_, Some(false)) => "no, too little memory",
            (_, None) => "",
        };
        let line = format!(
            "{:width$}  {:>8}  {:>8}  {:8}  {runs}",
            model.name,
            bytes(model.size),
            bytes(model.memory),
            model.purpose.as_deref().unwrap_or_default(),
        );
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// One line a file of a plan, and their sum.
fn files(model: &ModelRecord) -> String {
    let mut lines: String = model
        .files
        .iter()
        .map(|file| format!("{:>8}  {}\n", size(file.size), file.path))
        .collect();
    let total = size(model.size.unwrap_or_default());
    let action = model.action.as_deref().unwrap_or_default();
    lines.push_str(&format!("{total:>8}  {} ({action})\n", model.name));
    lines
}

/// One line a token: its id and its text as JSON writes it.
fn pieces(tokens: &Tokenized) -> String {
    let pairs = tokens.record.tokens.iter().zip(&tokens.pieces);
    pairs
        .map(|(id, piece)| {
            let quoted = serde_json::Value::from(piece.as_str()).to_string();
            format!("{id}\t{}\n", printable(&quoted))
        })
        .collect()
}

/// One line a fact of a header.
fn facts(model: &ModelRecord) -> String {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let facts = [
        ("name", Some(model.name.clone())),
        ("architecture", model.architecture.clone()),
        ("adapter", model.lora.as_ref().map(adapter)),
        ("parameters", model.parameters.map(in_short)),
        ("quantization", model.quantization.clone()),
        ("context", number(model.context_length)),
        (
            "template",
            model
                .chat_template
                .map(|is_there| if is_there { "yes" } else { "no" }.to_owned()),
        ),
        ("tokenizer", model.tokenizer.clone()),
        ("vocabulary", number(model.vocabulary)),
        ("size", model.size.map(size)),
        ("digest", model.digest.clone()),
        ("licence", model.license.clone()),
        ("path", model.path.clone()),
        (
            "runs",
            model
                .runnable
                .map(|runs| if runs { "yes" } else { "no" }.to_owned()),
        ),
        ("obstacle", model.obstacle.clone()),
    ];
    facts
        .into_iter()
        // A line end in a fact would begin another one.
        .filter_map(|(name, fact)| Some(format!("{name:13} {}\n", fact?.replace('\n', "\\n"))))
        .collect()
}

/// What a LoRA adapter is, in a line.
fn adapter(lora: &LoraSummary) -> String {
    let mut line = format!("LoRA ({}), rank {}", lora.format, lora.rank);
    if let Some(alpha) = lora.alpha {
        line.push_str(&format!(", alpha {alpha}"));
    }
    line.push_str(&format!(
        ", adds to {}",
        counted(lora.tensors, "tensor", "tensors")
    ));
    if let Some(base) = &lora.base_model {
        line.push_str(&format!(" of {base}"));
    }
    line
}

/// Writes a size for people, in powers of ten as the hub does.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes, &["B", "kB", "MB", "GB", "TB"], " ")
}

/// Writes a number of weights as models are named: `135M`, `8.0B`.
fn in_short(number: u64) -> String {
    scaled(number, &["", "K", "M", "B", "T"], "")
}

/// Below ten one decimal is worth showing, above it is noise.
fn scaled(number: u64, units: &[&str], space: &str) -> String {
    let mut divisor = 1_u64;
    let mut index = 0;
    while index + 1 < units.len() && number / divisor >= 1000 {
        divisor *= 1000;
        index += 1;
    }
    let unit = units.get(index).copied().unwrap_or_default();
    let tenths = (u128::from(number) * 10 + u128::from(divisor) / 2) / u128::from(divisor);
    if index > 0 && tenths < 100 {
        format!("{}.{}{space}{unit}", tenths / 10, tenths % 10)
    } else {
        format!("{}{space}{unit}", (tenths + 5) / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let sizes = [0, 999, 1000, 98_362_432, 4_920_734_272].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 kB", "98 MB", "4.9 GB"]);
        assert_eq!(in_short(134_515_008), "135M");
        assert_eq!(in_short(8_030_261_312), "8.0B");
    }
}
