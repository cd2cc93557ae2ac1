import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { readRun } from '../../src/store/runs.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'

/** A name that sets a title, clears the screen, reverses letters and hides some. */
const HOSTILE = '\u001b]0;x\u0007\u001b[2J\u009b31m\u202eab\u200bc\u0085'

const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/

/** A folder of which every name, and the run of which every text, is hostile. */
async function hostileFolder(): Promise<{ cwd: string; commands: string[][] }> {
  const cwd = folderOf({
    [`data${HOSTILE}/a${HOSTILE}.csv`]: `x${HOSTILE}\n1\n`,
    [`data${HOSTILE}/ragged${HOSTILE}.csv`]: 'a,b\n1\n',
    [`model${HOSTILE}/w${HOSTILE}.safetensors`]: safetensors({ [`t${HOSTILE}`]: floats([1]) }),
    [`model${HOSTILE}/config.json`]: JSON.stringify({ [`k${HOSTILE}`]: NaN }),
    [`two${HOSTILE}/a${HOSTILE}.safetensors`]: safetensors({ w: floats([1]) }),
    [`two${HOSTILE}/b.safetensors`]: safetensors({ w: floats([2]) }),
    [`bad${HOSTILE}.json`]: '{',
    [`file${HOSTILE}`]: 'x',
  })
  mkdirSync(join(cwd, 'links'))
  symlinkSync(`/nowhere${HOSTILE}`, join(cwd, 'links', HOSTILE))
  const run = await finished(
    cwd,
    { experimentName: `e${HOSTILE}`, tags: [HOSTILE], notes: HOSTILE, metadata: { [HOSTILE]: HOSTILE } },
    async (tracker) => {
      await tracker.trackDataset(join(cwd, `data${HOSTILE}`), HOSTILE)
      await tracker.trackModel(join(cwd, `model${HOSTILE}`), HOSTILE)
      await tracker.trackOutput(join(cwd, `file${HOSTILE}`), HOSTILE)
      tracker.logMetric(`m${HOSTILE}`, 1)
    },
  )
  const { id } = run.record
  const [data, model, two, file] = ['data', 'model', 'two', 'file'].map((name) => `${name}${HOSTILE}`) as [
    string,
    string,
    string,
    string,
  ]
  const commands = [
    ['hash', data, 'links'],
    ['hash', '--tensors', model, two],
    ['hash', `--part=1/2`, `none${HOSTILE}`],
    ['manifest', data],
    ['manifest', 'links'],
    ['manifest', '--tensors', model],
    ['check', `bad${HOSTILE}.json`, data],
    ['check', `none${HOSTILE}`],
    ['model', model],
    ['model', two],
    ['model', model, '--weights', HOSTILE],
    ['model', `none${HOSTILE}`],
    ['dataset', data],
    ['dataset', join(data, `a${HOSTILE}.csv`)],
    ['dataset', join(data, `ragged${HOSTILE}.csv`)],
    ['dataset', 'links'],
    ['diff', data, model],
    ['diff', model, two],
    ['diff', 'links', 'links'],
    ['diff', join(data, `a${HOSTILE}.csv`), join(data, `ragged${HOSTILE}.csv`)],
    ['diff', id, `none${HOSTILE}`],
    ['list'],
    ['show', id],
    ['show', `none${HOSTILE}`],
    ['verify', id],
    ['verify', id, '--details'],
    ['reproduce', `none${HOSTILE}`],
    ['reproduce', id, '--no-run', '--into', join(cwd, `into${HOSTILE}`)],
    ['export', id, '--format', 'json'],
    ['export', id, '--format', 'yaml'],
    ['export', id, '--format', 'slsa'],
    ['export', id, '--format', 'cyclonedx'],
    ['run', '--name', HOSTILE, '--dataset', `d${HOSTILE}=${data}`, '--', `none${HOSTILE}`],
    ['run', '--output', `${HOSTILE}=none${HOSTILE}`, '--', 'true'],
    ['run', '--config', `none${HOSTILE}`, '--', 'true'],
    [HOSTILE],
    ['list', `--${HOSTILE}`],
    ['hash', '--algorithm', HOSTILE, file],
  ]
  expect((await readRun(run.folder)).record.name).toContain(HOSTILE)
  return { cwd, commands }
}

test('no raw byte of a hostile name reaches a pipe, in text or JSON', { timeout: 240_000 }, async () => {
  const { cwd, commands } = await hostileFolder()
  for (const args of commands) {
    for (const json of [[], ['--json']]) {
      if (json.length > 0 && (args[0] === HOSTILE || args[0] === 'run')) continue
      const { stdout, stderr, code } = await lineaprint([args[0] ?? '', ...json, ...args.slice(1)], { cwd })
      const label = JSON.stringify([...args, ...json])
      // Lines of digests are for `b3sum -c` and `check`, which need the raw name.
      if (
        args[0] === 'hash' &&
        args[1] !== '--tensors' &&
        json.length === 0 &&
        /^\\?[a-z0-9.]*:?[0-9a-f]{64} {2}/.test(stdout)
      )
        continue
      expect(stdout.match(RAW), `stdout of ${label}`).toBeNull()
      expect(stderr.match(RAW), `stderr of ${label}`).toBeNull()
      expect(code, label).not.toBeNull()
    }
  }
})

test('checksum lines keep the raw name in a pipe and are escaped on a terminal', async () => {
  const name = `f${HOSTILE}`
  const cwd = folderOf({ [name]: 'x' })
  const { stdout } = await lineaprint(['hash', name], { cwd })
  expect(stdout).toMatch(/^[0-9a-f]{64} {2}/)
  expect(stdout.slice(66, -1)).toBe(name)
  writeFileSync(join(cwd, 'sums'), stdout)
  expect(await lineaprint(['check', 'sums'], { cwd })).toMatchObject({ code: 0 })
})

const hasScript = canRunScript()

test.skipIf(!hasScript)('no raw byte reaches a terminal', { timeout: 120_000 }, async () => {
  const { cwd, commands } = await hostileFolder()
  const shown = [['hash', `file${HOSTILE}`], ...commands.filter(([name]) => name !== 'run')]
  for (const args of shown) {
    for (const json of args[0] === 'hash' || args[0] === 'show' ? [[], ['--json']] : [[]]) {
      const { stdout } = await lineaprint(['x'], { cwd, under: terminal([...args, ...json]) })
      const own = stdout.replaceAll('\r\n', '\n').replace(/\u001b\[[0-9]{1,2}m|\r\u001b\[K/g, '')
      expect(own, JSON.stringify(args)).not.toBe('')
      expect(own.match(RAW), JSON.stringify(args)).toBeNull()
    }
  }
})

/** Return the program that runs a command on a pseudo-terminal, ignoring the arguments after it. */
function terminal(args: readonly string[]): string[] {
  const words = [process.execPath, `${process.cwd()}/src/cli/main.ts`, ...args]
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
  return ['sh', '-c', 'exec script -qec "$0" /dev/null', command]
}

function canRunScript(): boolean {
  try {
    execFileSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
