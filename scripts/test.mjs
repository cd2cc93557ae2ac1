// `npm test`: sets up and runs every test of both languages; ends with one line that counts them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, run, setup } from './setup.mjs'

setup()
run('bash', ['scripts/setup-python.sh'])
run('bash', ['scripts/setup-model.sh'])

const folder = mkdtempSync(join(tmpdir(), 'lineaprint-test-'))
const report = join(folder, 'vitest.json')
const typescript = spawnSync(
  'vitest',
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  {
    cwd: root,
    env: environment,
    stdio: 'inherit',
  },
)
const counts = readCounts(report)
rmSync(folder, { recursive: true, force: true })

const rust = spawnSync('cargo', ['test', '--workspace', '--locked'], {
  cwd: root,
  env: environment,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
  maxBuffer: 64 << 20,
})
process.stdout.write(rust.stdout)
for (const [, passed, failed, ignored] of rust.stdout.matchAll(
  /^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored/gm,
)) {
  counts.passed += Number(passed)
  counts.failed += Number(failed)
  counts.skipped += Number(ignored)
}

const ok = typescript.status === 0 && rust.status === 0
// A runner that broke before it could count is a failure too.
if (!ok && counts.failed === 0) counts.failed = 1
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
process.exit(ok ? 0 : 1)

function readCounts(path) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(path, 'utf8'),
    )
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests }
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
