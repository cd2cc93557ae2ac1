"""Writes to files through mappings, so that no system call tells of the stores.

Reads one JSON object per line and answers "ok":
  dirty  maps files, stores into the first page, and keeps the mapping; the descriptor is closed
  store  stores again into those mappings
  late   maps files, reads the first page, stores into it, and unmaps
  drop   unmaps everything
"""

import json
import mmap
import os
import sys

kept = {}


def mapped(path):
    descriptor = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(descriptor, 0)
    finally:
        os.close(descriptor)


for line in sys.stdin:
    command = json.loads(line)
    for path in command["paths"]:
        if command["do"] == "dirty":
            kept[path] = mapped(path)
            kept[path][0] ^= 0xFF
        elif command["do"] == "store":
            kept[path][1] ^= 0xFF
        elif command["do"] == "late":
            view = mapped(path)
            before = view[0]
            view[0] = before ^ 0xFF
            view.close()
    if command["do"] == "drop":
        for view in kept.values():
            view.close()
        kept.clear()
    print("ok", flush=True)
