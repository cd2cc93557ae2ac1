import { expect, test } from 'vitest'
import { runPython } from './python.ts'

test('a reference that shares no code recomputes every vector', () => {
  expect(runPython(['vectors/reference.py', '--check'])).toEqual({
    status: 0,
    output: 'reference: every vector agrees\n',
  })
})

test('the reference names what differs', () => {
  // A copy of the folder with one hex digit of one digest changed.
  const script = `
import json, pathlib, shutil, subprocess, sys, tempfile
with tempfile.TemporaryDirectory() as folder:
    copy = pathlib.Path(folder, "vectors")
    shutil.copytree("vectors", copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / "tree.json"
    vectors = json.loads(path.read_text())
    digests = vectors["cases"][1]["digests"]
    digests["blake3"] = digests["blake3"][:-1] + ("0" if digests["blake3"][-1] != "0" else "1")
    path.write_text(json.dumps(vectors))
    sys.exit(subprocess.run([sys.executable, copy / "reference.py", "--check"]).returncode)
`
  const { status, output } = runPython(['-c', script])
  expect(status).toBe(1)
  expect(output).toMatch(/^tree\.json\.cases\[one file\]\.digests\.blake3: recomputed "tree\.v1\.blake3:/m)
  expect(output).toContain('reference: 1 differences')
})
