/** A Node that is too old gets one sentence, before anything that it does not know is used. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Only the compiled program has the check at its head. */
const PROGRAM = process.env['TEST_PROGRAM']

const { version: own } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

test.runIf(PROGRAM !== undefined).each([
  ['20.1.0', true],
  ['22.12.9', true],
  ['22.13.0', false],
  ['24.0.0', false],
])('Node %s', (version, isOld) => {
  const change = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
    if (${isOld}) delete process.getBuiltinModule`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(change)}`, resolve(PROGRAM ?? ''), '--version'],
    { encoding: 'utf8' },
  )
  const refusal = `lineaprint: Node 22.13 or newer is needed; this is ${version}, ${process.execPath}\n`
  expect({ status, stdout, stderr }).toEqual(
    isOld ? { status: 3, stdout: '', stderr: refusal } : { status: 0, stdout: `${own}\n`, stderr: '' },
  )
})
