//! Detection of rotational disks.
//!
//! Several readers make the head of such a disk jump: parallel reading is many times slower than one reader. Linux
//! reports the kind of a disk in `/sys`. Disks of other systems count as not rotational. So do disks of virtual
//! machines, which report 1 without knowing.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Results by device number: each device is read once.
static KNOWN: Mutex<Option<HashMap<u64, bool>>> = Mutex::new(None);

/// Return whether the device with this number (of a file's stamp) is a rotational disk.
pub fn is_rotational(number: u64) -> bool {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known
        .get_or_insert_default()
        .entry(number)
        .or_insert_with(|| is_rotational_below(Path::new("/sys"), number))
}

/// Return the same with another root than `/sys`, for tests.
pub fn is_rotational_below(sys: &Path, number: u64) -> bool {
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let Ok(device) = sys.join(format!("dev/block/{major}:{minor}")).canonicalize() else {
        // tmpfs, network file systems and the like have no block device.
        return false;
    };
    // A partition is a folder inside its disk, which has the queue.
    let disk = if device.join("partition").exists() {
        device.parent().map_or_else(|| device.clone(), PathBuf::from)
    } else {
        device
    };
    let name = disk
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // SCSI, SATA and USB disks report the truth; virtual ones (vd, xvd) and stacked ones (dm, md) do not know.
    let reports_rotation = name.starts_with("sd") || name.starts_with("hd");
    reports_rotation && fs::read_to_string(disk.join("queue/rotational")).is_ok_and(|text| text.trim() == "1")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn machine() -> tempfile::TempDir {
        let sys = tempfile::tempdir().expect("a folder");
        let disk = |name: &str, rotational: &str| {
            let folder = sys.path().join("devices").join(name);
            fs::create_dir_all(folder.join("queue")).expect("made");
            fs::write(folder.join("queue/rotational"), rotational).expect("written");
            folder
        };
        let rotating = disk("sda", "1\n");
        let solid = disk("sdb", "0\n");
        let virtual_disk = disk("vda", "1\n");
        fs::create_dir(rotating.join("sda1")).expect("made");
        fs::write(rotating.join("sda1/partition"), "1\n").expect("written");
        fs::create_dir_all(sys.path().join("dev/block")).expect("made");
        let targets = [
            ("8:0", rotating.clone()),
            ("8:1", rotating.join("sda1")),
            ("8:16", solid),
            ("254:0", virtual_disk),
        ];
        for (number, target) in targets {
            symlink(target, sys.path().join("dev/block").join(number)).expect("linked");
        }
        sys
    }

    #[test]
    fn rotational_disk_and_its_partitions_are_detected() {
        let sys = machine();
        let number = rustix::fs::makedev;
        assert!(is_rotational_below(sys.path(), number(8, 0)));
        assert!(is_rotational_below(sys.path(), number(8, 1)));
        assert!(!is_rotational_below(sys.path(), number(8, 16)), "it reports 0");
        assert!(
            !is_rotational_below(sys.path(), number(254, 0)),
            "a virtual disk does not know"
        );
        assert!(!is_rotational_below(sys.path(), number(0, 40)), "no block device");
    }
}
