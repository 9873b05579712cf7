//! Models that come from this disk: imports, other tools' files, bare paths,
//! listing and removing. No server runs, so none of it can use the network.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use llm_store::{
    Event, ImportOptions, Imported, Placement, PullOptions, Settings, Store, StoreError,
};

const MAIN: &str = "0123456789abcdef0123456789abcdef01234567";
const OLD: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// SHA-256 of `GGUF one` and `GGUF two` (coreutils' sha256sum).
const ONE: &str = "583a3ee3dcfe165b1686159c657930db6c4621e152297fd69760f49eb890671f";
const TWO: &str = "4a84a2917e997d39ea35bf2a9f4830affc57abe4f10db5cd9d8d15df616393c1";

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(Settings {
            hub_cache: Some(folder.path().join("hub")),
            digest_folder: Some(folder.path().join("digests")),
            endpoint: "http://127.0.0.1:1".to_owned(),
            token: None,
            token_path: None,
            offline: true,
            stall: Duration::from_secs(1),
            proxy_from_env: false,
        });
        Self { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn import(&self, path: &Path, name: Option<&str>) -> Result<Imported, StoreError> {
        let options = ImportOptions {
            name: name.map(str::to_owned),
            force: false,
        };
        self.import_with(path, &options)
    }

    fn import_with(&self, path: &Path, options: &ImportOptions) -> Result<Imported, StoreError> {
        self.store
            .import(path, options, &mut |_| ControlFlow::Continue(()))
    }

    /// Lays a file down as another tool would: a blob and a link to it.
    fn put(&self, repo: &str, commit: &str, file: &str, blob: &str, text: &str) {
        let repo = format!("hub/models--{}", repo.replace('/', "--"));
        self.write(&format!("{repo}/blobs/{blob}"), text);
        let link = self.path(&format!("{repo}/snapshots/{commit}/{file}"));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(format!("../../blobs/{blob}"), link).unwrap();
    }

    fn set_main(&self, repo: &str, commit: &str) {
        let repo = format!("hub/models--{}", repo.replace('/', "--"));
        self.write(&format!("{repo}/refs/main"), commit);
    }

    fn error(&self, name: &str) -> String {
        self.store.resolve(name).unwrap_err().to_string()
    }
}

#[test]
fn importing_twice_stores_once() {
    let bench = Bench::new();
    let path = bench.write("downloads/one.gguf", "GGUF one");
    let first = bench.import(&path, Some("mine")).unwrap();
    assert!(matches!(
        first.placement,
        Placement::Reflinked | Placement::HardLinked
    ));
    assert_eq!(first.model.name, "mine");
    assert_eq!(first.model.repo.as_deref(), Some("local/mine"));
    assert_eq!(first.model.digest, ONE);
    let blob = fs::canonicalize(&first.model.files[0].path).unwrap();
    if first.placement == Placement::HardLinked {
        assert_eq!(
            fs::metadata(&blob).unwrap().ino(),
            fs::metadata(&path).unwrap().ino()
        );
    }

    let second = bench.import(&path, Some("mine")).unwrap();
    assert_eq!(second.placement, Placement::AlreadyThere);
    assert_eq!(second.model, first.model);
    let blobs = fs::read_dir(blob.parent().unwrap()).unwrap().count();
    assert_eq!(blobs, 1);

    // Found by the short name and by the repository, and never hashed again.
    for name in ["mine", "local/mine"] {
        let mut hashed = false;
        let model = bench.store.resolve_watched(name, &mut |event| {
            hashed |= matches!(event, Event::Hashing { .. });
            ControlFlow::Continue(())
        });
        assert_eq!(model.unwrap().files[0].name, "one.gguf");
        assert!(!hashed, "{name}");
    }
}

#[test]
fn a_wrong_blob_of_the_right_name_and_length_is_replaced() {
    let bench = Bench::new();
    let path = bench.write("one.gguf", "GGUF one");
    let blob = format!("hub/models--local--mine/blobs/{ONE}");
    let blob = bench.write(&blob, "GGUF 0ne");
    let imported = bench.import(&path, Some("mine")).unwrap();
    assert_ne!(imported.placement, Placement::AlreadyThere);
    assert_eq!(fs::read_to_string(&blob).unwrap(), "GGUF one");
    assert_eq!(bench.store.resolve("mine").unwrap().digest, ONE);
    assert_eq!(fs::read_to_string(&path).unwrap(), "GGUF one");

    // A right one of another tool's is kept, and so is what is imported from
    // the store itself.
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, "GGUF one").unwrap();
    for source in [&path, &blob] {
        let again = bench.import(source, Some("mine")).unwrap();
        assert_eq!(again.placement, Placement::AlreadyThere);
    }
    assert_eq!(fs::read_to_string(&blob).unwrap(), "GGUF one");
}

#[test]
fn an_import_takes_the_name_of_its_file_or_says_why_not() {
    let bench = Bench::new();
    let path = bench.write("Some-Model.Q8_0.gguf", "GGUF one");
    assert_eq!(
        bench.import(&path, None).unwrap().model.name,
        "Some-Model.Q8_0"
    );

    let other = bench.write("other/Some-Model.Q8_0.gguf", "GGUF two");
    assert!(matches!(
        bench.import(&other, None),
        Err(StoreError::NameTaken { .. })
    ));
    let options = ImportOptions {
        name: None,
        force: true,
    };
    let replaced = bench.import_with(&other, &options).unwrap();
    assert_eq!(replaced.model.digest, TWO);
    assert_eq!(bench.store.resolve("Some-Model.Q8_0").unwrap().digest, TWO);
    assert_eq!(bench.store.list().unwrap().len(), 1);
    for name in ["a/b", "..", "", "a b"] {
        let error = bench.import(&other, Some(name)).unwrap_err();
        assert!(
            matches!(error, StoreError::BadName { .. }),
            "{name}: {error}"
        );
    }

    // The catalogue's names promise certain bytes.
    let error = bench
        .import(&other, Some("smollm2"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(TWO) && error.contains("catalogue"),
        "{error}"
    );
    let error = bench.import(&other, Some("qwen3-4b")).unwrap_err();
    assert!(
        matches!(error, StoreError::NameUnverifiable { .. }),
        "{error}"
    );
    let stray = bench.write("smollm2.gguf", "GGUF two");
    assert!(matches!(
        bench.import(&stray, None),
        Err(StoreError::BadName { .. })
    ));

    let text = bench.write("notes.gguf", "hello");
    assert!(matches!(
        bench.import(&text, None),
        Err(StoreError::NotGguf { .. })
    ));
    let absent = bench.path("absent.gguf");
    assert!(matches!(
        bench.import(&absent, None),
        Err(StoreError::NoSuchPath { .. })
    ));
}

#[test]
fn one_shard_brings_the_others_and_a_missing_one_is_named() {
    let bench = Bench::new();
    let first = bench.write("m-00001-of-00002.gguf", "GGUF one");
    let error = bench.import(&first, None).unwrap_err().to_string();
    assert!(
        error.contains("m-00002-of-00002.gguf is missing"),
        "{error}"
    );
    assert!(bench.store.resolve(first.to_str().unwrap()).is_err());

    let second = bench.write("m-00002-of-00002.gguf", "GGUF two");
    let model = bench.import(&second, None).unwrap().model;
    assert_eq!(model.name, "m");
    let digests: Vec<&str> = model
        .files
        .iter()
        .map(|file| file.sha256.as_str())
        .collect();
    assert_eq!(digests, [ONE, TWO]);
    assert_eq!(bench.store.resolve("m").unwrap().digest, model.digest);
}

#[test]
fn paths_are_files_with_or_without_the_ending_and_folders() {
    let bench = Bench::new();
    let file = bench.write("a/one.gguf", "GGUF one");
    let model = bench.store.resolve(file.to_str().unwrap()).unwrap();
    assert_eq!(
        (model.digest.as_str(), &model.repo, &model.folder),
        (ONE, &None, &None)
    );

    let blob = bench.write("a/blob", "GGUF two");
    assert_eq!(
        bench.store.resolve(blob.to_str().unwrap()).unwrap().digest,
        TWO
    );

    let folder = bench.path("a");
    let model = bench.store.resolve(folder.to_str().unwrap()).unwrap();
    assert_eq!(
        (model.digest.as_str(), model.folder.as_ref()),
        (ONE, Some(&folder))
    );
    bench.write("a/two.gguf", "GGUF two");
    let error = bench.error(folder.to_str().unwrap());
    assert!(
        error.contains("could be one.gguf (1 kB), two.gguf (1 kB)"),
        "{error}"
    );
    // The way out that it names is one.
    for folder in [folder.clone(), folder.join("")] {
        let error = bench.error(folder.to_str().unwrap());
        let named = error.rsplit('\'').nth(1).unwrap();
        assert!(error.ends_with(&format!("such as '{named}'")), "{error}");
        assert_eq!(bench.store.resolve(named).unwrap().digest, ONE, "{named}");
    }

    let error = bench.error("/");
    assert!(error.contains(" in /; it holds"), "{error}");

    let error = bench.error("./absent.gguf");
    assert!(
        error.starts_with("no model file or folder at './absent.gguf'"),
        "{error}"
    );
}

#[test]
fn other_tools_models_are_found_in_main_first() {
    let bench = Bench::new();
    bench.put("org/repo", OLD, "m-Q8_0.gguf", TWO, "GGUF two");
    bench.put("org/repo", MAIN, "m-Q8_0.gguf", ONE, "GGUF one");
    bench.set_main("org/repo", MAIN);
    assert_eq!(bench.store.resolve("org/repo").unwrap().digest, ONE);
    assert_eq!(bench.store.resolve("org/repo:q8_0").unwrap().digest, ONE);
    let old = bench.store.resolve(&format!("org/repo@{OLD}")).unwrap();
    assert_eq!(
        (old.digest.as_str(), old.revision.as_deref()),
        (TWO, Some(OLD))
    );
    let error = bench.error("org/repo@v2");
    assert!(error.contains("llm-pull org/repo@v2 fetches it"), "{error}");
}

#[test]
fn a_blob_that_is_not_what_its_name_says_is_refused() {
    let bench = Bench::new();
    bench.put("org/repo", MAIN, "m.gguf", ONE, "GGUF damaged");
    let error = bench.error("org/repo");
    assert!(error.contains("damaged") && error.contains(ONE), "{error}");
}

#[test]
fn unknown_names_get_the_nearest_ones() {
    let bench = Bench::new();
    assert_eq!(
        bench.error("smolm2"),
        "no model named 'smolm2' (did you mean 'smollm2'? llm-pull smollm2 fetches it)"
    );
    assert_eq!(
        bench.error("smollm2"),
        "model 'smollm2' is not on this machine (llm-pull smollm2 fetches it, 98 MB)"
    );
    let error = bench.error("llama3.2:1b");
    let nearest = "did you mean 'llama-3.2-1b', 'llama-3.2-3b' or 'llama-3.1-8b'?";
    assert!(error.contains(nearest), "{error}");
    for (stem, names) in [
        ("llama", "'llama-3.2-1b', 'llama-3.2-3b' or 'llama-3.1-8b'"),
        ("Mistral", "'mistral-7b' or 'mistral-nemo-12b'"),
    ] {
        let told =
            format!("no model named '{stem}' (did you mean {names}? llm-pull NAME fetches one)");
        assert_eq!(bench.error(stem), told);
    }
    let error = bench.error("zzz");
    assert!(error.contains("a name is one of the catalogue"), "{error}");
    let path = bench.write("one.gguf", "GGUF one");
    bench.import(&path, Some("house-model")).unwrap();
    let error = bench.error("huose-model");
    assert_eq!(
        error,
        "no model named 'huose-model' (did you mean 'house-model'?)"
    );
}

#[test]
fn the_list_names_each_model_as_it_can_be_asked_for() {
    let bench = Bench::new();
    assert_eq!(bench.store.list().unwrap(), []);
    bench.put("org/many", MAIN, "m-Q4_0.gguf", ONE, "GGUF one");
    bench.put("org/many", MAIN, "m-Q8_0.gguf", TWO, "GGUF two");
    bench.put("org/many", OLD, "m-Q8_0.gguf", ONE, "GGUF one");
    bench.put("org/many", OLD, "half-00001-of-00002.gguf", ONE, "GGUF one");
    bench.set_main("org/many", MAIN);
    let path = bench.write("one.gguf", "GGUF one");
    bench.import(&path, Some("mine")).unwrap();

    let models = bench.store.list().unwrap();
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["mine", "org/many:Q4_0", "org/many:Q8_0"]);
    for model in &models {
        let resolved = bench.store.resolve(&model.name).unwrap();
        assert_eq!(
            Some(&resolved.digest),
            model.digest.as_ref(),
            "{}",
            model.name
        );
        assert_eq!(resolved.size_bytes, model.size_bytes);
    }
}

#[test]
fn strays_in_the_cache_do_not_hide_the_models() {
    let bench = Bench::new();
    bench.put("org/good", MAIN, "m-Q4_0.gguf", ONE, "GGUF one");
    bench.write("hub/models--file", "");
    bench.write("hub/models--org--bad/snapshots", "");
    assert_eq!(bench.store.list().unwrap().len(), 1);
    assert!(bench.error("goood").starts_with("no model named"));
}

#[test]
fn removing_keeps_what_another_snapshot_shares() {
    let bench = Bench::new();
    bench.put("org/repo", OLD, "a-Q8_0.gguf", ONE, "GGUF one");
    bench.put("org/repo", MAIN, "b-Q8_0.gguf", ONE, "GGUF one");
    bench.put("org/repo", MAIN, "b-Q4_0.gguf", TWO, "GGUF two");
    bench.set_main("org/repo", MAIN);
    let blobs = bench.path("hub/models--org--repo/blobs");

    let removed = bench.store.remove("org/repo:Q8_0").unwrap();
    assert_eq!(
        (removed.files, removed.freed_bytes),
        (vec!["b-Q8_0.gguf".to_owned()], 0)
    );
    assert!(blobs.join(ONE).exists(), "the old snapshot still needs it");

    let removed = bench.store.remove("org/repo:Q4_0").unwrap();
    assert_eq!(removed.freed_bytes, 8);
    assert!(!blobs.join(TWO).exists());

    let removed = bench.store.remove("org/repo").unwrap();
    assert_eq!(removed.freed_bytes, 8);
    assert!(!bench.path("hub/models--org--repo").exists());
    assert!(bench.store.remove("org/repo").is_err());
}

#[test]
fn removing_an_import_leaves_the_original_file() {
    let bench = Bench::new();
    let path = bench.write("one.gguf", "GGUF one");
    bench.import(&path, Some("mine")).unwrap();
    let error = bench.store.remove(path.to_str().unwrap()).unwrap_err();
    assert!(matches!(error, StoreError::NotInStore { .. }), "{error}");
    // Nor can a path be fetched, and the sentence names what takes one.
    let plan = bench
        .store
        .plan(path.to_str().unwrap(), &PullOptions::default());
    let error = plan.unwrap_err().to_string();
    let import = format!("llm-pull import {} ", path.display());
    assert!(
        error.contains(&import) && !error.contains("llm-pull rm"),
        "{error}"
    );
    bench.store.remove("mine").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "GGUF one");
    assert!(bench.store.list().unwrap().is_empty());
    assert!(bench.store.resolve("mine").is_err());
}
