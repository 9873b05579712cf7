//! Records of texts that their files no longer have are dropped from an output; every other line of it
//! stays as it is, to the byte.

use std::collections::HashSet;
use std::path::Path;

use crate::Journal;
use crate::exclusive::DurableError;
use crate::pieces::{IsGone, Stale};
use crate::rewrite::drop_lines;

/// Drops from the output at `path` what its journal says of a run that has met all texts it could, and
/// returns what that was; without any the file is not written.
///
/// # Errors
/// [`DurableError`]: another run writes the file by now, or the disk is full; it is as it was then.
pub fn prune(path: &Path, journal: &Journal, is_gone: IsGone<'_>) -> Result<Stale, DurableError> {
    let mut files = HashSet::new();
    let records = drop_lines(path, &mut |closed| {
        let goes = journal.is_stale(closed, is_gone);
        if let (true, Some(path)) = (goes, &closed.path) {
            files.insert(path.clone());
        }
        goes
    })?;
    Ok(Stale {
        records,
        files: files.len() as u64,
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::durable::{self, Existing, Opened};
    use crate::{RequestName, Rules, Verdict};

    fn record(path: &str, offset: u64, digest: &str) -> String {
        format!(
            r#"{{"type":"embedding","schema_version":1,"line":1,"request_digest":"{digest}","input":{{"path":"{path}","offset":{offset}}}}}"#
        )
    }

    fn name<'a>(path: &'a str, offset: u64, digest: &'a str) -> RequestName<'a> {
        RequestName {
            path: Some(path),
            offset: Some(offset),
            ..RequestName::plain(None, digest)
        }
    }

    /// Opens an output with these lines, and lets a run meet these texts of the file `a`.
    fn met(path: &Path, lines: &[String], texts: &[(u64, &str)]) -> Journal {
        std::fs::write(path, lines.concat()).unwrap();
        let rules = Rules {
            tells_files: true,
            ..Rules::default()
        };
        let opened = durable::open(path, rules, Existing::Continue, &|_| Ok(())).unwrap();
        let Opened::Continued(_, found) = opened else {
            panic!("{opened:?}");
        };
        let mut journal = found.journal;
        for (offset, digest) in texts {
            journal.next(name("a", *offset, digest));
        }
        journal
    }

    #[test]
    fn what_a_file_no_longer_has_is_dropped_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.jsonl");
        let kept = [
            record("a", 0, "first"),
            record("b", 0, "of a file that was not read"),
            r#"{"type":"embedding","schema_version":1,"line":7,"id":"x","request_digest":"i","input":{"path":"a"}}"#.to_owned(),
            r#"{"type":"embedding","schema_version":1,"line":8,"request_digest":"l"}"#.to_owned(),
        ];
        let stale = [
            record("a", 9, "old"),
            record("gone", 0, "g"),
            record("a", 3, "moved"),
        ];
        let all = [
            &kept[0], &stale[0], &kept[1], &kept[2], &stale[1], &kept[3], &stale[2],
        ];
        let lines: Vec<String> = all.iter().map(|line| format!("{line}\n")).collect();
        let journal = met(&path, &lines, &[(0, "first"), (5, "moved")]);
        let is_gone = |path: &str| path == "gone";
        let wanted = Stale {
            records: 3,
            files: 2,
        };
        assert_eq!(journal.stale(&is_gone), wanted);
        assert_eq!(prune(&path, &journal, &is_gone).unwrap(), wanted);
        let left = std::fs::read_to_string(&path).unwrap();
        assert_eq!(left, kept.map(|line| line + "\n").concat());
        assert_eq!(prune(&path, &journal, &is_gone).unwrap(), Stale::default());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_read_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.jsonl");
        let lines = [record("a", 0, "first") + "\n"];
        let mut journal = met(&path, &lines, &[]);
        assert_eq!(journal.stale(&|_| false), Stale::default());
        assert_eq!(journal.next(name("a", 0, "error")), Verdict::Run(1));
        journal.miss("a");
        assert_eq!(
            prune(&path, &journal, &|_| false).unwrap(),
            Stale::default()
        );
        assert_eq!(journal.stale(&|_| true).records, 1);
        // Another run writes it.
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        let busy = prune(&path, &journal, &|_| true).unwrap_err();
        assert!(matches!(busy, DurableError::Busy { .. }), "{busy}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines[0]);
    }

    #[test]
    fn of_equal_texts_as_many_stay_as_were_met() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.jsonl");
        let second = record("a", 0, "x").replacen("}}", r#"},"occurrence":2}"#, 1);
        let lines = [record("a", 0, "x") + "\n", second + "\n"];
        assert!(llm_record::closed(&lines[1]).is_some_and(|it| it.occurrence == 2));
        let journal = met(&path, &lines, &[(0, "x")]);
        assert_eq!(prune(&path, &journal, &|_| false).unwrap().records, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), lines[0]);
    }
}
