import { expect, test } from 'vitest'
import { runtimeVersion } from '../../../../src/capture/environment/javascript/node.ts'

test('a runtime that stands in for Node is named', () => {
  expect(runtimeVersion()).toBe(process.versions.node)
  expect(runtimeVersion({ node: '26.3.0', bun: '1.4.5' })).toBe('Bun 1.4.5, as Node 26.3.0')
  expect(runtimeVersion({ node: '26.3.0', deno: '2.9.6' })).toBe('Deno 2.9.6, as Node 26.3.0')
})
