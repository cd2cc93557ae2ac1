"""What the writers of checkpoints share: the `tree` of a folder, by reference.py."""

import base64

from reference import ALGORITHMS, structured, tree_items


def entries_of(folder):
    """The entries of a folder, as tree_items of reference.py takes them."""
    entries = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            entries.append({"name": path.name, "folder": entries_of(path)})
        else:
            entries.append({"name": path.name, "file": {"base64": base64.b64encode(path.read_bytes()).decode()}})
    return entries


def described(folder, name):
    """What is expected of a checkpoint whose tensors are not read."""
    entries = entries_of(folder)
    trees = {a: structured("tree", a, [tree_items(a, [entries], "follow")])[1].hex() for a in ALGORITHMS}
    return {"file": name, "tree": {algorithm: f"tree.v1.{algorithm}:{digest}" for algorithm, digest in trees.items()}}
