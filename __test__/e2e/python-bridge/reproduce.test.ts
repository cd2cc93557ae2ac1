/** Runs of Python programs again: the same seeds, the same things said. */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test, vi } from 'vitest'
import { emptyRepository, git, temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { PYTHON, python } from './support.ts'
import type { Reproduction } from '../../../src/reproduce/reproduce.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { Outcome } from '../../support/program.ts'

const SLOW = { timeout: 120_000 }

const FAST = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }

function commit(root: string): void {
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
}

async function run(root: string, args: readonly string[]): Promise<Outcome> {
  return lineaprint(args, { cwd: root, env: FAST })
}

/** Reproduces the latest run of a repository. */
async function again(
  root: string,
): Promise<{ code: number | null; answer: Reproduction; verdicts: string[] }> {
  const into = join(temporaryFolder('into'), 'tree')
  const { code, stdout, stderr } = await run(root, ['reproduce', '@latest', '--json', '--into', into])
  if (stdout === '') throw new Error(stderr)
  const answer = JSON.parse(stdout) as Reproduction
  return {
    code,
    answer,
    verdicts: answer.items.map(({ section, name, verdict }) => `${section} ${name} ${verdict}`),
  }
}

test('examples/numpy comes out again bit for bit, and with another seed it does not', SLOW, async () => {
  const root = emptyRepository()
  writeFileSync(join(root, 'train.py'), readFileSync(resolve('examples/numpy/train.py')))
  commit(root)
  const first = await run(root, ['run', '--seed', '42', '--', PYTHON, 'train.py'])
  expect(first.stderr).toMatch(/^lineaprint: run \S+ finished/)
  const shown = (await run(root, ['show', '@latest'])).stdout
  for (const line of [
    /^ {2}seed +42$/m,
    /^ {2}python 1 +train\.py, Python 3\.\d+\.\d+, seed 42 from the run, 3 saved states$/m,
    /^ {3}seeded +numpy, numpy default_rng, random$/m,
    /^ {2}points +tensor\.v1\.blake3:/m,
    /^ {2}network +weights\.v1\.blake3:/m,
    /^ {2}loss +last 0\.\d+ at step 29/m,
  ])
    expect(shown).toMatch(line)
  // A source of randomness that the program never used is not listed as missed.
  expect(shown).not.toContain('not seeded')
  const { code, answer, verdicts } = await again(root)
  expect(verdicts).toEqual([
    'code git same',
    'environment environment not-compared',
    'seeds seeds same',
    'command end same',
    'datasets points same',
    'models network same',
    'metrics loss same',
  ])
  expect({ code, reproduced: answer.reproduced }).toEqual({ code: 0, reproduced: true })
  // A difference would be seen.
  const id = /run (\S+) finished/.exec(first.stderr)?.[1] ?? ''
  await run(root, ['run', '--seed', '43', '--', PYTHON, 'train.py'])
  const diff = await run(root, ['diff', id, '@latest', '--json'])
  expect(diff.code).toBe(1)
  expect(diff.stdout).toContain('points')
  expect(diff.stdout).toContain('loss')
})

test(
  'Node programs with a replaced Math.random, and deterministic variables, come out again',
  SLOW,
  async () => {
    const root = emptyRepository()
    writeFileSync(
      join(root, 'a.cjs'),
      "require('fs').writeFileSync('out', `${Math.random()} ${process.env.CUBLAS_WORKSPACE_CONFIG}`)",
    )
    writeFileSync(join(root, '.gitignore'), 'out\n')
    commit(root)
    const options = ['--seed', '42', '--replace-math-random', '--deterministic', '--output', 'out=out']
    const first = await run(root, ['run', ...options, '--', process.execPath, 'a.cjs'])
    expect(first.code, first.stderr).toBe(0)
    expect(readFileSync(join(root, 'out'), 'utf8')).toMatch(/^0\.\d+ :4096:8$/)
    const { answer, verdicts } = await again(root)
    expect(verdicts.at(-1)).toBe('outputs out same')
    const record = JSON.parse(readFileSync(join(answer.run?.folder ?? '', 'run.json'), 'utf8')) as RunRecord
    expect(record.configuration['seeds']).toEqual({ deterministic: true, replaceMathRandom: true })
  },
)

test(
  'what a program reads is brought along, what it makes is not, and a change is told tensor by tensor',
  SLOW,
  async () => {
    const root = emptyRepository()
    writeFileSync(join(root, '.gitignore'), 'data/\nmade.txt\n*.log\nnoise\n.lineaprint/\n')
    const source = `import lineaprint, numpy as np
lineaprint.track_dataset("data/in.txt", "in")
open("made.txt", "w").write("made")
lineaprint.track_dataset("made.txt", "made")
lineaprint.track_output("made.txt", "out")
noise = open(os.environ["NOISE"]).read()
lineaprint.track_model({"same": np.zeros(2), "other": np.full(2, float(noise))}, "net")
`
    const noise = join(temporaryFolder(), 'noise')
    writeFileSync(noise, '0')
    vi.stubEnv('NOISE', noise)
    try {
      git(root, 'commit', '-q', '--allow-empty', '-m', 'empty')
      const input = join(root, 'data/in.txt')
      mkdirSync(join(root, 'data'))
      writeFileSync(input, 'in')
      utimesSync(input, 1_000_000_000, 1_000_000_000)
      const { code } = await python(source, {
        root,
        env: { LINEAPRINT_ENABLE_GIT_TRACKING: 'true', ...FAST },
      })
      expect(code).toBe(0)
      const { answer, verdicts } = await again(root)
      expect(verdicts.slice(3)).toEqual([
        'command end same',
        'datasets in same',
        'datasets made same',
        'outputs out same',
        'models net same',
      ])
      expect(answer.reproduced).toBe(true)
      writeFileSync(noise, '1')
      const other = await again(root)
      expect(other.code).toBe(1)
      const item = other.answer.items.find(({ name }) => name === 'net')
      expect(item).toMatchObject({ verdict: 'different', detail: '1 of 2 tensors differ' })
      expect(item?.differences.map(({ field }) => field)).toEqual(['weights', 'other'])
    } finally {
      vi.unstubAllEnvs()
    }
  },
)
