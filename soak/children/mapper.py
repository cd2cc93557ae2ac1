"""Write to files through mappings, so that no system call shows the writes.

Read one JSON object per line and answer "ok":
  dirty  map files, write to the first page, and keep the mapping; the descriptor is closed
  store  write to those mappings again
  late   map files, read the first page, write to it, and unmap
  drop   unmap everything
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
