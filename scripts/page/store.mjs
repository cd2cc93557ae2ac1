// The store of the pictures and of the tests of the page: real runs of train.py in a repository of their own, in a new
// folder. Each was recorded by the program as it is in dist/, or by the one that is given.
import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const here = import.meta.dirname

/** The program as `npm run build` leaves it. */
export const PROGRAM = resolve(here, '../../dist/cli/main.js')

/** Environment of all programs: no configuration of the user changes what git does. */
const environment = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
}

/**
 * Make the project: a program, its data and a repository.
 *
 * @param folder An empty folder.
 */
export function makeProject(folder) {
  mkdirSync(join(folder, 'data'))
  for (const name of ['prepare.py', 'train.py', 'evaluate.py'])
    copyFileSync(join(here, name), join(folder, name))
  writeFileSync(join(folder, '.gitignore'), 'model.safetensors\n*.sqlite\n.lineaprint/\n')
  writeFileSync(join(folder, 'data/moons.csv'), moons(400, 0.18))
  const git = (...args) => execFileSync('git', args, { cwd: folder, env: environment, stdio: 'ignore' })
  git('init', '--initial-branch', 'main')
  git('add', '.')
  git('commit', '--message', 'Train on two moons')
}

/** Record a run of a script. @param how Options of `lineaprint run`. @param args Arguments of the script. */
export function track(folder, how, args, program = PROGRAM, script = 'train.py') {
  const words = [program, 'run', ...how, '--', 'python3', script, ...args]
  execFileSync(process.execPath, words, {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** Start a run that goes on. @returns The process. */
export function startTracked(folder, how, args, program = PROGRAM) {
  const words = [program, 'run', ...how, '--', 'python3', 'train.py', ...args]
  return spawn(process.execPath, words, { cwd: folder, env: environment, stdio: 'ignore' })
}

const INPUT = ['--dataset', 'moons=data/moons.sqlite', '--output', 'model=model.safetensors', '--keep']

/** Record the run that makes the table. */
function prepare(folder, program) {
  const how = ['--name', 'prepare', '--dataset', 'raw=data/moons.csv', '--output', 'moons=data/moons.sqlite']
  track(folder, how, [], program, 'prepare.py')
}

/** Record a sweep, and two runs of which the second has other data and a changed program. */
export function recordAll(
  folder,
  { rates = [0.05, 0.2, 0.8], decays = [0, 0.001, 0.01], program = PROGRAM } = {},
) {
  prepare(folder, program)
  for (const lr of rates)
    for (const decay of decays) {
      const name = `lr ${lr}, decay ${decay}`
      track(
        folder,
        ['--name', 'sweep', '--run-name', name, '--seed', '7', '--tag', 'sweep', ...INPUT],
        [`--lr=${lr}`, `--decay=${decay}`],
        program,
      )
    }
  track(
    folder,
    [
      '--name',
      'moons',
      '--run-name',
      'baseline',
      '--seed',
      '7',
      '--tag',
      'base',
      '--note',
      'The one to beat.',
      ...INPUT,
    ],
    [],
    program,
  )
  try {
    track(
      folder,
      ['--name', 'moons', '--run-name', 'wrong path', '--seed', '7'],
      ['--data=data/moon.sqlite'],
      program,
    )
  } catch {
    // That it fails is what the picture is about.
  }
  const path = join(folder, 'data/moons.csv')
  const lines = readFileSync(path, 'utf8').split('\n')
  // One label of four hundred.
  lines[40] = (lines[40] ?? '').replace(/.$/, (label) => String(1 - Number(label)))
  writeFileSync(path, lines.join('\n'))
  prepare(folder, program)
  const source = join(folder, 'train.py')
  writeFileSync(source, readFileSync(source, 'utf8').replace('random.gauss(0, 0.1)', 'random.gauss(0, 0.05)'))
  track(
    folder,
    ['--name', 'moons', '--run-name', 'smaller start', '--seed', '7', '--tag', 'try', ...INPUT],
    [],
    program,
  )
  const used = [
    '--name',
    'evaluate',
    '--dataset',
    'data=data/moons.sqlite',
    '--model',
    'final=model.safetensors',
  ]
  track(folder, used, [], program, 'evaluate.py')
}

/** Return rows of two moons, always the same ones. */
function moons(count, noise) {
  let state = 12345
  const uniform = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31
  const normal = () => Math.sqrt(-2 * Math.log(uniform() || 1e-9)) * Math.cos(2 * Math.PI * uniform())
  const rows = Array.from({ length: count }, (_, index) => {
    const label = index % 2
    const angle = Math.PI * uniform()
    const [x, y] =
      label === 0 ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)]
    return `${(x + noise * normal()).toFixed(4)},${(y + noise * normal()).toFixed(4)},${label}`
  })
  return `x,y,label\n${rows.join('\n')}\n`
}
