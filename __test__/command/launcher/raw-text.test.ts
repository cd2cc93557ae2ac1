import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { variableBytes } from '../../../src/command/launcher/raw-text.ts'

test('text is encoded', () => {
  expect(variableBytes({ A: 'ä', B: undefined })).toEqual([Buffer.from('A=ä')])
})

test('text with lost bytes that this process does not have is encoded as it is', () => {
  expect(variableBytes({ NOT_HERE: '\uFFFD' })).toEqual([Buffer.from('NOT_HERE=\uFFFD')])
})

test.runIf(process.platform === 'linux')(
  'bytes that are not UTF-8 are those that this process was started with',
  () => {
    const module = JSON.stringify(resolve('src/command/launcher/raw-text.ts'))
    const program = `
    const { variableBytes } = await import(${module})
    console.log(JSON.stringify(variableBytes({ V: process.env.V }).map((each) => each.toString('hex'))))`
    const script = `V=$(printf 'v\\377') exec "$0" --input-type=module -e "$1"`
    const { stdout } = spawnSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toEqual(['563d76ff'])
  },
)
