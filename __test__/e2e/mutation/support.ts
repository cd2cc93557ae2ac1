/** A recorded run in a small project in which one thing at a time is changed. */
import { appendFileSync, chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, vi } from 'vitest'
import { verifyRun } from '../../../src/verify/verify.ts'
import { readRun } from '../../../src/store/runs.ts'
import { git } from '../../capture/fixture.ts'
import { onlyRun } from '../runs/support.ts'
import { keptFolder } from '../../support/kept-folder.ts'
import { lineaprint } from '../../support/program.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import type { Outcome } from '../../support/program.ts'
import type { Verification, VerifyOptions } from '../../../src/verify/verify.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

const SCRIPT = `import json, os, random, sys
random.seed(int(os.environ['LINEAPRINT_SEED']))
rows = open('data/train.csv').read().split()
print('training with', sys.argv[1:])
print('a warning', file=sys.stderr)
os.makedirs('out', exist_ok=True)
json.dump({'rows': len(rows), 'draw': random.random()}, open('out/result.json', 'w'))
open(os.path.join(os.environ['LINEAPRINT_RUN_DIRECTORY'], 'side.txt'), 'w').write('beside the record')
`

/** Contents of files of the project, each with the one thing in it that a case changes. */
export const LOCK = (version: string): string => `numpy==${version}\n`
export const METADATA = (version: string): string =>
  `Metadata-Version: 2.1\nName: somelib\nVersion: ${version}\n`
export const MANIFEST = (version: string): string => `{"name":"dep","version":"${version}"}`
export const WEIGHTS = (last: number): Uint8Array =>
  safetensors({ 'layer.w': floats([1, 2, 3]), 'layer.b': floats([last]) })

const FILES = {
  'train.py': SCRIPT,
  'helper.py': 'x = 1\n',
  'staged.py': 'y = 1\n',
  'tool.sh': '#!/bin/sh\n',
  'requirements.txt': LOCK('1.26.0'),
  'package.json': '{"name":"project","version":"1.0.0"}',
  'lineaprint.config.json': '{"environment":{"variables":["LEARNING_MODE"]}}',
  '.gitignore': 'data/\nmodels/\nout/\nnode_modules/\nsite/\nignored/\n__pycache__/\n',
  'data/train.csv': '1,2\n3,4\n',
  'models/base.safetensors': WEIGHTS(4),
  'node_modules/dep/package.json': MANIFEST('1.0.0'),
  'site/somelib-1.0.dist-info/METADATA': METADATA('1.0'),
  'ignored/extra.py': 'z = 1\n',
}

/** What the run ran. */
export const COMMAND: readonly string[] = ['python3', 'train.py', '--rate', '0.1']
/** What it was told. */
export const SEED: number = 42
/** The present as it was when the run started. */
export const AS_RECORDED: VerifyOptions = { command: COMMAND, seed: SEED }

/** Where the run is, once it was recorded. */
interface Project {
  root: string
  folder: string
  run: StoredRun
}

/** What a case does with it. */
interface ProjectTools {
  readonly project: Project
  readonly environment: () => Record<string, string>
  readonly inRoot: (name: string) => string
  readonly verifyCommand: (...args: string[]) => Promise<Outcome>
  readonly verify: (options?: VerifyOptions) => Promise<Verification>
  readonly replace: (name: string, content: string | Uint8Array) => () => void
  readonly edit: (name: string, from: string, to: string) => () => void
  readonly setVariable: (name: string, value: string | undefined) => () => void
}

/** Records the run before the tests of a file. */
export function recordedProject(): ProjectTools {
  const project = { root: '', folder: '' } as Project

  function environment(): Record<string, string> {
    return {
      PYTHONPATH: join(project.root, 'site'),
      OMP_NUM_THREADS: '2',
      LEARNING_MODE: 'fast',
      PYTHONDONTWRITEBYTECODE: '1',
    }
  }

  const inRoot = (name: string): string => join(project.root, name)

  function verifyCommand(...args: string[]): Promise<Outcome> {
    const rest = ['--seed', String(SEED), '--', ...COMMAND]
    return lineaprint(['verify', '@latest', ...args, ...rest], { cwd: project.root, env: environment() })
  }

  beforeAll(async () => {
    project.root = keptFolder(FILES)
    git(project.root, 'init', '-q')
    git(project.root, 'add', '.')
    git(project.root, 'commit', '-qm', 'first')
    appendFileSync(inRoot('train.py'), '# dirty\n')
    appendFileSync(inRoot('staged.py'), '# staged\n')
    git(project.root, 'add', 'staged.py')
    writeFileSync(inRoot('untracked.py'), 'u = 1\n')
    const inputs = ['--dataset', 'train=data/train.csv', '--model', 'base=models/base.safetensors']
    const args = [
      'run',
      '--seed',
      String(SEED),
      ...inputs,
      '--output',
      'result=out/result.json',
      '--',
      ...COMMAND,
    ]
    const outcome = await lineaprint(args, { cwd: project.root, env: environment() })
    if (outcome.code !== 0) throw new Error(`the run failed: ${outcome.stderr}`)
    project.folder = onlyRun(project.root).folder
    project.run = await readRun(project.folder)
  }, 120_000)

  afterEach(() => void vi.unstubAllEnvs())

  /** Variables that a case has changed. */
  const stubbed = new Set<string>()

  /** Verifies with the environment of the run, and what a case changes of it. */
  async function verify(options: VerifyOptions = AS_RECORDED): Promise<Verification> {
    for (const [name, value] of Object.entries(environment())) if (!stubbed.has(name)) vi.stubEnv(name, value)
    return verifyRun(await readRun(project.folder), { directory: project.root, ...options })
  }

  /** Writes another content, and gives what puts the old one back, with its mode. */
  function replace(name: string, content: string | Uint8Array): () => void {
    const path = inRoot(name)
    const [before, { mode }] = [readFileSync(path), statSync(path)]
    writeFileSync(path, content)
    return () => {
      writeFileSync(path, before)
      chmodSync(path, mode)
    }
  }

  function edit(name: string, from: string, to: string): () => void {
    const text = readFileSync(inRoot(name), 'utf8')
    expect(text, `${name} holds ${from}`).toContain(from)
    return replace(name, text.replace(from, to))
  }

  function setVariable(name: string, value: string | undefined): () => void {
    stubbed.add(name)
    vi.stubEnv(name, value)
    return () => void stubbed.delete(name)
  }

  return { project, environment, inRoot, verifyCommand, verify, replace, edit, setVariable }
}

/** Everything that counts. */
export function found({ items }: Verification): string[] {
  return items
    .filter(({ counts }) => counts)
    .map(({ section, name, status }) => `${section} ${name} ${status}`)
    .toSorted()
}
