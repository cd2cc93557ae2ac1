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
 * `importlib.metadata` and `platform` are imported only where something else than folders holds packages, and on other
 * implementations than CPython: with what they import themselves, they took a third of the time. The folders are listed
 * as `importlib.metadata` lists them, and the version is parsed as `platform` parses it.
 *
 * The build files of frameworks are parsed and not executed: the constants of their assignments, dictionaries
 * and pairs are kept, each with the path that leads to it.
 */
export const PYTHON_PROBE: string = `
import sys
sys.path = [p for p in sys.path if p not in ('', '.')]
import json, os, re
packages, direct, broken, builds, unread = None, {}, 0, {}, {}
files = json.loads(${JSON.stringify(JSON.stringify(BUILD_FILES))})
paths = sys.argv[1:] + sys.path
class Folder:
    def __init__(self, root, child):
        self.root = root
        self.path = os.path.join(root, child)
    def read_text(self, name):
        try:
            with open(os.path.join(self.path, name) if name else self.path, encoding='utf-8') as file:
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError):
            return None
    def locate_file(self, name):
        return os.path.join(self.root, name)
def folders():
    found = []
    for root in paths:
        if not isinstance(root, str) or root.lower().rstrip(os.sep).endswith('.egg') or os.path.isfile(root):
            return None
        try:
            children = os.listdir(root)
        except Exception:
            continue
        groups = {}
        for child in children:
            low = child.lower()
            if low.endswith(('.dist-info', '.egg-info')):
                key = re.sub('[-_.]+', '-', low.rpartition('.')[0].partition('-')[0])
                groups.setdefault(key if sys.version_info >= (3, 10) else '', []).append(child)
        for group in groups.values():
            for child in group:
                found.append(Folder(root, child))
    return found
def distributions():
    if sys.version_info < (3, 8):
        return None
    others = [finder for finder in sys.meta_path if getattr(finder, '__name__', '') != 'PathFinder']
    known = None if any(hasattr(finder, 'find_distributions') for finder in others) else folders()
    if known is not None:
        return known
    from importlib import metadata
    return metadata.distributions(path=paths)
def python():
    if getattr(getattr(sys, 'implementation', None), 'name', '') == 'cpython':
        match = re.match(r'([\\w.+]+)\\s*\\(#?[^,]+(?:,\\s*[\\w ]*(?:,\\s*[\\w :]*)?)?\\)\\s*\\[([^\\]]+)\\]?', sys.version)
        if match and match.group(1).count('.') >= 2:
            return match.group(1), 'CPython', match.group(2)
    import platform
    return platform.python_version(), platform.python_implementation(), platform.python_compiler()
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
dists = distributions()
if dists is not None:
    seen = {}
    # Packages are listed in the folders of the arguments too. They are not on the module path, so nothing is imported from them.
    for dist in dists:
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
version, implementation, compiler = python()
print('\\n${PROBE_MARK}' + json.dumps({
    'version': version,
    'implementation': implementation,
    'compiler': compiler,
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
