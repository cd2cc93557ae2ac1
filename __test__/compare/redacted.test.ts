import { expect, test } from 'vitest'
import { SECRET_NOT_KEPT, compareCaptured } from '../../src/compare/redacted.ts'
import { compareFields, flatten } from '../../src/capture/compare-fields.ts'
import type { Captured, Component } from '../../src/core/component.ts'
import type { JsonObject } from '../../src/core/json-value.ts'

const TOKEN = ['gh', 'p_', 'a1B2'.repeat(9)].join('')

function captured(value: JsonObject, digit: string): Captured {
  return { digest: `mine.v1:blake3:${digit.repeat(64)}`, value, warnings: [] }
}

/** A tracker of a user that compares its texts. */
const mine: Component = {
  name: 'mine',
  capture: () => Promise.reject(new Error('not used')),
  compare: (before, after) => {
    const same = JSON.stringify(before.value) === JSON.stringify(after.value)
    return { status: same ? 'same' : 'changed', differences: same ? [] : [{ field: 'value' }] }
  },
}

test('a replaced value is equal only if the digest saw it', () => {
  const before = captured({ key: '<redacted>', lr: 1 }, 'a')
  expect(compareCaptured(mine, before, captured({ key: TOKEN, lr: 1 }, 'a')).status).toBe('same')
  expect(compareCaptured(mine, before, captured({ key: TOKEN, lr: 1 }, 'b'))).toMatchObject({
    status: 'not-checked',
    reason: SECRET_NOT_KEPT,
  })
  expect(compareCaptured(mine, before, captured({ key: TOKEN, lr: 2 }, 'b')).status).toBe('changed')
})

test('without a replaced value, nothing else is compared', () => {
  const before = captured({ key: 'x' }, 'a')
  expect(compareCaptured(mine, before, captured({ key: TOKEN }, 'b')).status).toBe('changed')
})

test('fields that are replaced on both sides are not checked', () => {
  const side = captured({ hashed: { FLAGS: '<redacted>', A: '1' } }, 'a')
  const fields = flatten(side.value)
  expect(compareFields(side, side, fields, fields)).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'hashed.FLAGS' }],
  })
})
