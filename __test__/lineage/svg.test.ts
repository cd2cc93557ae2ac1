/** A lineage as a picture. */
import { expect, test } from 'vitest'
import { readLineage } from '../../src/lineage/read.ts'
import { lineageToSvg } from '../../src/lineage/svg.ts'
import { storeOf } from './support.ts'

test('every node and edge is drawn inside the page, and the same lineage gives the same bytes', async () => {
  const store = storeOf({
    a: {
      reads: { raw: 'raw' },
      makes: { clean: 'clean' },
      derivations: [{ name: 'clean', from: ['raw'], step: 'sort' }],
    },
    b: { reads: { input: 'clean' }, makes: { model: 'model' } },
  })
  const lineage = await readLineage(store, 'model')
  const svg = await lineageToSvg(lineage)
  expect(await lineageToSvg(lineage)).toBe(svg)
  const [, width = 0, height = 0] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg)?.map(Number) ?? []
  const boxes = [
    ...svg.matchAll(/<rect class="n-\w+" x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"/g),
  ]
  expect(boxes).toHaveLength(lineage.nodes.length)
  for (const [x = 0, y = 0, wide = 0, high = 0] of boxes.map((match) => match.slice(1).map(Number))) {
    expect(x).toBeGreaterThanOrEqual(0)
    expect(y).toBeGreaterThanOrEqual(0)
    expect(x + wide).toBeLessThanOrEqual(width)
    expect(y + high).toBeLessThanOrEqual(height)
  }
  // Three more arrows are those of the legend.
  expect(svg.match(/marker-end/g)).toHaveLength(lineage.edges.length + 3)
  expect(svg).toContain('>sort</text>')
  expect(svg).toContain('prefers-color-scheme:dark')
  // What shows under the pointer has a line for each fact.
  expect(svg).toMatch(/<title>[^<\n]+\nblake3:[0-9a-f]{64}<\/title>/)
  expect(svg).not.toContain('\ufffd')
})

test('names cannot become markup, and nothing is loaded', async () => {
  const name = '</text><script href="//x">&\u0007\u202e'
  const store = storeOf({
    a: { reads: { [name]: 'raw' }, derivations: [{ name: 'x', from: ['y'], step: name }] },
  })
  const svg = await lineageToSvg(await readLineage(store, 'a'))
  expect(svg).not.toContain('<script')
  expect(svg).not.toContain('\u0007')
  expect(svg).not.toMatch(/<[^>]*(?:href|src)=/)
})

test('a picture of too much is an error that says what to do', async () => {
  const reads = Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`d${index}`, `d${index}`]))
  const lineage = await readLineage(storeOf({ a: { reads } }), 'a')
  await expect(lineageToSvg(lineage)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_RANGE',
    message: expect.stringContaining('--depth') as string,
  })
})
