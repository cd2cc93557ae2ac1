/** The Python program that describes the Python it runs in. It runs in 2.7 and in all versions of 3. */

/** Prefix of the line with the answer. */
export const PROBE_MARK = 'lineaprint-probe:'

/** Files in which frameworks state their build options, by distribution. None of them is executed. */
const BUILD_FILES: Readonly<Record<string, string>> = {
  torch: 'torch/version.py',
  numpy: 'numpy/__config__.py',
  scipy: 'scipy/__config__.py',
  tensorflow: 'tensorflow/python/platform/build_info.py',
  'tensorflow-cpu': 'tensorflow/python/platform/build_info.py',
  'tensorflow-gpu': 'tensorflow/python/platform/build_info.py',
  'tensorflow-rocm': 'tensorflow/python/platform/build_info.py',
  onnxruntime: 'onnxruntime/capi/build_and_package_info.py',
  'onnxruntime-gpu': 'onnxruntime/capi/build_and_package_info.py',
  paddlepaddle: 'paddle/version/__init__.py',
  'paddlepaddle-gpu': 'paddle/version/__init__.py',
}

/**
 * The source of the probe.
 *
 * It reads the name and version of each package from the head of its metadata, without the email parser that
 * `importlib.metadata` uses, which takes most of the time. The working folder is first removed from the
 * module path, because a `json.py` in it would otherwise be executed instead of the standard module. Folders that are
 * only listed are never on it, because modules are imported until the end of the probe.
 *
 * The build files of frameworks are parsed and not executed: the constants of their assignments, dictionaries
 * and pairs are kept, each with the path that leads to it.
 */
export const PYTHON_PROBE: string = `
import sys
sys.path = [p for p in sys.path if p not in ('', '.')]
import json, os, platform, re
packages, direct, broken, builds, unread = None, {}, 0, {}, {}
files = json.loads(${JSON.stringify(JSON.stringify(BUILD_FILES))})
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
def constants(text):
    import ast
    facts = {}
    def take(path, node, depth=0):
        if depth > 8 or len(facts) > 400:
            return
        if isinstance(node, ast.Constant):
            if isinstance(node.value, (str, int, float, bool)) or node.value is None:
                facts['.'.join(path)] = node.value if not isinstance(node.value, str) else node.value[:1000]
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    take(path + [key.value], value, depth + 1)
        elif isinstance(node, (ast.List, ast.Tuple)):
            items = node.elts
            if len(items) == 2 and isinstance(items[0], ast.Constant) and isinstance(items[0].value, str) and isinstance(node, ast.Tuple):
                take(path + [items[0].value], items[1], depth + 1)
            elif items and all(isinstance(i, ast.Constant) and isinstance(i.value, str) for i in items):
                facts['.'.join(path)] = ' '.join(i.value for i in items)[:1000]
            else:
                for item in items:
                    take(path, item, depth + 1)
        elif isinstance(node, ast.Call):
            for item in node.args:
                take(path, item, depth + 1)
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            take([node.targets[0].id], node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            take([node.target.id], node.value)
    return facts
def build(name, dist):
    if name not in files:
        return
    try:
        path = str(dist.locate_file(files[name]))
        with open(path, 'rb') as file:
            builds[name] = constants(file.read(262144).decode('utf-8'))
    except Exception as error:
        unread[name] = '%s: %s' % (type(error).__name__, str(error)[:200])
if metadata is not None:
    seen = {}
    # Packages are listed in the folders of the arguments too. They are not on the module path, so nothing is imported from them.
    for dist in metadata.distributions(path=sys.argv[1:] + sys.path):
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
            build(name, dist)
        except Exception:
            broken += 1
    packages = sorted(seen.items())
print('\\n${PROBE_MARK}' + json.dumps({
    'version': platform.python_version(),
    'implementation': platform.python_implementation(),
    'compiler': platform.python_compiler(),
    'executable': sys.executable,
    'prefix': sys.prefix,
    'basePrefix': getattr(sys, 'base_prefix', sys.prefix),
    'packages': packages,
    'direct': direct,
    'builds': builds,
    'unread': unread,
    'broken': broken,
}))
`
