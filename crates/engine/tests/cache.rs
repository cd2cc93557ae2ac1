//! The cache: what it takes in, what it refuses, and what is damaged or foreign.
#![cfg(target_os = "linux")]

mod support;

use lineaprint_digest::{Algorithms, Digests};
use lineaprint_engine::cache::{Cache, Usage, WINDOW};
use lineaprint_engine::digest::file::hash_all_cached;
use lineaprint_engine::digest::tree::{self, Options};
use lineaprint_engine::{Code, Control};
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use support::paint;

/// Return a clock that makes every file old enough.
fn after_window() -> i128 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i128::try_from(since_epoch.as_nanos()).expect("fits") + 2 * WINDOW
}

fn open(folder: &Path) -> Cache {
    Cache::open(folder).expect("opens").with_clock(after_window)
}

fn hash(path: &Path, folder: &Path, algorithms: Algorithms) -> (Digests, Usage) {
    let cache = open(folder);
    let mut outcomes = hash_all_cached(&[path.to_owned()], algorithms, &cache, &Control::new());
    let file = outcomes.remove(0).expect("hashes");
    (file.digests, cache.save(&Control::new()).expect("saves"))
}

fn usage(hits: u64, misses: u64, stored: u64) -> Usage {
    Usage { hits, misses, stored }
}

#[test]
fn only_changed_files_are_read_again() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"one").expect("written");
    let (first, used) = hash(&path, &folder, Algorithms::BLAKE3);
    assert_eq!(used, usage(0, 1, 1));
    assert_eq!(hash(&path, &folder, Algorithms::BLAKE3), (first, usage(1, 0, 0)));
    // The other algorithm is another entry.
    assert_eq!(hash(&path, &folder, Algorithms::BOTH).1, usage(0, 1, 1));
    assert_eq!(hash(&path, &folder, Algorithms::BOTH).1, usage(1, 0, 0));
    fs::write(&path, b"two").expect("written");
    let (changed, used) = hash(&path, &folder, Algorithms::BLAKE3);
    assert_eq!(used, usage(0, 1, 1));
    assert_eq!(changed, Digests::of(b"two", Algorithms::BLAKE3));
}

#[test]
fn new_file_is_not_stored() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"new").expect("written");
    let cache = Cache::open(&folder).expect("opens");
    assert!(hash_all_cached(&[path], Algorithms::BLAKE3, &cache, &Control::new())[0].is_ok());
    assert_eq!(cache.save(&Control::new()).expect("saves"), usage(0, 1, 0));
}

#[test]
fn file_open_for_writing_is_not_stored() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"x").expect("written");
    let writer = OpenOptions::new().write(true).open(&path).expect("opens");
    assert_eq!(hash(&path, &folder, Algorithms::BLAKE3).1, usage(0, 1, 0));
    drop(writer);
    assert_eq!(hash(&path, &folder, Algorithms::BLAKE3).1, usage(0, 1, 1));
}

#[test]
fn cached_tree_digest_equals_uncached() {
    let root = tempfile::tempdir().expect("a folder");
    let (data, folder) = (root.path().join("data"), root.path().join("cache"));
    for index in 0..300_usize {
        let path = data.join(format!("{}/{index}", index % 7));
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, paint(index * 613)).expect("written");
    }
    let uncached = tree::hash(&data, &Options::default(), &Control::new()).expect("hashes");
    let cached = || {
        let cache = Arc::new(open(&folder));
        let options = Options {
            cache: Some(Arc::clone(&cache)),
            ..Options::default()
        };
        let control = Control::new();
        let tree = tree::hash(&data, &options, &control).expect("hashes");
        (
            tree,
            cache.save(&Control::new()).expect("saves"),
            control.progress(),
        )
    };
    let (first, used, progress) = cached();
    assert_eq!((first, used), (uncached.clone(), usage(0, 300, 300)));
    let (second, used, again) = cached();
    assert_eq!(
        (second, used, again),
        (uncached.clone(), usage(300, 0, 0), progress)
    );
    fs::write(data.join("3/3"), b"changed").expect("written");
    let (third, used, _) = cached();
    assert_eq!(used, usage(299, 1, 1));
    assert_ne!(third.digests, uncached.digests);
    assert_eq!(
        third,
        tree::hash(&data, &Options::default(), &Control::new()).expect("hashes")
    );
}

#[test]
fn damaged_tables_count_as_absent() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"x").expect("written");
    let (digests, _) = hash(&path, &folder, Algorithms::BLAKE3);
    let table = folder.join("files-v3");
    let whole = fs::read(&table).expect("reads");
    let content = whole.iter().enumerate().filter(|(_, byte)| **byte != 0);
    for (at, _) in content {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&table, &damaged).expect("written");
        assert_eq!(
            hash(&path, &folder, Algorithms::BLAKE3),
            (digests, usage(0, 1, 1)),
            "byte {at}"
        );
    }
    for length in [0, 1, 4096, whole.len() - 5] {
        fs::write(&table, &whole[..length]).expect("written");
        hash(&path, &folder, Algorithms::BLAKE3);
        assert_eq!(
            hash(&path, &folder, Algorithms::BLAKE3),
            (digests, usage(1, 0, 0)),
            "cut to {length} bytes it is mended"
        );
    }
    fs::remove_file(&table).expect("removed");
    assert_eq!(hash(&path, &folder, Algorithms::BLAKE3).1, usage(0, 1, 1));
}

#[test]
fn writable_by_others_is_refused() {
    let root = tempfile::tempdir().expect("a folder");
    fs::set_permissions(root.path(), Permissions::from_mode(0o777)).expect("set");
    let error = Cache::open(root.path()).expect_err("refused");
    assert_eq!(error.code, Code::Unreadable);
    assert_eq!(error.path.as_deref(), Some(root.path()));
    fs::set_permissions(root.path(), Permissions::from_mode(0o755)).expect("set");
    drop(open(root.path()));
}

/// Create at `name` an entry that another user can make there. It leads to `elsewhere` if it is a link.
fn plant(what: &str, name: &Path, elsewhere: &Path) {
    fs::write(elsewhere, b"of worth").expect("written");
    match what {
        "link" => std::os::unix::fs::symlink(elsewhere, name).expect("linked"),
        "dangling link" => {
            std::os::unix::fs::symlink(elsewhere.with_extension("none"), name).expect("linked");
        }
        "second name" => fs::hard_link(elsewhere, name).expect("linked"),
        "fifo" => rustix::fs::mkfifoat(rustix::fs::CWD, name, rustix::fs::Mode::from(0o600)).expect("made"),
        "socket" => drop(std::os::unix::net::UnixListener::bind(name).expect("bound")),
        "writable by all" => {
            fs::write(name, b"x").expect("written");
            fs::set_permissions(name, Permissions::from_mode(0o666)).expect("set");
        }
        _ => unreachable!("{what}"),
    }
}

#[test]
fn foreign_file_is_thrown_away_and_never_written_through() {
    for what in [
        "link",
        "dangling link",
        "second name",
        "fifo",
        "socket",
        "writable by all",
    ] {
        for name in ["files-v3", "lock"] {
            let root = tempfile::tempdir().expect("a folder");
            let (path, folder) = (root.path().join("file"), root.path().join("cache"));
            let elsewhere = root.path().join("elsewhere");
            fs::write(&path, b"x").expect("written");
            fs::create_dir(&folder).expect("made");
            fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("set");
            plant(what, &folder.join(name), &elsewhere);
            assert_eq!(
                hash(&path, &folder, Algorithms::BLAKE3).1,
                usage(0, 1, 1),
                "{what} at {name}"
            );
            assert_eq!(
                hash(&path, &folder, Algorithms::BLAKE3).1,
                usage(1, 0, 0),
                "{what} at {name}"
            );
            assert_eq!(
                fs::read(&elsewhere).expect("reads"),
                b"of worth",
                "{what} at {name}"
            );
            let made = folder.join(name).symlink_metadata().expect("there");
            assert!(made.is_file(), "{what} at {name}");
            assert_eq!(made.permissions().mode() & 0o777, 0o600, "{what} at {name}");
        }
    }
}

#[test]
fn folder_at_the_name_of_a_file_is_reported() {
    for name in ["files-v3", "lock"] {
        let root = tempfile::tempdir().expect("a folder");
        let (path, folder) = (root.path().join("file"), root.path().join("cache"));
        fs::write(&path, b"x").expect("written");
        fs::create_dir_all(folder.join(name).join("below")).expect("made");
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("set");
        let failure = match Cache::open(&folder).map(|cache| cache.with_clock(after_window)) {
            Err(error) => error,
            Ok(cache) => {
                assert!(hash_all_cached(&[path], Algorithms::BLAKE3, &cache, &Control::new())[0].is_ok());
                cache.save(&Control::new()).expect_err("cannot be locked")
            }
        };
        assert_eq!(failure.code, Code::Unreadable);
        assert_eq!(failure.path.as_deref(), Some(folder.join(name).as_path()));
        assert!(folder.join(name).join("below").is_dir());
    }
}

#[test]
fn link_of_own_user_to_the_folder_is_followed() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder, link) = (
        root.path().join("file"),
        root.path().join("cache"),
        root.path().join("link"),
    );
    fs::write(&path, b"x").expect("written");
    fs::create_dir(&folder).expect("made");
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("set");
    std::os::unix::fs::symlink(&folder, &link).expect("linked");
    assert_eq!(hash(&path, &link, Algorithms::BLAKE3).1, usage(0, 1, 1));
    assert_eq!(hash(&path, &link, Algorithms::BLAKE3).1, usage(1, 0, 0));
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // Only root can give a link to another user.
    std::os::unix::fs::lchown(&link, Some(4711), None).expect("given");
    assert_eq!(
        Cache::open(&link).expect_err("refused").path.as_deref(),
        Some(link.as_path())
    );
}

#[test]
fn unwritable_cache_is_reported() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"x").expect("written");
    let cache = open(&folder);
    fs::remove_dir(&folder).expect("removed");
    let outcomes = hash_all_cached(&[path], Algorithms::BLAKE3, &cache, &Control::new());
    assert_eq!(
        outcomes[0].as_ref().expect("hashes").digests,
        Digests::of(b"x", Algorithms::BLAKE3)
    );
    let error = cache.save(&Control::new()).expect_err("there is no folder");
    assert_eq!(error.path.as_deref(), Some(folder.join("lock").as_path()));
    assert_eq!(cache.usage(), usage(0, 1, 0));
}

#[test]
fn concurrent_writers_lose_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("cache");
    let paths: Vec<PathBuf> = (0..64)
        .map(|index| root.path().join(format!("f{index}")))
        .collect();
    for (index, path) in paths.iter().enumerate() {
        fs::write(path, paint(index * 100)).expect("written");
    }
    std::thread::scope(|scope| {
        for part in paths.chunks(8) {
            let folder = &folder;
            scope.spawn(move || {
                for path in part {
                    hash(path, folder, Algorithms::BLAKE3);
                }
            });
        }
    });
    let cache = open(&folder);
    hash_all_cached(&paths, Algorithms::BLAKE3, &cache, &Control::new());
    assert_eq!(cache.save(&Control::new()).expect("saves"), usage(64, 0, 0));
}

#[test]
fn waiting_writer_is_cancellable() {
    let root = tempfile::tempdir().expect("a folder");
    let (path, folder) = (root.path().join("file"), root.path().join("cache"));
    fs::write(&path, b"x").expect("written");
    let cache = open(&folder);
    let (first, second) = (Control::new(), Control::new());
    assert!(hash_all_cached(&[path], Algorithms::BLAKE3, &cache, &first)[0].is_ok());
    let lock = fs::File::create(folder.join("lock")).expect("made");
    lock.lock().expect("locked");
    second.cancel();
    assert_eq!(cache.save(&second).expect_err("locked").code, Code::Cancelled);
}
