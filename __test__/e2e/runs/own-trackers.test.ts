/** The example of `docs/trackers.md`, run as it stands there. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { onlyRun, recordsIn } from './support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import type { Outcome } from '../../support/program.ts'

const EXAMPLE =
  /```ts\n(\/\/ lineaprint\.config\.ts\n.*?)```/s.exec(readFileSync('docs/trackers.md', 'utf8'))?.[1] ?? ''

const FAST = {
  LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false',
  LINEAPRINT_ENABLE_GIT_TRACKING: 'false',
  NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
}

const inFolder = (cwd: string, ...args: string[]): Promise<Outcome> => lineaprint(args, { cwd, env: FAST })

test('capture, verify and diff with the tracker of the document', { timeout: 60_000 }, async () => {
  const root = folderOf({
    'lineaprint.config.ts': EXAMPLE,
    'switches.json': '{"new-parser":true,"retries":3}',
  })
  const run = (): Promise<Outcome> => inFolder(root, 'run', '--', process.execPath, '-e', '')
  expect(await run()).toMatchObject({ code: 0 })
  const { record, folder } = onlyRun(root)
  expect(record.captures['switches']).toMatchObject({
    status: 'captured',
    digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    value: { 'new-parser': true, retries: 3 },
  })
  expect(readFileSync(join(folder, 'switches/switches.json'), 'utf8')).toContain('"retries":3')
  expect(record.files.map(({ path }) => path)).toContain('switches/switches.json')

  const named = ['--config', 'lineaprint.config.ts']
  expect(await inFolder(root, 'verify', '@latest', ...named)).toMatchObject({ code: 0 })
  writeFileSync(join(root, 'switches.json'), '{"new-parser":true,"retries":5}')
  const changed = await inFolder(root, 'verify', '@latest', '--details', ...named)
  expect(changed.code).toBe(1)
  expect(changed.stdout).toContain('changed\ttrackers\tswitches\tretries\n')
  expect(changed.stdout).toContain('retries: 3 → 5')
  expect(await inFolder(root, 'verify', '@latest', '--data', ...named)).toMatchObject({ code: 0 })

  await run()
  const [first, second] = recordsIn(root).map(({ id }) => id)
  const diff = await inFolder(root, 'diff', first ?? '', second ?? '', ...named)
  expect(diff.stdout).toMatch(/^trackers\tswitches\.retries\t3\t5\t\n(?:not compared\t[a-z]+\t\t\t.*\n)*$/)

  rmSync(join(root, 'switches.json'))
  const gone = await inFolder(root, 'verify', second ?? '', ...named)
  expect(gone.code).toBe(1)
  expect(gone.stdout).toMatch(/^missing\ttrackers\tswitches\tit cannot be captured now: ENOENT/m)
  rmSync(join(root, 'lineaprint.config.ts'))
  const unknown = await inFolder(root, 'verify', second ?? '')
  expect(unknown).toMatchObject({ code: 0 })
  expect(unknown.stdout).toContain(
    'not-checked\ttrackers\tswitches\tits tracker is not loaded: --config FILE executes a configuration file',
  )
})
