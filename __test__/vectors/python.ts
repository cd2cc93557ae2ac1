/** Runs the Python of the tests: the virtual environment that scripts/setup-python.sh makes. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './support.ts'

/** Runs Python in the root of the repository and waits. Without the environment it throws and says what to do. */
export function runPython(args: readonly string[]): {
  readonly status: number | null
  readonly output: string
} {
  const python = join(ROOT, '.peers/python/bin/python')
  if (!existsSync(python)) {
    throw new Error('the Python of the tests is missing: run scripts/setup-python.sh')
  }
  // No byte code: a test leaves nothing in the source tree.
  const { status, stdout, stderr, error } = spawnSync(python, ['-B', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  if (error) throw error
  return { status, output: stdout + stderr }
}
