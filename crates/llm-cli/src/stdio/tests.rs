//! Tests of `stdio`, on real files and pipes.

use super::*;

fn created(path: &Path) -> Sink {
    Sink::create(path, &Reads::default(), Replaces::Anything).unwrap()
}

#[test]
fn one_file_under_two_paths_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, "text").unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&input, &link).unwrap();
    let error =
        Sink::create(&link, &Reads::default().file(&input), Replaces::Anything).unwrap_err();
    assert!(matches!(error, StdioError::SameFile { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&input).unwrap(), "text");
}

#[test]
fn an_output_file_is_emptied_only_at_the_first_write_or_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    std::fs::write(&path, "of yesterday").unwrap();
    drop(created(&path));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "of yesterday");
    let mut sink = created(&path);
    sink.write_all(b"new").unwrap();
    sink.write_all(b"er").unwrap();
    sink.finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "newer");
    created(&path).finish().unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
}

#[test]
fn a_closed_reader_is_seen_without_writing() {
    let (reader, writer) = io::pipe().unwrap();
    assert!(!reader_gone(writer.as_fd()));
    drop(reader);
    assert!(reader_gone(writer.as_fd()));
    assert!(!reader_gone(File::open("/dev/null").unwrap().as_fd()));
}

#[test]
fn a_wait_for_input_ends_at_an_interruption() {
    let (reader, _writer) = io::pipe().unwrap();
    let interrupt = Interrupt::default();
    let mut source = Source {
        file: File::from(std::os::fd::OwnedFd::from(reader)),
        name: "a pipe".into(),
        watch: Watch {
            interrupt: interrupt.clone(),
            reader: false,
        },
    };
    let user = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        interrupt.pretend(signal_hook::consts::SIGINT);
    });
    let error = source.read(&mut [0]).unwrap_err();
    user.join().unwrap();
    let error = StdioError::read("a pipe", error);
    assert!(matches!(error, StdioError::Ended(Status::Interrupted)));
}

#[test]
fn a_folder_is_no_input() {
    let error = Source::open(Path::new("/"), Watch::default()).unwrap_err();
    assert!(
        error.to_string().starts_with("cannot read '/': "),
        "{error}"
    );
}

#[test]
fn a_record_that_breaks_off_is_taken_out_of_the_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output");
    let read = || std::fs::read_to_string(&path).unwrap();
    let mut sink = created(&path);
    sink.write_all(b"whole\n").unwrap();
    sink.flush().unwrap();
    // Two short writes, as a disk that fills up leaves them.
    for part in [b"ha", b"lf"] {
        sink.file.write_all(part).unwrap();
        sink.tear(part.len());
    }
    assert_eq!(read(), "whole\nhalf");
    sink.mend();
    assert_eq!(read(), "whole\n");
    sink.write_all(b"next\n").unwrap();
    sink.flush().unwrap();
    assert_eq!(read(), "whole\nnext\n");
    // What another program wrote after the part is not ours to cut.
    sink.file.write_all(b"part").unwrap();
    sink.tear(4);
    let mut other = File::options().append(true).open(&path).unwrap();
    other.write_all(b"other\n").unwrap();
    sink.mend();
    assert_eq!(read(), "whole\nnext\npartother\n");
}
