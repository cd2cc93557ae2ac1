/** The Python package: its wheel in a fresh environment, and its types. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VERSION } from '../../src/core/version.ts'
import { folderOf } from '../support/folder.ts'
import { keptFolder } from '../support/kept-folder.ts'
import { FAST } from '../e2e/runs/support.ts'
import { latestRun, PYTHON } from '../e2e/python-bridge/support.ts'
import { COMMAND } from '../e2e/python-bridge/standalone.ts'
import { lineaprint } from '../support/program.ts'

const SLOW = { timeout: 240_000 }
const SOURCE = resolve('python')
const TYPING = resolve('.peers/typing/bin/python')

test('the package has the version and the licence of that of npm', () => {
  expect(readFileSync('python/_lineaprint/_version.py', 'utf8')).toContain(`VERSION = "${VERSION}"`)
  expect(readFileSync('python/LICENSE', 'utf8')).toBe(readFileSync('LICENSE', 'utf8'))
})

/** Uses every function with the arguments that its documentation names; the results have types. */
const PROGRAM = `from __future__ import annotations

import array
import pathlib
from decimal import Decimal
from fractions import Fraction

import lineaprint

with lineaprint.start_run(
    name="typed", tags=["a"], notes="n", metadata={"k": 1}, seed=1, datasets={"me": pathlib.Path(__file__)}, strict=True
) as run:
    identity: str | None = run.id
    status: str = run.status
    lineaprint.log_metric("loss", 0.5, 3)
    lineaprint.log_metric("loss", Decimal("0.25"), step=4)
    lineaprint.log_metrics({"part": Fraction(1, 2), "good": True}, 1)
    lineaprint.add_tags("b", ["c", "d"])
    lineaprint.add_metadata("path", pathlib.Path("x"))
    lineaprint.add_metadata({"a": 1}, b=2)
    report = lineaprint.track_dataset(array.array("f", [1.0]), "data")
    if report is not None:
        print(report["bytes"])
    digest: str | None = lineaprint.log_digest("d", b"x", 1)
    lineaprint.flush()
    if lineaprint.active():
        saved = lineaprint.checkpoint("c")
    number: int | None = lineaprint.seed(0)
    targets = lineaprint.set_seeds(2)["targets"]
written = lineaprint.save_file({"a": array.array("f", [1.0])}, pathlib.Path("m.safetensors"), {"k": "v"}, manifest=True, algorithm="sha256")
weights: str = written["weights"]
same: bool = lineaprint.check_tensors("m.safetensors.manifest.json", {"a": array.array("f", [1.0])})["same"]
try:
    tensors = lineaprint.load_file("m.safetensors", pathlib.Path("m.safetensors.manifest.json"), framework="numpy", device=None)
except lineaprint.TensorMismatch as error:
    name: str = error.tensor
except lineaprint.LineaprintError as error:
    # There is no NumPy in this environment.
    code: str = error.code
print(run.status, lineaprint.__version__)
`

describe.runIf(existsSync(TYPING))('with hatchling, mypy and pyright', () => {
  const made = keptFolder()

  /** An environment with nothing but the wheel. */
  function environment(): { python: string; wheel: string } {
    const folder = made
    const python = join(folder, 'venv/bin/python')
    if (!existsSync(python)) {
      execFileSync(TYPING, ['-m', 'hatchling', 'build', '-t', 'wheel', '-d', folder], {
        cwd: SOURCE,
        stdio: 'pipe',
      })
      execFileSync(PYTHON, ['-m', 'venv', '--without-pip', join(folder, 'venv')])
      const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? ''
      const pip = ['-m', 'pip', '--python', python, 'install', '--quiet', '--no-index', '--no-deps']
      execFileSync(PYTHON, [...pip, '--disable-pip-version-check', join(folder, wheel)], { stdio: 'pipe' })
    }
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl')) ?? ''
    return { python, wheel: join(folder, wheel) }
  }

  test('the wheel has the two packages and nothing that acts on other programs', SLOW, () => {
    const { wheel } = environment()
    const names = execFileSync(PYTHON, ['-m', 'zipfile', '--list', wheel], { encoding: 'utf8' })
    expect(wheel).toContain(`lineaprint-${VERSION}-py3-none-any.whl`)
    for (const name of ['lineaprint/py.typed', '_lineaprint/_generators/torch_random.py', 'licenses/LICENSE'])
      expect(names).toContain(name)
    expect(names).not.toContain('sitecustomize')
  })

  test('a program in a fresh environment starts a run, and joins one', SLOW, async () => {
    const { python } = environment()
    const root = folderOf()
    writeFileSync(join(root, 'program.py'), PROGRAM)
    const { PYTHONPATH: _, ...variables } = process.env
    const text = execFileSync(python, ['program.py'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...variables, ...FAST, LINEAPRINT_COMMAND: COMMAND },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(text).toBe(`4\nfinished ${VERSION}\n`)
    expect(latestRun(root).record).toMatchObject({
      name: 'typed',
      status: 'finished',
      tags: ['a', 'b', 'c', 'd'],
      metadata: { k: 1, path: 'x', a: 1, b: 2 },
      metrics: { loss: { count: 2, last: 0.25, lastStep: 4 }, part: { last: 0.5 }, good: { last: 1 } },
    })
    // Without PYTHONPATH, the program finds only what was installed.
    const joined = folderOf()
    writeFileSync(join(joined, 'program.py'), PROGRAM)
    const { code } = await lineaprint(['run', '--', python, '-E', 'program.py'], { cwd: joined, env: FAST })
    expect(code).toBe(0)
    const { record } = latestRun(joined)
    expect(readdirSync(join(joined, '.lineaprint/runs'))).toHaveLength(1)
    expect(record).toMatchObject({ name: 'program', tags: ['a', 'b', 'c', 'd'], warnings: [] })
  })

  test.each(['3.9', '3.13'])('types for Python %s', SLOW, (version) => {
    const { python } = environment()
    const root = folderOf()
    const program = join(root, 'program.py')
    writeFileSync(program, PROGRAM)
    const wrong = join(root, 'wrong.py')
    writeFileSync(
      wrong,
      'import lineaprint\n\nlineaprint.log_metric(3, "x")\nlineaprint.start_run(seeds=1)\n',
    )
    const mypy = ['-m', 'mypy', '--cache-dir', join(root, 'cache'), '--python-version', version]
    const strict = [...mypy, '--strict', '--config-file', '', '--python-executable', python]
    expect(check(root, [...strict, program])).toContain('Success')
    expect(check(root, [...strict, wrong])).toContain('Found 3 errors')
    const pyright = ['-m', 'pyright', '--pythonversion', version]
    expect(check(root, [...pyright, '--pythonpath', python, program])).toContain('0 errors')
    expect(check(root, [...pyright, '--pythonpath', python, wrong])).toContain('3 errors')
    // The package itself, by its own settings.
    expect(check(SOURCE, mypy)).toContain('Success')
    expect(check(SOURCE, [...pyright, '-p', '.'])).toContain('0 errors')
  })
})

/** Run a checker in a folder, and return what it wrote, whatever it found. */
function check(cwd: string, args: readonly string[]): string {
  const env = { ...process.env, PYRIGHT_PYTHON_IGNORE_WARNINGS: '1' }
  const { stdout, stderr } = spawnSync(TYPING, args, { cwd, encoding: 'utf8', env })
  return stdout + stderr
}
