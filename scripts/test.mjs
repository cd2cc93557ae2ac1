// `npm test`: set up and run every test of both languages. The last line has the counts.
import { spawnSync } from 'node:child_process'
import { environment, root, run, setup } from './setup.mjs'
import { report, runTests } from './vitest.mjs'

setup()
run('bash', ['scripts/setup-python.sh'])
run('bash', ['scripts/setup-model.sh'])
run('bash', ['scripts/setup-debian.sh'])
run('bash', ['scripts/setup-peers.sh'])

const { counts, failures, isOk } = runTests(['unit', 'mocked', 'e2e', 'peers'])

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

const ok = isOk && rust.status === 0
report(counts, failures, ok)
process.exit(ok ? 0 : 1)
