//! Whether a file lies on a disk that turns.
//!
//! Several readers make the head of such a disk jump: parallel reading there is many times slower than one
//! reader. The answer comes from Linux's `/sys`; other systems, and disks of virtual machines, which say that they
//! turn though nobody knows, count as disks that do not.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Answers by device number: a job asks once per device.
static KNOWN: Mutex<Option<HashMap<u64, bool>>> = Mutex::new(None);

/// Whether device `number` (of a file's stamp) is a spinning disk.
pub fn spins(number: u64) -> bool {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known
        .get_or_insert_default()
        .entry(number)
        .or_insert_with(|| spins_below(Path::new("/sys"), number))
}

/// The same with another root than `/sys`, for tests.
pub fn spins_below(sys: &Path, number: u64) -> bool {
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
    // SCSI, SATA and USB disks say the truth here; virtual ones (vd, xvd) and stacked ones (dm, md) do not know.
    let tells = name.starts_with("sd") || name.starts_with("hd");
    tells && fs::read_to_string(disk.join("queue/rotational")).is_ok_and(|text| text.trim() == "1")
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
        let spinning = disk("sda", "1\n");
        let solid = disk("sdb", "0\n");
        let virtual_disk = disk("vda", "1\n");
        fs::create_dir(spinning.join("sda1")).expect("made");
        fs::write(spinning.join("sda1/partition"), "1\n").expect("written");
        fs::create_dir_all(sys.path().join("dev/block")).expect("made");
        let targets = [
            ("8:0", spinning.clone()),
            ("8:1", spinning.join("sda1")),
            ("8:16", solid),
            ("254:0", virtual_disk),
        ];
        for (number, target) in targets {
            symlink(target, sys.path().join("dev/block").join(number)).expect("linked");
        }
        sys
    }

    #[test]
    fn a_spinning_disk_and_its_partitions_are_known() {
        let sys = machine();
        let number = rustix::fs::makedev;
        assert!(spins_below(sys.path(), number(8, 0)));
        assert!(spins_below(sys.path(), number(8, 1)));
        assert!(!spins_below(sys.path(), number(8, 16)), "it says 0");
        assert!(
            !spins_below(sys.path(), number(254, 0)),
            "a virtual disk does not know"
        );
        assert!(!spins_below(sys.path(), number(0, 40)), "no block device");
    }
}
