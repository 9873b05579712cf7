//! Flags of what a model may call. What a list of tools is, is `llm-record`'s business.

use std::path::PathBuf;

use clap::Args;
use llm_record::tool_list;
use serde_json::Value;

use super::text::text_of_file;

/// What the model may call.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Tools (a JSON line's own go before the flag)")]
pub struct ToolArgs {
    /// Offer the tools of this file, OpenAI's list or an MCP server's answer to tools/list; the record
    /// holds what the model calls, and nothing is run
    #[arg(long, value_name = "FILE", value_parser = tools)]
    pub tools: Option<ToolsArg>,

    /// Put the whole conversation into each record, under 'messages'; with a turn added it is the next request
    #[arg(long)]
    pub conversation: bool,
}

/// A list of tools, and where it stands.
#[derive(Clone, Debug)]
pub struct ToolsArg {
    /// The list, in OpenAI's form.
    pub list: Value,
    /// Its file.
    pub file: Option<PathBuf>,
}

/// Reads the file of `--tools`.
fn tools(path: &str) -> Result<ToolsArg, String> {
    let text = text_of_file(path)?;
    let value = serde_json::from_str(&text).map_err(|error| format!("'{path}': {error}"))?;
    let list = tool_list(value).map_err(|reason| format!("'{path}': {reason}"))?;
    Ok(ToolsArg {
        list,
        file: text.file().cloned(),
    })
}
