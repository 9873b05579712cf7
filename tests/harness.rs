//! Runs the programs: each test has a [`Sandbox`], a folder with its own cache and home, and calls a
//! [`Tool`] or a shell [`Sandbox::pipe`] in it. Where an expectation fails, all that the program said
//! is shown. What the programs should do is left to the tests.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// The programs, by name and path.
const PROGRAMS: &[(&str, &str)] = &[
    ("llm-pull", env!("CARGO_BIN_EXE_llm-pull")),
    ("llm-run", env!("CARGO_BIN_EXE_llm-run")),
    ("llm-bench", env!("CARGO_BIN_EXE_llm-bench")),
    ("llm-cost", env!("CARGO_BIN_EXE_llm-cost")),
    ("llm-embed", env!("CARGO_BIN_EXE_llm-embed")),
];

/// Variables of the machine's own that a test must not see.
const FOREIGN: &[&str] = &[
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HF_ENDPOINT",
    "HF_HUB_OFFLINE",
    "LLM_MODEL",
    "LLM_SIMD",
    "COLUMNS",
];

/// A folder of a test's own, removed with it.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
    cache: PathBuf,
}

impl Sandbox {
    /// Makes a sandbox with an empty cache.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("huggingface");
        Self { folder, cache }
    }

    /// Makes a sandbox that shares a cache, so that a real model is fetched once for all tests.
    pub fn with_cache(cache: &Path) -> Self {
        let cache = cache.to_owned();
        Self {
            cache,
            ..Self::new()
        }
    }

    /// Returns the folder in which programs run.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder and returns its path.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).unwrap();
        }
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Returns a call of one of the programs.
    pub fn tool(&self, name: &str) -> Tool {
        let (_, program) = PROGRAMS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("'{name}' is not in PROGRAMS"));
        self.call(Path::new(program))
    }

    /// Returns a call of a shell that runs a line, in which the programs are found by name. `pipefail`
    /// is set: the status is that of the last program that failed.
    pub fn pipe(&self, line: &str) -> Tool {
        let mut tool = self.call(Path::new("bash"));
        let folder = Path::new(PROGRAMS[0].1).parent().unwrap();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(rest);
        // Where nothing names the shell, bash asks the user database, on some systems by a socket.
        tool.command
            .env("PATH", path)
            .env("SHELL", "bash")
            .args(["-o", "pipefail", "-c", line]);
        tool
    }

    fn call(&self, program: &Path) -> Tool {
        let mut command = Command::new(program);
        command.current_dir(self.path());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .env("HOME", self.path())
            .env("HF_HOME", &self.cache)
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("XDG_DATA_HOME", self.path().join("data"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("NO_PROXY", "*");
        Tool {
            command,
            input: Vec::new(),
        }
    }
}

/// A call of a program. Its standard input is empty unless a test gives one.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    input: Vec<u8>,
}

impl Tool {
    /// Adds an argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Gives the program these bytes as its standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// Sends standard output to a file, `/dev/full` say.
    pub fn output_to(mut self, path: &Path) -> Running {
        let file = std::fs::File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        self.command.stdout(file.unwrap());
        self.spawn()
    }

    /// Starts the program and leaves it running, its output in pipes.
    pub fn start(mut self) -> Running {
        self.command.stdout(Stdio::piped());
        self.spawn()
    }

    /// Runs the program to its end.
    pub fn run(self) -> Ran {
        self.start().wait()
    }

    fn spawn(mut self) -> Running {
        let call = format!("{:?}", self.command);
        self.command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{call}: {error}"));
        let mut stdin = child.stdin.take().unwrap();
        let input = self.input;
        // A thread of its own, since a program may write before it has read all; one that ends without
        // reading is no failure of the test.
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        Running { call, child }
    }
}

/// A program that is running.
#[derive(Debug)]
pub struct Running {
    call: String,
    /// The process, for its pipes and its id.
    pub child: Child,
}

impl Running {
    /// Sends a signal, `INT` say.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .unwrap();
        assert!(status.success(), "kill -s {name} {id}: {status}");
    }

    /// Waits for the end and collects what was said.
    pub fn wait(self) -> Ran {
        let output = self.child.wait_with_output().unwrap();
        let ran = Ran {
            call: self.call,
            output,
        };
        // A panic of a program is never what a test wants, whatever else it looks at.
        if ran.stderr().contains("panicked at") {
            ran.fail("the program panicked");
        }
        ran
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    call: String,
    output: Output,
}

impl Ran {
    /// Returns what was written to standard output.
    pub fn stdout(&self) -> String {
        match String::from_utf8(self.output.stdout.clone()) {
            Ok(text) => text,
            Err(_) => self.fail("standard output is not UTF-8"),
        }
    }

    /// Returns what was written to standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Returns the exit status as the system gives it.
    pub fn status(&self) -> ExitStatus {
        self.output.status
    }

    /// Expects an exit status.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        if self.output.status.code() != Some(code) {
            self.fail(&format!("expected exit status {code}"));
        }
        self
    }

    /// Expects an exact standard output.
    #[track_caller]
    pub fn writes(self, text: &str) -> Self {
        if self.stdout() != text {
            self.fail(&format!("expected standard output {text:?}"));
        }
        self
    }

    /// Expects a part of standard error.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        if !self.stderr().contains(part) {
            self.fail(&format!("expected {part:?} on standard error"));
        }
        self
    }

    /// Expects standard error to be empty.
    #[track_caller]
    pub fn says_nothing(self) -> Self {
        if !self.output.stderr.is_empty() {
            self.fail("expected nothing on standard error");
        }
        self
    }

    /// Expects standard error to hold nothing but the sums of a run over many lines.
    #[track_caller]
    pub fn says_only_the_sums(self) -> Self {
        let told = self.stderr();
        let mut lines = told.lines();
        let sums = lines
            .next()
            .is_some_and(|line| line.contains(" done, ") && line.contains(" skipped; "));
        // What failed is told behind them.
        let has_failed = self.status().code() == Some(1);
        let rest: Vec<_> = lines.collect();
        let is_reason =
            |line: &&str| line.contains(" failed (") || line.contains("failed in an earlier run");
        let are_told = match &rest[..] {
            [] => !has_failed,
            reasons => has_failed && reasons.iter().all(is_reason),
        };
        if !sums || !are_told {
            self.fail("expected the sums of the run alone on standard error");
        }
        self
    }

    /// Returns the records on standard output, each of them a JSON object on a line of its own with a
    /// line end.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        let text = self.stdout();
        if !text.is_empty() && !text.ends_with('\n') {
            self.fail("the last record has no line end");
        }
        text.lines()
            .map(|line| match serde_json::from_str::<Value>(line) {
                Ok(record) if record.is_object() => record,
                _ => self.fail(&format!("not a record: {line:?}")),
            })
            .collect()
    }

    /// Fails the test with all that is known.
    #[track_caller]
    pub fn fail(&self, reason: &str) -> ! {
        panic!("{reason}\n{self}")
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        writeln!(text, "call:   {}", self.call)?;
        writeln!(text, "status: {}", self.output.status)?;
        for (name, bytes) in [
            ("stdout", &self.output.stdout),
            ("stderr", &self.output.stderr),
        ] {
            writeln!(text, "{name} ({} bytes):", bytes.len())?;
            // A test of a long line must not fill the log with it.
            writeln!(
                text,
                "{}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(8192)])
            )?;
        }
        out.write_str(&text)
    }
}

#[test]
fn a_failure_shows_the_call_and_what_was_said() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .pipe("cat; echo out; echo err >&2; exit 3")
        .input("in ")
        .run();
    let shown = std::panic::catch_unwind(|| ran.fail("why")).unwrap_err();
    let shown = shown.downcast_ref::<String>().unwrap();
    for part in ["why", "exit 3", "status: exit status: 3", "in out", "err"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_sandbox_hides_the_machine() {
    let sandbox = Sandbox::new();
    let home = sandbox.path().display().to_string();
    let ran = sandbox
        .pipe("echo $HOME $HF_HOME $PWD; command -v llm-run")
        .run()
        .exits(0);
    let text = ran.stdout();
    assert!(
        text.starts_with(&format!("{home} {home}/huggingface ")),
        "{text}"
    );
    assert!(text.trim_end().ends_with(PROGRAMS[1].1), "{text}");
}
