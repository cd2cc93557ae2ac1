// `npm test`: set up and run every test of both languages. The last line has the counts.
import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import { beside, environment, root, run, setup } from './setup.mjs'
import { report, runTests } from './vitest.mjs'

const RUST = ['test', '--workspace', '--locked', '--quiet', '--no-fail-fast']

setup()
// While downloads and other tests wait; they go first.
const compiled = beside('cargo', [...RUST, '--no-run'], { priority: constants.priority.PRIORITY_LOW })
run('bash', ['scripts/setup-python.sh'])
run('bash', ['scripts/setup-model.sh'])
run('bash', ['scripts/setup-debian.sh'])
run('bash', ['scripts/setup-peers.sh'])

const { counts, failures, isOk } = runTests(['unit', 'mocked', 'e2e', 'peers'])

await compiled
// Reduce the output, so that failures are easy to find among the names of compiled crates and passed tests.
const rust = spawnSync('cargo', RUST, {
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

const ok = isOk && rust.status === 0
report(counts, failures, ok)
process.exit(ok ? 0 : 1)
