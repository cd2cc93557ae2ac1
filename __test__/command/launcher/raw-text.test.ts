import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { argumentBytes, variableBytes } from '../../../src/command/launcher/raw-text.ts'

test('text is encoded', () => {
  expect(argumentBytes(['ä', ''])).toEqual([Buffer.from('ä'), Buffer.alloc(0)])
  expect(variableBytes({ A: 'ä', B: undefined })).toEqual([Buffer.from('A=ä')])
})

test('text with lost bytes that this process does not have is encoded as it is', () => {
  expect(argumentBytes(['x\uFFFD'])).toEqual([Buffer.from('x\uFFFD')])
  expect(variableBytes({ NOT_HERE: '\uFFFD' })).toEqual([Buffer.from('NOT_HERE=\uFFFD')])
})

test.runIf(process.platform === 'linux')(
  'bytes that are not UTF-8 are those that this process was started with',
  () => {
    const module = JSON.stringify(resolve('src/command/launcher/raw-text.ts'))
    const program = `
    const { argumentBytes, variableBytes } = await import(${module})
    const hex = (bytes) => bytes.map((each) => each.toString('hex'))
    console.log(JSON.stringify([hex(argumentBytes(process.argv.slice(-2))), hex(variableBytes({ V: process.env.V }))]))`
    const script = `V=$(printf 'v\\377') exec "$0" --input-type=module -e "$1" -- "$(printf 'a\\376')" b`
    const { stdout } = spawnSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual([['61fe', '62'], ['563d76ff']])
  },
)
