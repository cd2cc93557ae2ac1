// `npm test`: set up and run every test of both languages. The last line has the counts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root, run, setup } from './setup.mjs'

setup()
run('bash', ['scripts/setup-python.sh'])
run('bash', ['scripts/setup-model.sh'])
run('bash', ['scripts/setup-strace.sh'])
run('bash', ['scripts/setup-peers.sh'])

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
const { counts, failures } = readReport(report)
rmSync(folder, { recursive: true, force: true })

// Reduce the output, so that failures are easy to find among the names of compiled crates and passed tests.
const rust = spawnSync('cargo', ['test', '--workspace', '--locked', '--quiet', '--no-fail-fast'], {
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

// Repeat the failures at the end, because long logs are truncated at the beginning.
for (const failure of failures) console.log(`\nFAILED ${failure}`)

const ok = typescript.status === 0 && rust.status === 0
// A runner that broke before it could count is a failure too.
if (!ok && counts.failed === 0) counts.failed = 1
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
process.exit(ok ? 0 : 1)

function readReport(path) {
  try {
    const results = JSON.parse(readFileSync(path, 'utf8'))
    return {
      counts: {
        passed: results.numPassedTests,
        failed: results.numFailedTests,
        skipped: results.numPendingTests + results.numTodoTests,
      },
      failures: results.testResults.flatMap(failuresOf),
    }
  } catch (error) {
    console.error(`vitest left no report: ${error.message}`)
    return { counts: { passed: 0, failed: 1, skipped: 0 }, failures: [] }
  }
}

function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed')
  // A file that could not be loaded has a message and no tests.
  if (failed.length === 0) return status === 'failed' ? [`${name}\n${message}`] : []
  return failed.map(
    (test) => `${name}\n  ${test.fullName}\n${test.failureMessages.join('\n').slice(0, 3000)}`,
  )
}
