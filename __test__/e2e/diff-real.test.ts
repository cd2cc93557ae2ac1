/** Two real runs of a Python program, compared: what changed between them is known, and has to come out in its order. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { git } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { Outcome } from '../support/program.ts'

const SCRIPT = `import json, os, random
random.seed(int(os.environ['LINEAPRINT_SEED']))
os.makedirs('out', exist_ok=True)
json.dump([random.random() for _ in range(3)], open('out/result.json', 'w'))
`

const METADATA = (version: string): string => `Metadata-Version: 2.1\nName: somelib\nVersion: ${version}\n`

test('every change is named, the earliest cause first', { timeout: 120_000 }, async () => {
  const root = folderOf({
    'train.py': SCRIPT,
    '.gitignore': 'out/\ndata/\nsite/\nmodel.safetensors\n',
    'data/train.csv': '1\n',
    'model.safetensors': safetensors({ a: floats([1]), b: floats([2]) }),
    'site/somelib-1.0.dist-info/METADATA': METADATA('1.0'),
  })
  git(root, 'init', '-q')
  git(root, 'add', '.')
  git(root, 'commit', '-qm', 'first')
  const lines = async (...args: string[]): Promise<string[][]> => {
    const { stdout } = await lineaprint(['diff', 'one', 'two', ...args], { cwd: root })
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split('\t'))
  }
  const run = (name: string, seed: string, threads: string): Promise<Outcome> => {
    const inputs = ['--dataset', 'train=data/train.csv', '--model', 'base=model.safetensors']
    const args = ['run', '--name', name, '--seed', seed, ...inputs, '--output', 'result=out/result.json']
    const env = { PYTHONPATH: join(root, 'site'), OMP_NUM_THREADS: threads, PYTHONDONTWRITEBYTECODE: '1' }
    return lineaprint([...args, '--', 'python3', 'train.py'], { cwd: root, env })
  }
  expect(await run('one', '1', '1')).toMatchObject({ code: 0 })
  expect(await run('two', '1', '1')).toMatchObject({ code: 0 })
  // The second run finds the output of the first one, which is no difference.
  expect(await lines()).toEqual([])
  expect(await lineaprint(['diff', 'one', 'two', '--check'], { cwd: root })).toMatchObject({
    code: 0,
    stdout: '',
  })

  appendFileSync(join(root, 'train.py'), '# later\n')
  writeFileSync(join(root, 'data/train.csv'), '2\n')
  writeFileSync(join(root, 'model.safetensors'), safetensors({ a: floats([1]), b: floats([3]) }))
  writeFileSync(join(root, 'site/somelib-1.0.dist-info/METADATA'), METADATA('1.1'))
  expect(await run('two', '2', '2')).toMatchObject({ code: 0 })

  const found = await lines()
  expect(found.map(([cause, field]) => `${cause}: ${field}`)).toEqual([
    'code: git.changed.train.py',
    'data: datasets.train.digest',
    'model inputs: models.base.tensors.b',
    'model inputs: models.base.weights',
    'seeds: seeds.generators.default.state',
    'seeds: seeds.seed',
    'packages: environment.python.packages.somelib',
    'variables: environment.variables.OMP_NUM_THREADS',
    'outputs: outputs.result.digest',
  ])
  expect(found.find(([, field]) => field === 'environment.python.packages.somelib')?.slice(2, 4)).toEqual([
    '1.0',
    '1.1',
  ])
  const left = await lines('--ignore', 'git.changed.*.py', '--ignore', 'datasets', '--ignore', '*.base.*')
  expect(left[0]?.[1]).toBe('seeds.generators.default.state')
  const all = ['git', 'datasets', 'models', 'seeds', 'environment', 'outputs'].flatMap((name) => [
    '--ignore',
    name,
  ])
  expect(await lineaprint(['diff', 'one', 'two', '--check', ...all], { cwd: root })).toMatchObject({
    code: 0,
  })
  const patched = await lineaprint(['diff', 'one', 'two', '--patch', 'out/code.patch'], { cwd: root })
  expect(patched).toMatchObject({ code: 1, stderr: '' })
  expect(readFileSync(join(root, 'out/code.patch'), 'utf8')).toMatch(
    /^diff --git a\/train\.py b\/train\.py\n.*\+# later\n$/s,
  )
})
