// Run the first session of a new user in an empty folder, and write what is typed and printed into
// docs/first-session.md. The programs need scikit-learn, torch, tensorboard and safetensors:
//
//     node scripts/record-session.mjs PYTHON     # the bin folder of an environment that has them
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSession } from '../examples/first-session/session.ts'
import { STEPS } from '../examples/first-session/steps.ts'

const PAGE = 'docs/first-session.md'
const COLUMNS = 100

const [environment] = process.argv.slice(2)
if (environment === undefined) {
  console.error('usage: node scripts/record-session.mjs FOLDER   (the bin folder of a Python environment)')
  process.exit(2)
}
const base = mkdtempSync(join(tmpdir(), 'session-'))
try {
  const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js')
  const { folder, env } = makeSession(base, main, environment)
  const from = performance.now()
  const parts = STEPS.map((step) => play(step, folder, { ...env, TERM: 'dumb' }))
  const minutes = (performance.now() - from) / 60_000
  writeFileSync(PAGE, page(parts, minutes))
  console.log(`${PAGE}: ${STEPS.length} commands, ${minutes.toFixed(1)} minutes`)
} finally {
  rmSync(base, { recursive: true, force: true })
}

function play({ title, text, command, code = 0 }, cwd, env) {
  // On a terminal, as a user sees it.
  const { status, stdout } = spawnSync('script', ['-qec', `stty cols ${COLUMNS}; ${command}`, '/dev/null'], {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== code) throw new Error(`${command} ended with ${status}, not ${code}:\n${stdout}`)
  // Without an input, `script` types an end of file, which the terminal shows.
  const printed = stdout.replaceAll('\r\n', '\n').replaceAll('^@', '').replaceAll(base, '~').trimEnd()
  const ending = code === 0 ? '' : `\n(exit code ${code})`
  const heading = title === undefined ? '' : `## ${title}\n\n`
  return `${heading}${text}\n\n\`\`\`\n$ ${command}\n${printed}${ending}\n\`\`\`\n`
}

function page(parts, minutes) {
  return `# From nothing to a reproduced run

This page shows a first session: every command, and everything that it prints. There are two ordinary programs in a git repository:
[forest.py](../examples/first-session/forest.py) uses scikit-learn, and [network.py](../examples/first-session/network.py) uses torch. Both
train on handwritten digits, and neither imports lineaprint.

All of it took ${minutes.toFixed(1)} minutes on a machine with 2 cores. \`node scripts/record-session.mjs\` ran it and wrote this page.

${parts.join('\n')}
## Where to go on

- [run.md](run.md#options): inputs, seeds, tags and other options of \`run\`
- [python.md](python.md): record arrays, models and metrics from inside a Python program
- [find.md](find.md): find the good ones among many runs; [page.md](page.md): look at them in the browser
- [verify.md](verify.md), [diff.md](diff.md), [reproduce.md](reproduce.md): what the verdicts mean
`
}
