//! What `scripts/quickstart`, `scripts/check` and `scripts/fuzz` say on a machine that lacks something: one sentence
//! with the way out, status 2, and nothing is built.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::{Ran, Sandbox};

/// What a bare system has, as far as the scripts use it before they build.
const BARE: &[&str] = &["bash", "env", "dirname", "basename", "awk"];

/// A machine with the programs of [`BARE`] and those that are added, which only say a version.
struct Machine {
    sandbox: Sandbox,
    /// Shell functions, since a program that was just written may still count as open for writing.
    added: Vec<(&'static str, String)>,
}

impl Machine {
    fn new(added: &[&'static str]) -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path().join("bin")).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        for name in BARE {
            let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
            let place = places
                .find(|place| place.is_file())
                .unwrap_or_else(|| panic!("'{name}' is not in PATH"));
            symlink(place, sandbox.path().join("bin").join(name)).unwrap();
        }
        let added = added
            .iter()
            .map(|name| (*name, "1.0.0".to_owned()))
            .collect();
        Self { sandbox, added }
    }

    /// Adds or replaces a program by one that says that it is of this version.
    fn with(mut self, name: &'static str, version: &str) -> Self {
        self.added.retain(|(there, _)| *there != name);
        self.added.push((name, version.to_owned()));
        self
    }

    fn run(&self, script: &str) -> Ran {
        let functions = self.added.iter().map(|(name, version)| {
            format!("{name}() {{ echo '{name} {version} (abc 2025-01-01)'; }}; export -f {name}; ")
        });
        let functions: String = functions.collect();
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
        let line = format!("{functions} PATH=$BIN; exec bash \"$SCRIPT\"");
        self.sandbox
            .pipe(&line)
            .env("BIN", self.sandbox.path().join("bin"))
            .env("SCRIPT", scripts.join(script))
            .run()
    }

    #[track_caller]
    fn lacks(&self, script: &str, parts: &[&str]) {
        let ran = self.run(script).exits(2).writes("");
        let told = ran.stderr();
        if told.lines().count() != 1 || !told.starts_with(&format!("{script}: error: ")) {
            ran.fail("expected one sentence");
        }
        for part in parts {
            if !told.contains(part) {
                ran.fail(&format!("expected {part:?} in the sentence"));
            }
        }
    }
}

#[test]
fn what_compiles_is_named_where_it_is_missing_or_too_old() {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    for script in ["quickstart", "check"] {
        let none = Machine::new(&[]);
        none.lacks(script, &["cargo is not installed", wanted, "rustup"]);
        let linker = Machine::new(&["cargo", "rustc"]);
        linker.lacks(script, &["cc is not installed", "C compiler"]);
        for version in ["1.9.0", "1.94.1", "0.99.0"] {
            let old = Machine::new(&["cargo", "cc"]).with("rustc", version);
            let told = format!("rustc is version {version}, and {wanted} or newer");
            old.lacks(script, &[&told, "rustup update"]);
        }
        let mute = Machine::new(&["cargo", "cc"]).with("rustc", "'; exit 1; echo '");
        mute.lacks(script, &["rustup update"]);
    }
}

#[test]
fn what_fuzzing_needs_is_named_before_anything_is_built() {
    Machine::new(&[]).lacks("fuzz", &["cargo is not installed", "rustup.rs"]);
    let stable = Machine::new(&[]).with("cargo", "'; return 1; echo '");
    stable.lacks("fuzz", &["nightly", "rustup toolchain install nightly"]);
    // The nightly toolchain is there, and no `cargo fuzz`.
    let bare = Machine::new(&[]).with("cargo", "'; [ \"$1\" != fuzz ]; return; echo '");
    bare.lacks("fuzz", &["cargo-fuzz", "cargo install cargo-fuzz"]);
}

#[test]
fn what_the_tests_use_is_named_before_anything_is_built() {
    let mut programs = vec!["cargo", "cc"];
    for (missing, reason) in [("jq", "README"), ("git", "README"), ("script", "terminal")] {
        for version in ["1.95.0", "1.95.0-nightly", "1.100.2", "2.0.0"] {
            let machine = Machine::new(&programs).with("rustc", version);
            let told = format!("{missing} is not installed");
            machine.lacks("check", &[&told, reason, "apt-get install"]);
        }
        programs.push(missing);
    }
}
