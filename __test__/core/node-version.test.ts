import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { OLDEST_NODE, checkNode } from '../../src/core/node-version.ts'

test('the oldest Node is that of the package', () => {
  const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } }
  expect(engines.node).toBe(`>=${OLDEST_NODE}`)
})

test.each(['20.19.0', '22.12.9', '8.0.0'])('Node %s is refused in one sentence', (version) => {
  expect(() => checkNode(version)).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      message: expect.stringMatching(/^Node 22\.13 or newer is needed; this is [\d.]+, [^\n]+$/) as unknown,
    }),
  )
})

test.each(['22.13.0', '22.14.1', '24.0.0', '26.3.0'])('Node %s is new enough', (version) => {
  expect(() => checkNode(version)).not.toThrow()
})
