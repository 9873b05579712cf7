//! `llm-pull` against a hub on this machine and on files: what it writes, its statuses, and that what
//! failed is nowhere to be seen. Every way in which a transfer can go wrong is tested in llm-store.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Ran, Sandbox, Tool};
use crate::support::gguf::header;
use crate::support::hub::{COMMIT, Hub, Manner, REPO, sha256};
use crate::support::model::Bench;
use crate::support::records::{record, records};

const FILE: &str = "tiny-Q4_0.gguf";

/// A file that is large enough to be cut, and a GGUF file as far as its header goes.
fn tiny() -> Vec<u8> {
    let pairs = [
        ("general.architecture", "llama"),
        ("tokenizer.ggml.model", "gpt2"),
        ("tokenizer.ggml.pre", "smollm"),
        ("general.license", "mit"),
    ];
    [header(0, &pairs), vec![7; 1000]].concat()
}

fn hub(manner: Manner) -> Hub {
    let files = [(FILE, tiny()), ("README.md", b"hello".to_vec())];
    Hub::start(&files, manner)
}

fn pull(sandbox: &Sandbox, hub: &Hub) -> Tool {
    sandbox.tool("llm-pull").env("HF_ENDPOINT", hub.endpoint())
}

/// Expects a failure that left nothing behind: one sentence, status 2, an empty store.
#[track_caller]
fn failed(sandbox: &Sandbox, ran: Ran, part: &str) {
    let ran = ran.exits(2).writes("");
    let told = ran.stderr();
    let last = told.lines().last().unwrap_or_default();
    if !last.starts_with("llm-pull: error: ") || !last.contains(part) {
        ran.fail(&format!("expected {part:?} in the last sentence"));
    }
    nothing_is_stored(sandbox);
}

#[track_caller]
fn nothing_is_stored(sandbox: &Sandbox) {
    sandbox.tool("llm-pull").arg("ls").run().exits(0).writes("");
    let files = files_below(&sandbox.path().join("huggingface"));
    let left: Vec<_> = files
        .iter()
        .filter(|path| !path.contains("/.locks/"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Every file and link below a folder, which need not be there.
fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn a_pull_writes_one_record_and_is_not_repeated() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let ran = pull(&sandbox, &hub).arg(REPO).run().exits(0);
    let pulled = record(&ran);
    let digest = sha256(tiny());
    assert_eq!(pulled["type"], "model");
    assert_eq!(pulled["repo"], REPO);
    assert_eq!(pulled["revision"], COMMIT);
    assert_eq!(pulled["digest"], digest);
    assert_eq!(pulled["size"], tiny().len());
    assert_eq!(pulled["quantization"], "Q4_0");
    assert_eq!(pulled["action"], "pulled");
    let path = Path::new(pulled["path"].as_str().unwrap());
    assert_eq!(fs::read(path).unwrap(), tiny());
    // The layout that other programs share: a link into the blobs.
    let blob = format!("../../blobs/{digest}");
    assert_eq!(fs::read_link(path).unwrap(), Path::new(&blob));
    assert_eq!(hub.fetches(FILE), 1);
    let again = record(&pull(&sandbox, &hub).arg(REPO).run().exits(0));
    assert_eq!(again["action"], "present");
    assert_eq!(again["path"], pulled["path"]);
    assert_eq!(hub.fetches(FILE), 1);
}

#[test]
fn notes_are_for_people_and_quiet_silences_them() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let dry = pull(&sandbox, &hub).args([REPO, "-q"]).run().exits(0);
    record(&dry.says_nothing());
    let (sandbox, hub) = (Sandbox::new(), self::hub(Manner::Honest));
    let ran = pull(&sandbox, &hub).arg(REPO).run().exits(0).says(FILE);
    // No bar and no colour where nobody watches.
    let told = ran.stderr();
    assert!(!told.contains('\r') && !told.contains('\u{1b}'), "{ran}");
}

#[test]
fn wrong_bytes_and_half_files_are_nowhere_to_be_seen() {
    for (manner, part) in [(Manner::Wrong, "has SHA-256"), (Manner::Short, "broke off")] {
        let (sandbox, hub) = (Sandbox::new(), hub(manner));
        failed(&sandbox, pull(&sandbox, &hub).arg(REPO).run(), part);
        assert!(hub.fetches(FILE) >= 1);
    }
}

#[test]
fn what_the_hub_lacks_is_a_sentence() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    failed(
        &sandbox,
        pull(&sandbox, &hub).arg("org/none").run(),
        "org/none",
    );
    let other = format!("{REPO}:Q8_0");
    failed(&sandbox, pull(&sandbox, &hub).arg(&other).run(), "Q8_0");
    failed(
        &sandbox,
        pull(&sandbox, &hub).arg("smolm2").run(),
        "'smollm2'",
    );
    let nobody = sandbox.tool("llm-pull").arg(REPO);
    let nobody = nobody.env("HF_ENDPOINT", "http://127.0.0.1:9");
    failed(&sandbox, nobody.run(), "cannot reach");
}

#[test]
fn offline_asks_nobody_and_finds_what_is_here() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let offline = || pull(&sandbox, &hub).env("HF_HUB_OFFLINE", "1").arg(REPO);
    failed(&sandbox, offline().run(), "HF_HUB_OFFLINE");
    assert_eq!(hub.fetches(""), 0);
    pull(&sandbox, &hub).arg(REPO).run().exits(0);
    let asked = hub.fetches("");
    assert_eq!(record(&offline().run().exits(0))["action"], "present");
    assert_eq!(hub.fetches(""), asked);
}

#[test]
fn a_dry_run_says_what_would_come_and_fetches_nothing() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let dry = || {
        pull(&sandbox, &hub)
            .args(["--dry-run", REPO])
            .run()
            .exits(0)
    };
    let plan = record(&dry());
    assert_eq!(plan["action"], "planned");
    assert_eq!(plan["size"], tiny().len());
    assert_eq!(plan["files"][0]["path"], FILE);
    assert_eq!(plan["files"][0]["sha256"], sha256(tiny()));
    assert_eq!(hub.fetches(FILE), 0);
    nothing_is_stored(&sandbox);
    pull(&sandbox, &hub).arg(REPO).run().exits(0);
    assert_eq!(record(&dry())["action"], "present");
}

#[test]
fn what_is_pulled_is_listed_shown_run_and_removed() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let name = record(&pull(&sandbox, &hub).arg(REPO).run().exits(0))["name"].clone();
    let name = name.as_str().unwrap();
    let call = |arguments: &[&str]| sandbox.tool("llm-pull").args(arguments).run();
    let listed = record(&call(&["ls"]).exits(0));
    assert_eq!(listed["repo"], REPO);
    let text = call(&["ls", "-T"]).exits(0).stdout();
    let listed = text.trim_end();
    let shown = record(&call(&["show", listed]).exits(0).says_nothing());
    assert_eq!(shown["architecture"], "llama");
    assert_eq!(shown["tokenizer"], "gpt2/smollm");
    assert_eq!(shown["license"], "mit");
    assert_eq!(shown["chat_template"], false);
    assert_eq!(shown["digest"], sha256(tiny()));
    let facts = call(&["show", "-T", name]).exits(0).stdout();
    assert!(facts.contains("architecture  llama\n"), "{facts}");
    // Found by both names, and then told to be no model that can run.
    for name in [name, listed] {
        let run = sandbox.tool("llm-run").args(["-p", "Hi", "-m", name]).run();
        run.exits(2).says(FILE);
    }
    let removed = record(&call(&["rm", name]).exits(0));
    assert_eq!(removed["action"], "removed");
    assert_eq!(removed["size"], tiny().len());
    nothing_is_stored(&sandbox);
    call(&["rm", name]).exits(2).writes("").says(REPO);
    call(&["show", name]).exits(2).writes("").says(REPO);
}

#[test]
fn an_import_takes_a_file_in_once() {
    let sandbox = Sandbox::new();
    let file = sandbox.file(FILE, tiny());
    let import = || {
        sandbox
            .tool("llm-pull")
            .args(["import", FILE, "--name", "mine"])
    };
    let imported = record(&import().run().exits(0));
    assert_eq!(imported["name"], "mine");
    assert_eq!(imported["action"], "imported");
    assert_eq!(imported["digest"], sha256(tiny()));
    assert_eq!(record(&import().run().exits(0))["action"], "present");
    // The file stays, and the store does not need it.
    fs::remove_file(&file).unwrap();
    let stored = Path::new(imported["path"].as_str().unwrap());
    assert_eq!(fs::read(stored).unwrap(), tiny());
    let listed = records(&sandbox.tool("llm-pull").arg("ls").run().exits(0));
    assert_eq!((listed.len(), &listed[0]["name"]), (1, &"mine".into()));
    // Another file does not take the name.
    sandbox.file(FILE, [tiny(), vec![1]].concat());
    import().run().exits(2).writes("").says("--force");
}

#[test]
fn an_import_of_something_else_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.file("text.gguf", "hello");
    sandbox.file(FILE, tiny());
    let import = |arguments: &[&str]| {
        let tool = sandbox.tool("llm-pull").arg("import");
        tool.args(arguments).run()
    };
    failed(&sandbox, import(&["text.gguf"]), "the four letters GGUF");
    for broken in [&tiny()[..4], &tiny()[..60]] {
        sandbox.file("cut.gguf", broken);
        failed(&sandbox, import(&["cut.gguf"]), "is not a usable GGUF file");
    }
    fs::create_dir(sandbox.path().join("folder")).unwrap();
    sandbox.file("folder/cut.gguf", b"GGUF");
    failed(&sandbox, import(&["folder"]), "is not a usable GGUF file");
    failed(
        &sandbox,
        import(&["text.gguf", "--force"]),
        "is not a GGUF file",
    );
    failed(&sandbox, import(&["none.gguf"]), "none.gguf");
    // A name of the catalogue stands for one file, told by its digest.
    failed(
        &sandbox,
        import(&[FILE, "--name", "smollm2"]),
        "has SHA-256",
    );
}

#[test]
fn a_damaged_file_is_imported_only_by_force() {
    let sandbox = Sandbox::new();
    sandbox.file("cut.gguf", b"GGUF");
    let import = sandbox.tool("llm-pull").args(["import", "cut.gguf"]);
    import.arg("--force").run().exits(0);
}

#[test]
fn a_bare_file_needs_no_home_and_the_store_does() {
    let sandbox = Sandbox::new();
    let file = sandbox.file(FILE, tiny());
    let homeless = |program: &str, arguments: &[&str]| {
        let tool = sandbox.tool(program).args(arguments).env("HOME", "");
        tool.env("HF_HOME", "").env("XDG_CACHE_HOME", "").run()
    };
    let file = file.to_str().unwrap();
    let shown = record(&homeless("llm-pull", &["show", file]).exits(0));
    assert_eq!(shown["digest"], sha256(tiny()));
    let run = homeless("llm-run", &["-p", "Hi", "-m", file]).exits(2);
    run.says("each time").says("lacks");
    for arguments in [&["ls"] as &[_], &["import", file], &["show", "org/repo"]] {
        let ran = homeless("llm-pull", arguments).exits(2).writes("");
        ran.says("no home folder is known");
    }
}

#[test]
fn broken_safetensors_are_named_before_they_are_hashed() {
    let sandbox = Sandbox::new();
    let place = format!("huggingface/hub/models--org--repo/snapshots/{COMMIT}");
    sandbox.file(&format!("{place}/model.safetensors"), "weights");
    sandbox.file("folder/model.safetensors", "weights");
    for (name, says) in [
        ("org/repo", "lacks config.json"),
        ("./folder", "lacks config.json"),
        ("./folder/model.safetensors", "name its folder, './folder'"),
    ] {
        for line in ["llm-run -p Hi -m", "llm-pull show"] {
            let ran = sandbox.pipe(&format!("{line} {name}")).run().exits(2);
            let told = ran.stderr();
            assert!(told.contains(says) && !told.contains("hashing"), "{told}");
        }
    }
    let ran = sandbox.pipe("llm-pull import ./folder").run().exits(2);
    ran.says("'./folder' holds safetensors and no GGUF file");
}

#[test]
fn a_path_is_answered_with_a_path() {
    let sandbox = Sandbox::new();
    for name in [
        "cut.gguf",
        "whole.gguf",
        "folder/m-Q4_0.gguf",
        "folder/m-Q8_0.gguf",
    ] {
        sandbox.file(name, tiny());
    }
    for (folder, file) in [(".", "./cut.gguf"), ("./folder", "./folder/m-Q4_0.gguf")] {
        let ran = sandbox
            .tool("llm-run")
            .args(["-p", "Hi", "-m", folder])
            .run();
        ran.exits(2).says(&format!("name one, such as '{file}'"));
        let show = sandbox.tool("llm-pull").args(["show", file]);
        show.run().exits(0);
    }
    let fetch = sandbox.tool("llm-pull").arg("./cut.gguf").run();
    let told = fetch.exits(2).writes("").stderr();
    assert!(told.contains("llm-pull import ./cut.gguf"), "{told}");
    assert!(!told.contains("llm-pull rm"), "{told}");
}

#[test]
fn what_a_file_says_does_not_steer_a_terminal() {
    let sandbox = Sandbox::new();
    let says = "\u{1b}[2J\u{7}\u{9b}x\ndigest        none";
    let pairs = [("general.architecture", "llama"), ("general.license", says)];
    sandbox.file(FILE, header(0, &pairs));
    let show = || sandbox.tool("llm-pull").args(["show", FILE]);
    let facts = show().arg("-T").run().exits(0).stdout();
    let line = r"licence       \u{1b}[2J\u{7}\u{9b}x\ndigest        none";
    assert!(facts.lines().any(|there| there == line), "{facts}");
    assert_eq!(record(&show().run().exits(0))["license"], says);
}

#[test]
fn an_import_under_a_catalogue_name_is_the_default_revision() {
    let bench = Bench::new();
    let stored = record(&bench.pipe("llm-pull show smollm2").run().exits(0));
    let path = Path::new(stored["path"].as_str().unwrap());
    let repo = path.ancestors().nth(3).unwrap();
    let main = fs::read_to_string(repo.join("refs/main")).unwrap();
    assert_eq!(main, stored["revision"].as_str().unwrap());
}

/// The memory of the second is the worked example's of the cost model.
#[test]
fn what_can_be_fetched_by_name_is_listed() {
    let sandbox = Sandbox::new();
    let ran = sandbox.tool("llm-pull").args(["ls", "--all"]).run();
    let models = records(&ran.exits(0).says_nothing());
    let of = |name: &str| models.iter().find(|model| model["name"] == name).unwrap();
    let gib = |model: &Value, key: &str| model[key].as_f64().unwrap() / f64::from(1 << 30);
    let llama = of("llama-3.1-8b");
    assert!((gib(llama, "memory") - 6.6).abs() < 0.05, "{llama}");
    assert_eq!(
        (&llama["purpose"], &llama["quantization"]),
        (&json!("text"), &json!("Q4_K_M"))
    );
    let minilm = of("minilm");
    assert_eq!(
        (&minilm["purpose"], &minilm["size"]),
        (&json!("vectors"), &json!(90_868_376))
    );
    assert_eq!(of("ms-marco-minilm")["purpose"], "ranking");
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let total = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .unwrap();
    let total: f64 = total.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0;
    for model in &models {
        let fits = model["memory"].as_f64().unwrap() <= total;
        assert_eq!(model["fits"], fits, "{model}");
    }
    let names = sandbox
        .tool("llm-pull")
        .args(["ls", "--all", "-T"])
        .run()
        .exits(0)
        .stdout();
    assert_eq!(names.lines().count(), models.len());
    let shown = sandbox
        .pipe(r#"script -qec "llm-pull ls --all" /dev/null < /dev/null"#)
        .run()
        .exits(0);
    assert!(shown.stdout().contains("runs here"), "{shown}");
}

#[test]
fn words_of_other_programs_are_answered() {
    let sandbox = Sandbox::new();
    sandbox.file(FILE, tiny());
    let call = |arguments: &[&str]| sandbox.tool("llm-pull").args(arguments).run();
    call(&["import", FILE, "--name", "mine"]).exits(0);
    call(&["list", "-T"]).exits(0).writes("mine\n");
    assert_eq!(record(&call(&["info", "mine"]).exits(0))["name"], "mine");
    assert_eq!(
        record(&call(&["delete", "mine"]).exits(0))["action"],
        "removed"
    );
    for (arguments, told) in [
        (&["search", "qwen", "small"] as &[_], "llm-pull ls --all"),
        (&["get", "smollm2"], "llm-pull smollm2"),
        (&["pull", "smollm2"], "llm-pull smollm2"),
        (&["https://example.com/a/b.gguf"], "huggingface.co are read"),
        (&["hf.co/datasets/a/b"], "something else than a model"),
    ] {
        call(arguments).exits(2).writes("").says(told);
    }
}

/// The hub is one of this machine: of an address only the name counts.
#[test]
fn an_address_of_the_hub_is_a_name() {
    let (sandbox, hub) = (Sandbox::new(), hub(Manner::Honest));
    let address = format!("https://huggingface.co/{REPO}/blob/main/{FILE}");
    let pulled = record(&pull(&sandbox, &hub).arg(&address).run().exits(0));
    assert_eq!(
        (&pulled["repo"], &pulled["digest"]),
        (&json!(REPO), &json!(sha256(tiny())))
    );
    let address = format!("hf.co/{REPO}:Q4_0");
    let call =
        |tool: &str, arguments: &[&str]| sandbox.tool(tool).args(arguments).arg(&address).run();
    call("llm-pull", &["show"]).exits(0);
    // It is found, and has too little in it to be run.
    let found = "lacks the number 'llama.block_count'";
    call("llm-run", &["--count", "-p", "a", "-m"])
        .exits(2)
        .says(found);
    let row = call("llm-bench", &["-p", "1", "-n", "0", "-r", "1", "-m"]).exits(1);
    assert!(row.stdout().contains(found), "{row}");
    let floor = [
        "floor",
        "https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct",
    ];
    let floor = sandbox.tool("llm-cost").args(floor).run().exits(0);
    assert!(floor.stdout().contains("llama-3.1-8b"), "{floor}");
    let embed = sandbox
        .tool("llm-embed")
        .args(["-m", "hf.co/org/none"])
        .input("a")
        .run();
    embed.exits(2).says("llm-pull hf.co/org/none fetches it");
}

#[test]
fn usage_that_is_wrong_is_status_2() {
    let sandbox = Sandbox::new();
    for arguments in [
        &[] as &[_],
        &["--unknown"],
        &["-q", "ls"],
        &["show"],
        &["a", "b"],
    ] {
        let ran = sandbox.tool("llm-pull").args(arguments).run();
        ran.exits(2).writes("").says("llm-pull: error: ");
    }
    sandbox
        .tool("llm-pull")
        .arg("--version")
        .run()
        .exits(0)
        .says_nothing();
}

#[test]
fn a_closed_reader_is_no_failure_and_a_full_disk_is() {
    let sandbox = Sandbox::new();
    sandbox.file(FILE, tiny());
    let import = sandbox.tool("llm-pull").args(["import", FILE]);
    import.run().exits(0);
    let line = "for i in $(seq 50); do llm-pull ls || exit; done | head -n 1 | wc -l";
    sandbox
        .pipe(line)
        .run()
        .exits(0)
        .writes("1\n")
        .says_nothing();
    let full = sandbox.tool("llm-pull").arg("ls");
    let full = full.output_to(Path::new("/dev/full")).wait();
    full.exits(1).says("No space left on device");
}

#[test]
fn ctrl_c_amid_a_pull_leaves_nothing_behind() {
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let (sandbox, hub) = (Sandbox::new(), hub(Manner::Silent));
        let running = pull(&sandbox, &hub).args([REPO, "-q"]).start();
        while hub.fetches(FILE) == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        running.signal(signal);
        running.wait().exits(status).writes("").says_nothing();
        nothing_is_stored(&sandbox);
    }
}
