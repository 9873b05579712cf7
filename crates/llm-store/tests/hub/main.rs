//! Pulls against a hub on this machine: what is stored, what is asked for,
//! who gets the token, and every way in which a transfer can go wrong.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by panicking"
)]

mod server;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use llm_digest::{hex, sha256_hex};
use llm_store::{Event, Plan, PullOptions, ResolvedModel, Settings, Store, StoreError};
use server::{Host, Reply, Request};
use sha1::{Digest, Sha1};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const REPO: &str = "org/repo";

fn git_sha1(bytes: &[u8]) -> String {
    let header = format!("blob {}\0", bytes.len());
    hex(&Sha1::digest([header.as_bytes(), bytes].concat()))
}

/// A file of the fake repository; small ones have a git digest, as on the hub.
#[derive(Clone)]
struct Served {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Served {
    fn new(name: &'static str, text: &str) -> Self {
        Self {
            name,
            bytes: text.as_bytes().to_vec(),
        }
    }

    fn etag(&self) -> String {
        if self.name.ends_with(".json") {
            git_sha1(&self.bytes)
        } else {
            sha256_hex(&self.bytes)
        }
    }
}

/// The answers of a well-behaved hub; `None` for an address it does not know.
fn hub_answer(request: &Request, files: &[Served], cdn: Option<u16>) -> Option<Reply> {
    if request.path.starts_with("/api/models/") {
        let siblings: Vec<String> = files
            .iter()
            .map(|file| {
                let (name, size) = (file.name, file.bytes.len());
                format!(r#"{{"rfilename":"{name}","size":{size},"blobId":"x"}}"#)
            })
            .collect();
        let body = format!(
            r#"{{"sha":"{COMMIT}","siblings":[{}]}}"#,
            siblings.join(",")
        );
        return Some(Reply::new(200, &[], body.as_bytes()));
    }
    let file = files.iter().find(|file| {
        request
            .path
            .ends_with(&format!("/resolve/{COMMIT}/{}", file.name))
    })?;
    let (etag, size) = (format!("\"{}\"", file.etag()), file.bytes.len().to_string());
    let location =
        cdn.map(|port| format!("http://localhost:{port}/blob/{}?signature=s", file.name));
    let mut headers = vec![("X-Repo-Commit", COMMIT)];
    if let Some(location) = &location {
        headers.push(("X-Linked-Etag", &etag));
        headers.push(("X-Linked-Size", &size));
        headers.push(("Location", location));
        return Some(Reply::new(302, &headers, b""));
    }
    headers.push(("ETag", &etag));
    let body: &[u8] = if request.method == "HEAD" {
        b""
    } else {
        &file.bytes
    };
    Some(Reply::claiming(200, &headers, file.bytes.len(), body))
}

fn not_found() -> Reply {
    Reply::new(404, &[], b"")
}

/// A cache of its own, and a hub to fill it from.
struct Bench {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Bench {
    fn new(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            hub_cache: Some(folder.path().join("hub")),
            digest_folder: Some(folder.path().join("digests")),
            endpoint: format!("http://127.0.0.1:{port}"),
            token: Some("hf_secret".to_owned()),
            token_path: None,
            offline: false,
            stall: Duration::from_secs(10),
            proxy_from_env: false,
        };
        Self { folder, settings }
    }

    fn store(&self) -> Store {
        Store::new(self.settings.clone())
    }

    fn plan(&self, name: &str) -> Result<Plan, StoreError> {
        self.store().plan(name, &PullOptions::default())
    }

    fn pull(&self, name: &str) -> Result<ResolvedModel, StoreError> {
        let plan = self.plan(name)?;
        self.store().fetch(&plan, &mut go_on)
    }

    fn repo(&self) -> PathBuf {
        self.folder.path().join("hub").join("models--org--repo")
    }

    /// Every file and link below the repository, for "nothing was stored".
    fn stored_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.repo()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

fn go_on(_: Event<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A hub without a second host.
fn plain_hub(files: Vec<Served>) -> Host {
    Host::start(move |request| hub_answer(request, &files, None).unwrap_or_else(not_found))
}

/// A hub that sends everybody to `cdn` for the bytes.
fn redirecting_hub(files: Vec<Served>, cdn: &Host) -> Host {
    let port = cdn.port;
    Host::start(move |request| hub_answer(request, &files, Some(port)).unwrap_or_else(not_found))
}

#[test]
fn a_pull_fills_the_shared_layout_and_is_not_repeated() {
    let file = Served::new("m-Q4_0.gguf", "GGUF four bits");
    let bytes = file.bytes.clone();
    let cdn = Host::start(move |_| Reply::new(200, &[], &bytes));
    let hub = redirecting_hub(vec![file.clone(), Served::new("README.md", "x")], &cdn);
    let bench = Bench::new(hub.port);

    let model = bench.pull(REPO).unwrap();
    assert_eq!(model.digest, sha256_hex(&file.bytes));
    assert_eq!(model.revision.as_deref(), Some(COMMIT));
    assert_eq!(model.size_bytes, file.bytes.len() as u64);
    assert_eq!(fs::read(&model.files[0].path).unwrap(), file.bytes);
    let link = bench
        .repo()
        .join("snapshots")
        .join(COMMIT)
        .join("m-Q4_0.gguf");
    assert_eq!(model.files[0].path, link);
    let target = fs::read_link(&link).unwrap();
    assert_eq!(target, Path::new("../../blobs").join(file.etag()));
    assert_eq!(
        fs::read_to_string(bench.repo().join("refs/main")).unwrap(),
        COMMIT
    );

    // The digest was taken on the way in, so nothing is hashed later.
    let mut hashed = false;
    let again = bench.store().resolve_watched(REPO, &mut |event| {
        hashed |= matches!(event, Event::Hashing { .. });
        ControlFlow::Continue(())
    });
    assert_eq!(again.unwrap().digest, model.digest);
    assert!(!hashed);

    let plan = bench.plan(REPO).unwrap();
    assert_eq!(plan.missing_bytes(), 0);
    bench.store().fetch(&plan, &mut go_on).unwrap();
    assert_eq!(
        cdn.count("GET", "/blob/"),
        1,
        "the second pull fetches nothing"
    );

    // A commit says which bytes are meant, so the hub is not even asked.
    let before = hub.requests().len();
    bench.pull(&format!("{REPO}@{COMMIT}:Q4_0")).unwrap();
    assert_eq!(hub.requests().len(), before);
}

#[test]
fn the_token_stays_with_the_hub() {
    let file = Served::new("m.gguf", "GGUF");
    let cdn = Host::start(|_| Reply::new(200, &[], b"GGUF"));
    let hub = redirecting_hub(vec![file], &cdn);
    let bench = Bench::new(hub.port);
    bench.pull(REPO).unwrap();
    assert!(hub.requests().len() >= 3);
    for request in hub.requests() {
        assert_eq!(
            request.authorization.as_deref(),
            Some("Bearer hf_secret"),
            "{request:?}"
        );
    }
    assert_eq!(cdn.requests().len(), 1);
    assert_eq!(cdn.requests()[0].authorization, None);
}

#[test]
fn the_token_does_not_follow_to_another_port_of_the_same_host() {
    let file = Served::new("m.gguf", "GGUF");
    let cdn = Host::start(|_| Reply::new(200, &[], b"GGUF"));
    let port = cdn.port;
    let hub = Host::start(move |request| {
        if request.method == "GET" && request.path.contains("/resolve/") {
            let location = format!("http://127.0.0.1:{port}/x");
            return Reply::new(302, &[("Location", &location)], b"");
        }
        hub_answer(request, std::slice::from_ref(&file), None).unwrap_or_else(not_found)
    });
    Bench::new(hub.port).pull(REPO).unwrap();
    assert_eq!(cdn.requests()[0].authorization, None);
}

#[test]
fn a_renamed_repository_is_followed_with_the_token() {
    let file = Served::new("m.gguf", "GGUF");
    let hub = Host::start(move |request| {
        if let Some(rest) = request.path.strip_prefix("/org/repo/") {
            let location = format!("/new/home/{rest}");
            return Reply::new(307, &[("Location", &location)], b"");
        }
        hub_answer(request, std::slice::from_ref(&file), None).unwrap_or_else(not_found)
    });
    Bench::new(hub.port).pull(REPO).unwrap();
    let last = hub.requests().pop().unwrap();
    assert!(last.path.starts_with("/new/home/"), "{last:?}");
    assert!(last.authorization.is_some());
}

#[test]
fn a_truncated_body_leaves_nothing_behind() {
    let file = Served::new("m.gguf", "GGUF and more");
    for claimed in [13, 4] {
        // Once the transport notices, once the server lies about the length.
        let cdn = Host::start(move |_| Reply::claiming(200, &[], claimed, b"GGUF"));
        let hub = redirecting_hub(vec![file.clone()], &cdn);
        let bench = Bench::new(hub.port);
        let error = bench.pull(REPO).unwrap_err();
        let (received_bytes, expected_bytes) = match &error {
            StoreError::Truncated {
                received_bytes,
                expected_bytes,
                ..
            } => (*received_bytes, *expected_bytes),
            other => panic!("{other}"),
        };
        assert_eq!((received_bytes, expected_bytes), (4, 13));
        assert_eq!(bench.stored_files(), [] as [PathBuf; 0], "{error}");
        assert!(matches!(
            bench.store().resolve(REPO),
            Err(StoreError::NotHere { .. })
        ));
    }
}

#[test]
fn a_body_that_is_too_long_leaves_nothing_behind() {
    let cdn = Host::start(|_| Reply::new(200, &[], b"GGUF and much more"));
    let hub = redirecting_hub(vec![Served::new("m.gguf", "GGUF")], &cdn);
    let bench = Bench::new(hub.port);
    assert!(matches!(
        bench.pull(REPO),
        Err(StoreError::Truncated { .. })
    ));
    assert_eq!(bench.stored_files(), [] as [PathBuf; 0]);
}

#[test]
fn a_silent_server_is_given_up() {
    let file = Served::new("m.gguf", "GGUF and more");
    let cdn = Host::start(|_| Reply {
        hold: Duration::from_secs(20),
        ..Reply::claiming(200, &[], 13, b"GGUF")
    });
    let hub = redirecting_hub(vec![file], &cdn);
    let mut bench = Bench::new(hub.port);
    bench.settings.stall = Duration::from_secs(1);
    let start = Instant::now();
    let error = bench.pull(REPO).unwrap_err();
    assert!(
        matches!(error, StoreError::Stalled { seconds: 1, .. }),
        "{error}"
    );
    assert!(!error.to_string().contains("signature"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(bench.stored_files(), [] as [PathBuf; 0]);
}

#[test]
fn wrong_bytes_are_not_stored() {
    for (name, right, wrong) in [
        ("m.gguf", "GGUF right", "GGUF wrong"),
        ("config.json", "{\"a\":1}", "{\"a\":2}"),
    ] {
        let cdn = Host::start(move |_| Reply::new(200, &[], wrong.as_bytes()));
        let hub = redirecting_hub(vec![Served::new(name, right)], &cdn);
        let bench = Bench::new(hub.port);
        let options = PullOptions {
            include: vec![name.to_owned()],
            ..PullOptions::default()
        };
        let plan = bench.store().plan(REPO, &options).unwrap();
        let error = bench.store().fetch(&plan, &mut go_on).unwrap_err();
        assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
        assert_eq!(bench.stored_files(), [] as [PathBuf; 0]);
    }
}

#[test]
fn an_ambiguous_name_lists_the_choices_with_sizes() {
    let hub = plain_hub(vec![
        Served::new("m-Q4_K_M.gguf", "GGUF a"),
        Served::new("m-Q8_0.gguf", "GGUF bb"),
        Served::new("mmproj-F16.gguf", "GGUF c"),
    ]);
    let bench = Bench::new(hub.port);
    let text = bench.pull(REPO).unwrap_err().to_string();
    assert_eq!(
        text,
        "'org/repo' could be Q4_K_M (1 kB), Q8_0 (1 kB): name one, such as 'org/repo:Q4_K_M'"
    );
    let model = bench.pull("org/repo:q8_0").unwrap();
    assert_eq!(model.files[0].name, "m-Q8_0.gguf");
    // Here there is one model now, so the short name is enough.
    assert_eq!(bench.store().resolve(REPO).unwrap().digest, model.digest);
    assert!(bench.store().resolve("org/repo:Q4_K_M").is_err());
}

#[test]
fn all_shards_come_and_half_a_model_is_refused_before_the_first_byte() {
    let (one, two) = ("m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf");
    let files = vec![Served::new(two, "GGUF two"), Served::new(one, "GGUF one")];
    let hub = plain_hub(files.clone());
    let model = Bench::new(hub.port).pull(REPO).unwrap();
    let names: Vec<&str> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, [one, two]);
    let lines = format!("{}\n{}\n", sha256_hex(b"GGUF one"), sha256_hex(b"GGUF two"));
    assert_eq!(model.digest, sha256_hex(lines.as_bytes()));

    let hub = plain_hub(files[..1].to_vec());
    let error = Bench::new(hub.port).pull(REPO).unwrap_err();
    assert!(
        matches!(error, StoreError::IncompleteSplit { .. }),
        "{error}"
    );
    assert_eq!(hub.count("GET", "/resolve/"), 0);
}

#[test]
fn small_files_and_folders_are_fetched_by_pattern() {
    let hub = plain_hub(vec![
        Served::new("sub/config.json", "{}"),
        Served::new("model.safetensors", "tensors"),
        Served::new("notes.txt", "x"),
    ]);
    let bench = Bench::new(hub.port);
    let model = bench.pull(REPO).unwrap();
    let names: Vec<&str> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["sub/config.json", "model.safetensors"]);
    let folder = model.folder.unwrap();
    assert_eq!(
        fs::read_to_string(folder.join("sub/config.json")).unwrap(),
        "{}"
    );
    assert!(!folder.join("notes.txt").exists());
    let resolved = bench.store().resolve(REPO).unwrap();
    assert_eq!(resolved.files.len(), 1, "only the weights are the model");
}

#[test]
fn a_short_name_can_mean_a_folder() {
    let weights = Served::new("model.safetensors", "tensors");
    let hub = plain_hub(vec![
        Served::new("config.json", "{}"),
        Served::new("1_Pooling/config.json", "{}"),
        weights.clone(),
        // What else a repository has is left there.
        Served::new("onnx/model.onnx", "x"),
        Served::new("x-Q4_0.gguf", "GGUF"),
    ]);
    let bench = Bench::new(hub.port);
    let error = bench.store().resolve("bge-small").unwrap_err().to_string();
    assert!(error.contains("llm-pull bge-small fetches it"), "{error}");
    let model = bench.pull("bge-small").unwrap();
    let names: Vec<&str> = model.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        ["config.json", "1_Pooling/config.json", "model.safetensors"]
    );
    let resolved = bench.store().resolve("bge-small").unwrap();
    assert_eq!(resolved.repo.as_deref(), Some("BAAI/bge-small-en-v1.5"));
    assert_eq!(resolved.digest, weights.etag());
    // The weights of `minilm` are known, and these are not they.
    let error = bench.pull("minilm").unwrap_err();
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
}

#[test]
fn offline_asks_nobody() {
    let hub = plain_hub(vec![Served::new("m.gguf", "GGUF")]);
    let mut bench = Bench::new(hub.port);
    bench.settings.offline = true;
    assert!(matches!(bench.pull(REPO), Err(StoreError::Offline { .. })));
    assert_eq!(hub.requests().len(), 0);

    bench.settings.offline = false;
    bench.pull(REPO).unwrap();
    let before = hub.requests().len();
    bench.settings.offline = true;
    bench.pull(REPO).unwrap();
    bench.store().resolve(REPO).unwrap();
    assert_eq!(hub.requests().len(), before);
}

#[test]
fn refusals_say_what_to_do() {
    for (status, token, expected) in [
        (401, None, "set HF_TOKEN"),
        (403, Some("t"), "accept its licence"),
        (404, None, "check the name and the revision"),
        (429, None, "wait a minute"),
        (503, None, "try again later"),
    ] {
        let hub = Host::start(move |_| Reply::new(status, &[], b"{}"));
        let mut bench = Bench::new(hub.port);
        bench.settings.token = token.map(str::to_owned);
        let text = bench.pull(REPO).unwrap_err().to_string();
        assert!(
            text.contains(expected) && text.contains(&status.to_string()),
            "{text}"
        );
    }
    let mut bench = Bench::new(1); // nobody listens there
    bench.settings.stall = Duration::from_secs(2);
    let text = bench.pull(REPO).unwrap_err().to_string();
    assert!(
        text.starts_with("cannot reach http://127.0.0.1:1/api"),
        "{text}"
    );
}

#[test]
fn a_hostile_hub_cannot_write_outside_the_cache() {
    let hub = plain_hub(vec![
        Served::new("../../../../evil.gguf", "GGUF"),
        Served::new("/tmp/evil.gguf", "GGUF"),
    ]);
    assert!(matches!(
        Bench::new(hub.port).pull(REPO),
        Err(StoreError::NothingFits { .. })
    ));

    let hub = Host::start(|_| Reply::new(200, &[], br#"{"sha":"../../../x","siblings":[]}"#));
    assert!(matches!(
        Bench::new(hub.port).pull(REPO),
        Err(StoreError::BadAnswer { .. })
    ));

    let hub = Host::start(|request| {
        if request.path.contains("/resolve/") {
            Reply::new(200, &[("ETag", "\"../../../x\"")], b"GGUF")
        } else {
            hub_answer(request, &[Served::new("m.gguf", "GGUF")], None).unwrap()
        }
    });
    assert!(matches!(
        Bench::new(hub.port).pull(REPO),
        Err(StoreError::BadAnswer { .. })
    ));

    let hub = Host::start(|request| Reply::new(302, &[("Location", &request.path)], b""));
    let text = Bench::new(hub.port).pull(REPO).unwrap_err().to_string();
    assert!(text.contains("redirects"), "{text}");
}

#[test]
fn a_full_disk_is_found_before_the_first_byte() {
    let size = (u64::MAX / 2).to_string();
    let digest = sha256_hex(b"GGUF");
    let hub = Host::start(move |request| {
        if request.path.contains("/resolve/") {
            Reply::new(
                200,
                &[("X-Linked-Etag", &digest), ("X-Linked-Size", &size)],
                b"",
            )
        } else {
            hub_answer(request, &[Served::new("m.gguf", "GGUF")], None).unwrap()
        }
    });
    let error = Bench::new(hub.port).pull(REPO).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    assert_eq!(hub.count("GET", "/resolve/"), 0);
}

#[test]
fn the_catalogue_digest_is_checked_before_the_bytes_are_fetched() {
    let entries = llm_store::catalogue().unwrap().iter();
    let mut entries = entries.filter(|entry| entry.name == "smollm2");
    let entry = entries.next().unwrap();
    let etag = sha256_hex(b"GGUF of somebody else");
    let commit = entry.revision.clone().unwrap();
    let file = entry.gguf.clone().unwrap().file;
    let hub = Host::start(move |request| {
        if request.path.contains("/resolve/") {
            Reply::new(
                200,
                &[("X-Linked-Etag", &etag), ("X-Linked-Size", "21")],
                b"",
            )
        } else {
            let body = format!(r#"{{"sha":"{commit}","siblings":[{{"rfilename":"{file}"}}]}}"#);
            Reply::new(200, &[], body.as_bytes())
        }
    });
    let error = Bench::new(hub.port).pull("smollm2").unwrap_err();
    assert!(matches!(error, StoreError::WrongDigest { .. }), "{error}");
    assert_eq!(hub.count("GET", "/resolve/"), 0);
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let file = Served::new("m.gguf", "GGUF");
    let cdn = Host::start(|_| {
        std::thread::sleep(Duration::from_millis(300));
        Reply::new(200, &[], b"GGUF")
    });
    let hub = redirecting_hub(vec![file], &cdn);
    let bench = Bench::new(hub.port);
    let waited = AtomicBool::new(false);
    let plan = bench.plan(REPO).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut watch = |event: Event<'_>| {
                    waited.fetch_or(matches!(event, Event::Waiting { .. }), Ordering::Relaxed);
                    ControlFlow::Continue(())
                };
                bench.store().fetch(&plan, &mut watch).unwrap();
            });
        }
    });
    assert_eq!(cdn.requests().len(), 1);
    assert!(waited.into_inner());
}

#[test]
fn an_interrupted_pull_leaves_nothing_behind() {
    let hub = plain_hub(vec![Served::new("m.gguf", "GGUF")]);
    let bench = Bench::new(hub.port);
    let plan = bench.plan(REPO).unwrap();
    let stopped = bench.store().fetch(&plan, &mut |event| match event {
        Event::Advanced { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(StoreError::Interrupted)));
    assert_eq!(bench.stored_files(), [] as [PathBuf; 0]);
    assert!(bench.folder.path().exists());
}

#[test]
fn a_silent_server_does_not_keep_a_user_who_leaves() {
    let file = Served::new("m.gguf", "GGUF four bits");
    let hub = Host::start(move |request| {
        let mut reply =
            hub_answer(request, std::slice::from_ref(&file), None).unwrap_or_else(not_found);
        if request.method == "GET" && request.path.contains("/resolve/") {
            reply.bytes.pop();
            reply.hold = Duration::from_secs(60);
        }
        reply
    });
    let bench = Bench::new(hub.port);
    let plan = bench.plan(REPO).unwrap();
    let start = Instant::now();
    let stopped = bench.store().fetch(&plan, &mut |event| match event {
        // The step in which nothing came.
        Event::Advanced { bytes: 0 } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(
        matches!(stopped, Err(StoreError::Interrupted)),
        "{stopped:?}"
    );
    // Well before the 10 s after which the server is given up.
    assert!(start.elapsed() < Duration::from_secs(8));
    assert_eq!(bench.stored_files(), [] as [PathBuf; 0]);
}
