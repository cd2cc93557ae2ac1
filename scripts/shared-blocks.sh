#!/bin/sh
# Run the tests of kept copies on Btrfs and XFS, which share the blocks of copies.
#
# As root on Linux, with mkfs.btrfs and mkfs.xfs (Debian: btrfs-progs, xfsprogs). Each file system is an image in a
# temporary folder, mounted there and removed at the end.
set -eu
folder=$(mktemp -d)
clean() {
  for name in btrfs xfs; do
    if mountpoint -q "$folder/$name"; then umount "$folder/$name"; fi
  done
  rm -rf "$folder"
}
trap clean EXIT
for name in btrfs xfs; do
  truncate -s 2G "$folder/$name.img"
  "mkfs.$name" -q "$folder/$name.img"
  mkdir "$folder/$name"
  mount -o loop "$folder/$name.img" "$folder/$name"
  echo "== $name"
  export LINEAPRINT_SHARED_BLOCKS="$folder/$name"
  cargo test --quiet -p lineaprint-engine --lib --locked copy::
  TMPDIR="$folder/$name" npx vitest run --project unit __test__/store/objects/write.test.ts __test__/store/objects/copy.shared.test.ts
done
