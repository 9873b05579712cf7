//! The real model in a store that all tests share. It is imported once, by a hard link where that is
//! possible, so that a test costs no copy and no digest of 98 MB.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::harness::{Sandbox, Tool};

/// Its place in the checkout.
pub const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/models/smollm2-135m-instruct-q4_1.gguf"
);

/// SHA-256 of the file, as scripts/test-models.sha256 has it.
pub const DIGEST: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/// Returns the path of a file below models/.
///
/// # Panics
/// Where it is not there, with the way to get it: a test that needs it must not pass without.
pub fn file(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models")
        .join(name);
    assert!(
        path.exists(),
        "models/{name} is not here; scripts/fetch-test-models fetches it"
    );
    path
}

/// A sandbox in whose store `smollm2` is, which the environment names as the default model.
#[derive(Debug)]
pub struct Bench {
    /// The folder in which programs run.
    pub sandbox: Sandbox,
}

impl Bench {
    /// Makes a bench.
    pub fn new() -> Self {
        let sandbox = Sandbox::with_cache(&shared().join("huggingface"));
        Self { sandbox }
    }

    /// Returns a call of `llm-run`.
    pub fn run(&self) -> Tool {
        self.ready(self.sandbox.tool("llm-run"))
    }

    /// Returns a call of a shell that runs a line, see [`Sandbox::pipe`].
    pub fn pipe(&self, line: &str) -> Tool {
        self.ready(self.sandbox.pipe(line))
    }

    /// Writes a file into the folder.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.sandbox.file(name, bytes)
    }

    /// Remembered digests are shared too, else every run would hash the model "this once".
    fn ready(&self, tool: Tool) -> Tool {
        tool.env("XDG_CACHE_HOME", shared().join("cache"))
            .env("LLM_MODEL", "smollm2")
    }
}

/// Returns the folder with the shared store. It outlives the tests, below cargo's target folder;
/// importing again what is there costs nothing.
fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
        assert!(
            Path::new(FILE).exists(),
            "{FILE} is not here; scripts/fetch-test-models fetches it"
        );
        let ran = Sandbox::with_cache(&folder.join("huggingface"))
            .tool("llm-pull")
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .args(["import", FILE, "--name", "smollm2"])
            .run()
            .exits(0);
        assert_eq!(ran.records()[0]["digest"], DIGEST);
        folder
    })
}
