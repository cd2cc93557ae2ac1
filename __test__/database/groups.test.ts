/** Groups from the index are those that a look through the runs finds. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupRuns } from '../../src/database/groups.ts'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { recordOf, writeRun } from './support.ts'
import type { RunGroup } from '../../src/database/group-order.ts'

const text = fc.constantFrom('a', 'A', "it's", '%', 'ä', '"')
const run = fc.record({
  lr: fc.option(fc.oneof(fc.constantFrom(0.1, 1, true, null, '0.1'), text)),
  tags: fc.uniqueArray(text, { maxLength: 3 }),
  name: text,
  loss: fc.option(fc.integer({ min: -9, max: 9 })),
})

test('groups are those of a slow look', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 12 }), async (runs) => {
      const store = storeIn(folderOf())
      for (const [index, { lr, tags, name, loss }] of runs.entries())
        writeRun(
          store,
          recordOf(`r${index}`, {
            name,
            tags,
            parameters: lr === null ? {} : { lr: { value: lr, sources: ['argparse'] } },
            metrics:
              loss === null
                ? {}
                : {
                    loss: {
                      count: 1,
                      nanCount: 0,
                      first: loss,
                      last: loss,
                      min: loss,
                      max: loss,
                      lastStep: 0,
                    },
                  },
          }),
        )
      const { runs: listed } = await listRuns(store, {
        where: "name != 'A'",
        columns: ['params.lr', 'metrics.loss', 'tags', 'name'],
      })
      for (const by of ['params.lr', 'tags', 'name']) {
        const counts = new Map<string, number[]>()
        for (const { values = {} } of listed) {
          const [value = null, loss] = [
            values[by] ?? values[by.replace('params.', '')],
            values['metrics.loss'] ?? values['loss'],
          ]
          const own = Array.isArray(value) ? (value.length === 0 ? [null] : value) : [value]
          for (const each of own) {
            const key = JSON.stringify(each)
            counts.set(key, [...(counts.get(key) ?? []), typeof loss === 'number' ? loss : NaN])
          }
        }
        const slow = [...counts].map(([key, numbers]): RunGroup => {
          const finite = numbers.filter((number) => !Number.isNaN(number))
          const sum = finite.reduce((all, number) => all + number, 0)
          const isNone = finite.length === 0
          return {
            value: JSON.parse(key) as string,
            runs: numbers.length,
            measured: finite.length,
            least: isNone ? null : Math.min(...finite),
            mean: isNone ? null : sum / finite.length,
            greatest: isNone ? null : Math.max(...finite),
          }
        })
        const { groups, count } = await groupRuns(store, {
          where: "name != 'A'",
          by,
          measure: 'metrics.loss',
        })
        const key = ({ value }: RunGroup): string => JSON.stringify(value)
        const sorted = (list: readonly RunGroup[]): RunGroup[] =>
          list.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
        expect(sorted(groups)).toEqual(sorted(slow))
        expect(count).toBe(slow.length)
        expect(groups.map(({ runs: of }) => of)).toEqual(
          groups.map(({ runs: of }) => of).toSorted((a, b) => b - a),
        )
      }
    }),
    { numRuns: 15 },
  )
})

test('fields that are none of these are refused', async () => {
  const store = storeIn(folderOf())
  await expect(groupRuns(store, { by: 'metrics.loss' })).rejects.toMatchObject({ field: 'by' })
  await expect(groupRuns(store, { by: 'name', measure: 'status' })).rejects.toMatchObject({
    field: 'measure',
  })
  await expect(groupRuns(store, { by: "name'; drop table run" })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
  })
  expect(await groupRuns(store, { by: 'name' })).toEqual({ groups: [], count: 0 })
})
