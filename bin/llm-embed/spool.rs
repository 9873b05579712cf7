//! A stream of vectors → a file without a name: a search reads the record of what it has found again.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context as _, Result};
use llm_cli::stdio::{InputWatch, Source, StdioError};

/// Opens what is read as vectors, `-` for standard input, and returns what messages call it. A pipe is
/// copied to the folder for temporary files, where nobody else sees it and nothing of it is left.
pub(crate) fn open(path: &Path, watch: InputWatch) -> Result<(File, String)> {
    let mut source = Source::open(path, watch)?;
    let name = source.name().to_owned();
    if source.identity().is_some() {
        return Ok((source.into_file(), name));
    }
    let folder = std::env::temp_dir();
    let copied = unnamed(&folder).with_context(|| {
        format!(
            "cannot keep {name} in '{}', where a search looks again at what it has found",
            folder.display()
        )
    });
    let mut file = copied?;
    let mut bytes = vec![0; 1 << 20];
    loop {
        let read = source.read(&mut bytes);
        let read = read.map_err(|error| StdioError::read(&name, error))?;
        if read == 0 {
            break;
        }
        file.write_all(bytes.get(..read).unwrap_or_default())
            .with_context(|| format!("cannot keep {name} in '{}'", folder.display()))?;
    }
    file.rewind()?;
    Ok((file, name))
}

/// Makes a file that is gone when it is closed.
fn unnamed(folder: &Path) -> io::Result<File> {
    let path = folder.join(format!("llm-embed.{}.vectors", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
