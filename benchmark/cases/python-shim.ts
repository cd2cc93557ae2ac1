/**
 * The time saved by reading a shim of pyenv instead of starting it: for the query to Python, and for a whole
 * run.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PYTHON_PROBE } from '../../src/capture/environment/python/probe.ts'
import { pythonOfShim } from '../../src/capture/environment/python/pyenv.ts'
import { runProgram } from '../measure.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Return the cases; without contestants if `PATH` has no shim of pyenv. */
export function pythonShimCases(inputs: Inputs): Case[] {
  return [
    {
      name: 'shim-probe',
      title: 'what python3 reports of itself, through a shim of pyenv',
      prepare: async () =>
        withShim(inputs.directory, ({ directory, shim }) => [
          contestant('the Python that the reader finds', 'ours', async () => {
            const python = pythonOfShim('python3', { directory, variables: process.env })
            if (python === undefined) throw new Error('the reader leaves this shim to itself')
            await runProgram('env', ['-C', directory, python, '-c', PYTHON_PROBE], true)
          }),
          contestant('the shim', 'peer', async () => {
            await runProgram('env', ['-C', directory, shim, '-c', PYTHON_PROBE], true)
          }),
        ]),
    },
    {
      name: 'shim-run',
      title: 'lineaprint run -- true, where python3 is a shim of pyenv',
      prepare: async () => {
        if (!existsSync(PROGRAM)) throw new Error('dist/ is missing; run "npm run build:typescript"')
        return withShim(inputs.directory, ({ directory }) => {
          const run = (variables: readonly string[]) => async (): Promise<void> => {
            const wrapped = ['-C', directory, ...variables, process.execPath, PROGRAM, 'run', '--', 'true']
            await runProgram('env', wrapped, true, 'ignore')
          }
          return [
            contestant('with the reader', 'ours', run([])),
            // This is the working folder already, so the variable changes nothing for pyenv. The reader
            // leaves it to the shim.
            contestant('with the shim', 'peer', run([`PYENV_DIR=${directory}`])),
          ]
        })
      },
    },
  ]
}

interface Shim {
  readonly directory: string
  readonly shim: string
}

function withShim(directory: string, contestants: (installed: Shim) => readonly Contestant[]): Entry {
  const shim = execFileSync('sh', ['-c', 'command -v python3 || true'], { encoding: 'utf8' }).trim()
  return /[/\\]shims[/\\]python3$/.test(shim)
    ? { bytes: 0, contestants: contestants({ directory, shim }), missing: [] }
    : { bytes: 0, contestants: [], missing: ['all (python3 is no shim of pyenv)'] }
}

function contestant(name: string, role: Contestant['role'], work: () => Promise<void>): Contestant {
  return {
    name,
    role,
    child: true,
    run: async () => {
      await work()
      return undefined
    },
  }
}
