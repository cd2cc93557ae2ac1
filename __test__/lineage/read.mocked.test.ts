/** The same lineage where there can be no index. */
import { expect, test, vi } from 'vitest'
import { readLineage } from '../../src/lineage/read.ts'
import { storeOf } from './support.ts'

const { hasIndex } = vi.hoisted(() => ({ hasIndex: { value: true } }))

vi.mock(import('../../src/database/indexed.ts'), async (original) => {
  const real = await original()
  return {
    ...real,
    contentsIndexed: async (store) =>
      hasIndex.value ? real.contentsIndexed(store) : { reason: 'there is no room' },
  }
})

test('the records alone give the same answer, and why all of them were read', async () => {
  const store = storeOf({
    a: { reads: { raw: 'raw' }, makes: { clean: 'clean' } },
    b: { reads: { input: 'clean' }, makes: { model: 'model' } },
    c: { reads: { input: 'clean', raw: 'raw' } },
  })
  for (const reference of ['raw', 'model', 'a', 'c']) {
    hasIndex.value = true
    const indexed = await readLineage(store, reference)
    hasIndex.value = false
    const { notes, ...slow } = await readLineage(store, reference)
    expect({ ...slow, notes: [] }).toEqual(indexed)
    expect(notes).toEqual([`${store.root} has no index: there is no room`])
  }
})
