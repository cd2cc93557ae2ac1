// Run projects of vitest.config.ts, count their tests, and print the counts as the last line.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment, root } from './setup.mjs'

/** Run the tests of these projects. Return the counts, and a text for each failure. */
export function runTests(projects) {
  const folder = mkdtempSync(join(tmpdir(), 'lineaprint-test-'))
  const file = join(folder, 'vitest.json')
  const options = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const { status } = spawnSync(
    'vitest',
    ['run', ...projects.flatMap((name) => ['--project', name]), ...options],
    // The compiled program starts faster than its sources, and is what people install.
    { cwd: root, env: { ...environment, TEST_PROGRAM: 'dist/cli/main.js' }, stdio: 'inherit' },
  )
  const results = readReport(file)
  rmSync(folder, { recursive: true, force: true })
  return { ...results, isOk: status === 0 }
}

/** Print the failures, because long logs are truncated at the beginning, and the counts as the last line. */
export function report(counts, failures, isOk) {
  for (const failure of failures) console.log(`\nFAILED ${failure}`)
  // A runner that broke before it could count is a failure too.
  const failed = isOk ? counts.failed : Math.max(counts.failed, 1)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`${counts.passed} passed, ${failed} failed${skipped}`)
}

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
