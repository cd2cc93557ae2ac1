// `npm run test:frameworks`: set up and run the tests with real frameworks. The last line has the counts.
//
//   node scripts/test-frameworks.mjs             the pinned versions
//   node scripts/test-frameworks.mjs --newest    the newest versions
import { run, setup } from './setup.mjs'
import { report, runTests } from './vitest.mjs'

setup()
run('bash', ['scripts/setup-frameworks.sh', ...process.argv.slice(2)])
const { counts, failures, isOk } = runTests(['frameworks'])
report(counts, failures, isOk)
process.exit(isOk ? 0 : 1)
