//! Folders: the rules of the `tree` digest, and the fast walk against plain recursion.
#![cfg(unix)]

mod support;

use lineaprint_digest::sample::{Amount, Plan, Strategy};
use lineaprint_digest::{Algorithm, Algorithms, Digests};
use lineaprint_engine::digest::sample::tree::sample;
use lineaprint_engine::digest::tree::{Content, Links, Options, Tree, WarningKind, hash};
use lineaprint_engine::schedule::pool;
use lineaprint_engine::{Code, Control, Error};
use proptest::prelude::*;
use rustix::fs::{FileType, Mode, OFlags};
use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use support::{paint, slow_tree};
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, content).expect("written");
    }
    root
}

fn tree(root: &Path) -> Tree {
    hash(root, &Options::default(), &Control::new()).expect("hashes")
}

fn fails(root: &Path, options: &Options) -> Error {
    hash(root, options, &Control::new()).expect_err("must fail")
}

fn with(links: Links) -> Options {
    Options {
        links,
        ..Options::default()
    }
}

#[test]
fn names_and_contents_do_not_mix() {
    // The tracker this replaces gave `a` = "bHELLO" and `ab` = "HELLO" one digest, and one file and two.
    let digests = [
        tree(folder(&[("a", b"bHELLO")]).path()).digests,
        tree(folder(&[("ab", b"HELLO")]).path()).digests,
        tree(folder(&[("a", b"b"), ("HELLO", b"")]).path()).digests,
        tree(folder(&[("a/b", b"HELLO")]).path()).digests,
    ];
    for (index, one) in digests.iter().enumerate() {
        assert!(digests[index + 1..].iter().all(|other| other != one));
    }
}

#[test]
fn location_and_permissions_do_not_count() {
    use std::os::unix::fs::PermissionsExt as _;
    let first = folder(&[("a", b"x"), ("b/c", b"y")]);
    let other = folder(&[("b/c", b"y"), ("a", b"x")]);
    fs::set_permissions(other.path().join("a"), fs::Permissions::from_mode(0o700)).expect("set");
    fs::create_dir_all(other.path().join("empty/deeper")).expect("made");
    assert_eq!(tree(first.path()), tree(other.path()));
    assert_eq!(tree(first.path()).listing.folders, 2);
}

#[test]
fn empty_root_has_a_digest() {
    let empty = tree(folder(&[]).path());
    let expected = lineaprint_digest::description::tree(Algorithm::Blake3, &mut []);
    assert_eq!(empty.digests.blake3, Some(expected));
    assert_eq!((empty.listing.files, empty.listing.folders), (0, 0));
}

#[test]
fn git_and_stores_are_skipped_at_any_depth() {
    let without_stores = folder(&[("a", b"x"), ("sub/b", b"y")]);
    let with_stores = folder(&[
        ("a", b"x"),
        ("sub/b", b"y"),
        (".git/HEAD", b"z"),
        ("sub/.git", b"a file of that name"),
        (".lineaprint/runs/1", b"z"),
        (".gitignore", b"a"),
    ]);
    let ordinary = folder(&[("a", b"x"), ("sub/b", b"y"), (".gitignore", b"a")]);
    assert_eq!(tree(with_stores.path()).digests, tree(ordinary.path()).digests);
    assert_ne!(
        tree(with_stores.path()).digests,
        tree(without_stores.path()).digests
    );
    let all = Options {
        include_skipped: true,
        ..Options::default()
    };
    assert_eq!(
        hash(with_stores.path(), &all, &Control::new())
            .expect("hashes")
            .listing
            .files,
        6
    );
}

#[test]
fn the_state_of_a_download_is_skipped_and_listed() {
    let clean = folder(&[("a", b"x"), ("sub/b", b"y"), ("huggingface/c", b"z")]);
    let downloaded = folder(&[
        ("a", b"x"),
        ("sub/b", b"y"),
        ("huggingface/c", b"z"),
        (".cache/huggingface/download/a.metadata", b"1"),
        ("sub/.cache/huggingface", b"a file of that name"),
        ("sub/.git/HEAD", b"z"),
    ]);
    let skipping = tree(downloaded.path());
    assert_eq!(skipping.digests, tree(clean.path()).digests);
    let paths: [&[u8]; 3] = [b".cache/huggingface", b"sub/.cache/huggingface", b"sub/.git"];
    assert_eq!(skipping.listing.skipped, paths);
    let options = Options {
        include_skipped: true,
        ..Options::default()
    };
    let all = hash(downloaded.path(), &options, &Control::new()).expect("hashes");
    assert_eq!((all.listing.files, all.listing.skipped.len()), (6, 0));
    // A root has no name, so the same entry is content there.
    let cache = tree(&downloaded.path().join(".cache"));
    assert_eq!(cache.listing.files, 1);
}

#[test]
fn ignore_patterns_exclude_entries() {
    let root = folder(&[
        ("a.txt", b"x"),
        ("b.log", b"y"),
        ("logs/c", b"z"),
        ("keep.log", b"k"),
    ]);
    let ignore = ["*.log", "!keep.log", "logs/"].map(str::to_owned).to_vec();
    let options = Options {
        ignore,
        ..Options::default()
    };
    let kept = folder(&[("a.txt", b"x"), ("keep.log", b"k")]);
    assert_eq!(
        hash(root.path(), &options, &Control::new())
            .expect("hashes")
            .digests,
        tree(kept.path()).digests
    );
    let bad = Options {
        ignore: vec!["{a".to_owned()],
        ..Options::default()
    };
    assert_eq!(fails(root.path(), &bad).code, Code::Format);
}

/// Hash a folder with its ignore files, and again with the patterns that they gave.
fn with_ignore_files(root: &Path, ignore: &[&str]) -> Tree {
    let own: Vec<String> = ignore.iter().map(|pattern| (*pattern).to_owned()).collect();
    let options = |ignore, ignore_files| Options {
        ignore,
        ignore_files,
        list: true,
        ..Options::default()
    };
    let read = hash(root, &options(own.clone(), true), &Control::new()).expect("hashes");
    let given = [read.listing.ignore_files.clone(), own].concat();
    let again = hash(root, &options(given, false), &Control::new()).expect("hashes");
    let mut expected = again;
    expected
        .listing
        .ignore_files
        .clone_from(&read.listing.ignore_files);
    assert_eq!(read, expected, "the patterns alone leave out the same");
    read
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.listing
        .entries
        .iter()
        .map(|entry| std::str::from_utf8(&entry.path).expect("UTF-8"))
        .collect()
}

#[test]
fn ignore_files_exclude_entries_of_their_folders() {
    let root = folder(&[
        (
            ".lineaprintignore",
            b"\xef\xbb\xbf# a comment\r\n*.log\r\n/top\nall/\n",
        ),
        ("a.log", b"1"),
        ("top", b"2"),
        ("sub/.lineaprintignore", b"!keep.log\n/top\ndeep/x\n"),
        ("sub/keep.log", b"3"),
        ("sub/b.log", b"4"),
        ("sub/top", b"5"),
        ("sub/deep/top", b"6"),
        ("sub/deep/x", b"7"),
        ("sub/deep/deep/x", b"8"),
        ("all/file", b"9"),
        ("all/.lineaprintignore", b"!file"),
        ("own [1]/.lineaprintignore", b"*\n"),
        ("own [1]/x", b"10"),
        ("own 1/x", b"11"),
        (".gitignore", b"*"),
    ]);
    let tree = with_ignore_files(root.path(), &[]);
    assert_eq!(
        paths(&tree),
        [
            ".gitignore",
            ".lineaprintignore",
            "own 1/x",
            "sub/.lineaprintignore",
            "sub/deep/deep/x",
            "sub/deep/top",
            "sub/keep.log"
        ]
    );
    assert_eq!(
        tree.listing.ignore_files,
        [
            "*.log",
            "/top",
            "all/",
            "/own \\[1\\]/**/*",
            "!/sub/**/keep.log",
            "/sub/top",
            "/sub/deep/x"
        ]
    );
    assert_eq!(tree.listing.ignored, 8);
    // Those of the caller decide.
    let tree = with_ignore_files(root.path(), &["!a.log", "/sub"]);
    assert_eq!(
        paths(&tree),
        [".gitignore", ".lineaprintignore", "a.log", "own 1/x"]
    );
    // They are ordinary files, and mean nothing unless asked for.
    assert_eq!(self::tree(root.path()).listing.files, 16);
    assert_eq!(self::tree(root.path()).listing.ignored, 0);
}

#[test]
fn malformed_ignore_file_is_an_error() {
    let options = Options {
        ignore_files: true,
        ..Options::default()
    };
    let long = vec![b'a'; (1 << 20) + 1];
    for content in [&b"\xff"[..], b"{a", &long] {
        let root = folder(&[("x/.lineaprintignore", content), ("y", b"1")]);
        let error = fails(root.path(), &options);
        assert_eq!(error.code, Code::Format);
        assert_eq!(error.path, Some(root.path().join("x/.lineaprintignore")));
    }
    // A link gives patterns where it is followed; a folder of that name gives none.
    let root = folder(&[("list", b"y\n"), ("y", b"1"), ("f/.lineaprintignore/x", b"2")]);
    symlink("list", root.path().join(".lineaprintignore")).expect("linked");
    assert_eq!(paths(&with_ignore_files(root.path(), &[])).len(), 3);
    let recorded = Options {
        links: Links::Record,
        ..options
    };
    let tree = hash(root.path(), &recorded, &Control::new()).expect("hashes");
    assert_eq!(
        (tree.listing.files, tree.listing.links, tree.listing.ignored),
        (3, 1, 0)
    );
}

#[test]
fn followed_links_equal_their_targets() {
    // The shape of a Hugging Face cache: a snapshot of links into blobs.
    let root = folder(&[("blobs/1", b"weights"), ("blobs/2", b"config")]);
    let snapshot = root.path().join("snapshot");
    fs::create_dir_all(snapshot.join("sub")).expect("made");
    symlink("../blobs/1", snapshot.join("model")).expect("linked");
    symlink("../../blobs/2", snapshot.join("sub/config")).expect("linked");
    let real = folder(&[("model", b"weights"), ("sub/config", b"config")]);
    let linked = tree(&snapshot);
    assert_eq!(linked.digests, tree(real.path()).digests);
    assert_eq!(linked.listing.warnings.len(), 2);
    assert!(
        linked
            .listing
            .warnings
            .iter()
            .all(|warning| warning.kind == WarningKind::LinkLeavesRoot)
    );
    symlink(&snapshot, root.path().join("root-link")).expect("linked");
    assert_eq!(tree(&root.path().join("root-link")).digests, linked.digests);
}

#[test]
fn recorded_links_count_by_target() {
    let root = folder(&[("a", b"x")]);
    symlink("a", root.path().join("link")).expect("linked");
    let record = hash(root.path(), &with(Links::Record), &Control::new()).expect("hashes");
    assert_eq!((record.listing.files, record.listing.links), (1, 1));
    fs::remove_file(root.path().join("link")).expect("removed");
    symlink("b", root.path().join("link")).expect("linked");
    let other =
        hash(root.path(), &with(Links::Record), &Control::new()).expect("a dangling link can be recorded");
    assert_ne!(record.digests, other.digests);
    assert_eq!(fails(root.path(), &with(Links::Refuse)).code, Code::Link);
}

#[test]
fn dangling_and_circular_links_are_errors() {
    let root = folder(&[("a/b", b"x")]);
    symlink("nowhere", root.path().join("a/dangling")).expect("linked");
    let error = fails(root.path(), &with(Links::Follow));
    assert_eq!(error.code, Code::Link);
    assert_eq!(
        error.path.as_deref(),
        Some(root.path().join("a/dangling").as_path())
    );
    fs::remove_file(root.path().join("a/dangling")).expect("removed");
    symlink("..", root.path().join("a/up")).expect("linked");
    assert_eq!(fails(root.path(), &with(Links::Follow)).code, Code::Link);
    fs::remove_file(root.path().join("a/up")).expect("removed");
    symlink("self", root.path().join("self")).expect("linked");
    assert!(matches!(
        fails(root.path(), &with(Links::Follow)).code,
        Code::Link | Code::Unreadable
    ));
}

#[test]
fn two_links_to_one_folder_are_no_cycle() {
    let root = folder(&[("a/x", b"1")]);
    symlink("a", root.path().join("b")).expect("linked");
    let copied = folder(&[("a/x", b"1"), ("b/x", b"1")]);
    assert_eq!(tree(root.path()).digests, tree(copied.path()).digests);
}

#[test]
fn special_files_are_errors() {
    let root = folder(&[("a", b"x")]);
    let fifo = root.path().join("fifo");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("runs")
            .success()
    );
    let error = fails(root.path(), &Options::default());
    assert_eq!(error.code, Code::NotRegular);
    assert_eq!(error.path.as_deref(), Some(fifo.as_path()));
}

#[test]
fn unusual_names_are_reported() {
    let root = folder(&[("readme", b"1"), ("README", b"2")]);
    fs::write(root.path().join(OsStr::from_bytes(b"caf\xe9")), b"3").expect("written");
    fs::write(root.path().join("cafe\u{301}"), b"4").expect("written");
    fs::write(root.path().join("caf\u{e9}"), b"5").expect("written");
    fs::write(root.path().join("a\nb"), b"6").expect("written");
    let options = Options {
        list: true,
        ..Options::default()
    };
    let hashed = hash(root.path(), &options, &Control::new()).expect("hashes");
    let count = |kind| {
        hashed
            .listing
            .warnings
            .iter()
            .filter(|warning| warning.kind == kind)
            .count()
    };
    assert_eq!(count(WarningKind::NameNotUnicode), 1);
    assert_eq!(count(WarningKind::NamesCollide), 4);
    assert_eq!(hashed.listing.entries.len(), 6);
    assert!(hashed.listing.entries.is_sorted_by(|a, b| a.path < b.path));
    assert!(
        hashed
            .listing
            .entries
            .iter()
            .any(|entry| entry.path == b"caf\xe9")
    );
    assert_eq!(hashed.digests.blake3, slow_tree(root.path(), Algorithm::Blake3));
}

#[test]
fn listed_entry_has_the_digest_of_its_file() {
    let root = folder(&[("sub/deep/file", b"content")]);
    let options = Options {
        list: true,
        algorithms: Algorithms::BOTH,
        ..Options::default()
    };
    let hashed = hash(root.path(), &options, &Control::new()).expect("hashes");
    assert_eq!(hashed.listing.entries[0].path, b"sub/deep/file");
    let Content::File(file) = &hashed.listing.entries[0].content else {
        panic!("a file")
    };
    assert_eq!(file.digests, Digests::of(b"content", Algorithms::BOTH));
}

/// A chain of folders that is deeper than any path is long.
struct DeepTree {
    root: TempDir,
    depth: usize,
}

impl DeepTree {
    /// Make the chain, and call `fill` with the deepest folder.
    fn new(depth: usize, fill: impl FnOnce(&OwnedFd)) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let open = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut folder = rustix::fs::open(root.path(), open, Mode::empty()).expect("opened");
        for _ in 0..depth {
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).expect("made");
            folder = rustix::fs::openat(&folder, "d", open, Mode::empty()).expect("opened");
        }
        fill(&folder);
        Self { root, depth }
    }
}

impl Drop for DeepTree {
    /// Remove the chain from its root, since no path reaches its end.
    fn drop(&mut self) {
        let (first, second) = (self.root.path().join("d"), self.root.path().join("e"));
        for _ in 1..self.depth {
            fs::rename(first.join("d"), &second).expect("moved");
            fs::remove_dir(&first).expect("removed");
            fs::rename(&second, &first).expect("moved");
        }
    }
}

#[test]
fn deep_trees_need_no_stack() {
    let tree = DeepTree::new(12_000, |folder| {
        let file = rustix::fs::openat(folder, "x", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR);
        fs::File::from(file.expect("created"))
            .write_all(b"deep")
            .expect("written");
    });
    let hashed = pool::create(2)
        .expect("a pool")
        .install(|| hash(tree.root.path(), &Options::default(), &Control::new()))
        .expect("hashes");
    assert_eq!((hashed.listing.files, hashed.listing.folders), (1, 12_001));
    let plan = Plan::new(Strategy::Strided, Amount::Count(2), 0).expect("a plan");
    let sampled = sample(tree.root.path(), &plan, &Options::default(), &Control::new());
    assert_eq!(sampled.expect("samples").0, hashed, "one file is all files");
}

#[test]
fn error_in_a_deep_tree_needs_no_stack() {
    let tree = DeepTree::new(12_000, |folder| {
        rustix::fs::mknodat(folder, "fifo", FileType::Fifo, Mode::RUSR, 0).expect("made");
    });
    let error = fails(tree.root.path(), &Options::default());
    assert_eq!(error.code, Code::NotRegular);
}

#[test]
fn root_must_be_a_folder() {
    let root = folder(&[("a", b"x")]);
    assert_eq!(
        fails(&root.path().join("a"), &Options::default()).code,
        Code::NotRegular
    );
    assert_eq!(
        fails(&root.path().join("none"), &Options::default()).code,
        Code::NotFound
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// Hash any tree on any number of threads: the digest of the recursive reference.
    #[test]
    fn trees_equal_the_reference(
        files in proptest::collection::btree_map("[a-c]{1,2}(/[a-cä-]{1,3}){0,3}", 0_usize..6000, 0..24),
        threads in 1_usize..5,
    ) {
        let root = tempfile::tempdir().expect("a folder");
        for (path, length) in &files {
            let path = root.path().join(path);
            // A generated name may be both a file and a folder; the first one stays.
            if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) && !path.exists() {
                fs::write(&path, paint(*length)).ok();
            }
        }
        let options = Options { algorithms: Algorithms::BOTH, ..Options::default() };
        let hashed = pool::create(threads)
            .expect("a pool")
            .install(|| hash(root.path(), &options, &Control::new()))
            .expect("hashes");
        for algorithm in [Algorithm::Blake3, Algorithm::Sha256] {
            let expected = slow_tree(root.path(), algorithm)
                .unwrap_or_else(|| lineaprint_digest::description::tree(algorithm, &mut []));
            prop_assert_eq!(hashed.digests.get(algorithm), Some(expected));
        }
    }

    #[test]
    fn ignore_files_equal_their_patterns(
        files in prop::collection::btree_set("(a|b|c|dd|x.y)(/(a|b|c|dd|x.y)){0,3}", 0..30),
        lists in prop::collection::vec((
            "(|a/|b/|c/|a/b/|a/b/c/|dd/dd/)",
            prop::collection::vec("!?/?(a|b|c|dd|\\*|\\*\\*|\\*\\.y|\\?|[ab]|\\.lineaprintignore)(/(a|b|\\*))?/? ?", 0..4),
        ), 0..5),
    ) {
        let root = tempfile::tempdir().expect("a folder");
        let lists = lists.iter().map(|(at, lines)| (format!("{at}.lineaprintignore"), lines.join("\n")));
        for (path, content) in lists.chain(files.iter().map(|path| (path.clone(), path.clone()))) {
            let path = root.path().join(path);
            if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) && !path.exists() {
                fs::write(&path, content).ok();
            }
        }
        with_ignore_files(root.path(), &[]);
        with_ignore_files(root.path(), &["!a", "/b/c"]);
    }
}
