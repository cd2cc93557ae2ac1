/** The Python program that describes the Python it runs in. It is understood by 2.7 and all of 3. */

/** What stands before the answer. */
export const PROBE_MARK = 'lineaprint-probe:'

/**
 * Reads the name and version of each package from the head of its metadata, without the parser for mail that
 * `importlib.metadata` uses for it, which takes most of the time. The working folder is taken off the path first:
 * a `json.py` in it would be run instead of the module.
 */
export const PYTHON_PROBE: string = `
import sys
sys.path = [p for p in sys.path if p not in ('', '.')]
import json, platform, re
packages, direct, broken = None, {}, 0
try:
    from importlib import metadata
except ImportError:
    metadata = None
def head(text):
    name = version = None
    for line in text.splitlines():
        if not line.strip():
            break
        key, _, value = line.partition(':')
        key = key.lower()
        if key == 'name' and name is None:
            name = value.strip()
        elif key == 'version' and version is None:
            version = value.strip()
    return name, version
if metadata is not None:
    seen = {}
    for dist in metadata.distributions():
        try:
            text = dist.read_text('METADATA') or dist.read_text('PKG-INFO') or dist.read_text('') or ''
            name, version = head(text)
            if not name or not version:
                broken += 1
                continue
            name = re.sub('[-_.]+', '-', name).lower()
            if name in seen:
                continue
            seen[name] = version
            origin = dist.read_text('direct_url.json')
            if origin:
                direct[name] = origin
        except Exception:
            broken += 1
    packages = sorted(seen.items())
print('\\n${PROBE_MARK}' + json.dumps({
    'version': platform.python_version(),
    'implementation': platform.python_implementation(),
    'executable': sys.executable,
    'prefix': sys.prefix,
    'basePrefix': getattr(sys, 'base_prefix', sys.prefix),
    'packages': packages,
    'direct': direct,
    'broken': broken,
}))
`
