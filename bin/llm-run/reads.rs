//! Which files a run reads beside its requests, so that no output is one of them.

use llm_cli::args::TextArg;
use llm_cli::{Reads, RunArgs};
use llm_store::Store;

/// Returns the model's files, the template and the prefix cache that the flags name.
pub(crate) fn besides_requests(args: &RunArgs) -> Reads {
    let model = Store::from_env().places(args.model.name());
    let reads = Reads::default()
        .model(&model.files, model.folder.as_deref())
        .files(&args.template.chat_template)
        .files(args.template.system().and_then(TextArg::file))
        .files(args.input.template().and_then(TextArg::file))
        .files(
            args.tools
                .tools
                .as_ref()
                .and_then(|tools| tools.file.as_ref()),
        );
    match &args.filter.prefix_cache {
        Some(folder) => reads.folder(folder, "the prefix cache"),
        None => reads,
    }
}
