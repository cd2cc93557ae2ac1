/** The first session of a new user: each of its commands ends as `docs/first-session.md` says. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeSession } from '../../examples/first-session/session.ts'
import { STEPS } from '../../examples/first-session/steps.ts'
import { folderOf } from '../support/folder.ts'
import { PROGRAM } from '../support/program.ts'
import { ACTIVATED, FRAMEWORKS, SLOW } from './support.ts'
import type { Session } from '../../examples/first-session/session.ts'

/** Types a command; its code, and what it prints. */
async function play({ folder, env }: Session, command: string): Promise<[code: number | null, text: string]> {
  const child = spawn('sh', ['-c', command], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  const code = await new Promise<number | null>((done, fail) => child.on('error', fail).on('close', done))
  return [code, text]
}

test('the first session: two programs are tracked, compared, verified and reproduced', SLOW, async () => {
  const made = makeSession(folderOf(), PROGRAM[1], join(FRAMEWORKS, 'bin'))
  // One thread and no devices, as in the other tests. The work trees of `reproduce` stay, and go with this folder.
  const session = { ...made, env: { ...ACTIVATED, ...made.env, TMPDIR: folderOf() } }
  const page = readFileSync('docs/first-session.md', 'utf8')
  const printed: Record<string, string> = {}
  for (const { text, command, code = 0 } of STEPS) {
    const [ended, output] = await play(session, command)
    expect(ended, `${command}\n${output}`).toBe(code)
    expect(page).toContain(`${text}\n\n\`\`\`\n$ ${command}\n`)
    printed[command] = output
  }

  // Without a terminal, columns have tabs between them.
  const rows = printed['lineaprint list']?.trim().split('\n') ?? []
  expect(rows.map((row) => row.split('\t').slice(1, 4))).toEqual(
    ['forest', 'network', 'faster'].map((name) => ['digits', name, 'finished']),
  )
  const difference = printed['lineaprint diff @previous @latest']
  expect(difference).toMatch(/^configuration\tparameters\.rate\t0\.01\t0\.03\t$/m)
  expect(difference).toMatch(/^outputs\toutputs\.model\.digest\t/m)
  expect(difference).toMatch(/^first divergence\tstep 1\t.*metric loss$/m)
  const shown = printed['lineaprint show @latest']
  expect(shown).toMatch(/^\s+loss\s+last .* at step 19, .* 20 values, from tensorboard$/m)
  expect(shown).toMatch(/^\s+rate\s+0\.03, from argparse$/m)
  expect(shown).toMatch(/^\s+epochs\s+20, from argparse$/m)
  const same = (metric: string): RegExp =>
    new RegExp(`^same\toutputs\tmodel\tthe same bytes$[^]*^same\tmetrics\t${metric}\t`, 'm')
  expect(printed['lineaprint reproduce @latest']).toMatch(same('loss'))
  expect(printed['lineaprint reproduce forest']).toMatch(same('accuracy'))

  const [code, forest] = await play(session, 'lineaprint show forest')
  expect(code, forest).toBe(0)
  expect(forest).toMatch(/^\s+accuracy\s+last 0\.9\d*, .* 1 value, from metrics\.json$/m)
  expect(forest).toMatch(/^\s+trees\s+50, from argparse$/m)
})
