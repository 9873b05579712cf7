//! This program once more, as the process that renders chat templates.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use llm_prompt::{RenderProcess, serve};

/// The name by which the program knows that it is to render. Nobody types it:
/// a shell gives a program the name that it was called by.
const NAME: &str = "llm-run: chat templates";

/// Status where the renderer fails, as that of a program that panics.
const FAILED: u8 = 101;

/// Whether this process was started by [`process`].
pub(crate) fn is_asked_for() -> bool {
    std::env::args_os().next().as_deref() == Some(OsStr::new(NAME))
}

/// Renders until whoever has started this process is gone.
pub(crate) fn run() -> ExitCode {
    match serve(io::stdin(), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

/// Prepares the process, which is started when a template is first rendered.
pub(crate) fn process() -> Arc<RenderProcess> {
    Arc::new(RenderProcess::new(|| {
        let mut command = Command::new(program()?);
        command.arg0(NAME);
        Ok(command)
    }))
}

/// Returns this program's file by its name, or, where another file has taken that
/// name since, by what Linux calls it.
fn program() -> io::Result<PathBuf> {
    let named = std::env::current_exe()?;
    let own = Path::new("/proc/self/exe");
    let identity = |path: &Path| {
        let data = path.metadata().ok()?;
        Some((data.dev(), data.ino()))
    };
    Ok(match identity(own) {
        Some(running) if identity(&named) != Some(running) => own.to_owned(),
        _ => named,
    })
}
