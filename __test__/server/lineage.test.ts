/** The part of a lineage that a picture holds. */
import { dirname } from 'node:path'
import { z } from 'zod/mini'
import { expect, test } from 'vitest'
import { lineageSchema } from '../../src/server/api/content-schemas.ts'
import { readLineage } from '../../src/lineage/read.ts'
import { storeOf } from '../lineage/support.ts'
import { serverOf } from './support.ts'
import type { LineageBody } from '../../src/server/api/contents.ts'
import type { Store } from '../../src/store/store.ts'

async function part(store: Store, query: string): Promise<LineageBody> {
  const response = await serverOf(dirname(store.root)).ask(`/api/v1/lineage?${query}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return z.parse(lineageSchema(), await response.json())
}

test('a small lineage is that of the library', async () => {
  const store = storeOf({
    a: { makes: { clean: 'c' } },
    b: { reads: { data: 'c' }, makes: { model: 'm' } },
    c: { reads: { base: 'm' } },
  })
  const body = await part(store, 'of=b&as=run&depth=10')
  const whole = await readLineage(store, 'b', { as: 'run' })
  const key = ({ kind, run, ...node }: { kind: string; run: string; name: string }): string =>
    `${kind} ${run} ${node.name}`
  expect(body.nodes.map(key).toSorted()).toEqual(whole.nodes.map(key).toSorted())
  const evidence = (edges: readonly { evidence: string }[]): string[] =>
    edges.map((edge) => edge.evidence).toSorted()
  expect(evidence(body.edges)).toEqual(evidence(whole.edges))
  expect(body.isCut).toBe(false)
  expect(body.start.map((id) => body.nodes.find((node) => node.id === id)?.kind)).toEqual(['run'])
})

test('a large one has the nearest nodes of both directions', async () => {
  const users = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `user-${String(index).padStart(2, '0')}`,
      { reads: { data: 'd' } },
    ]),
  )
  const reads = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`in-${index}`, `i${index}`]))
  const store = storeOf({ maker: { reads, makes: { data: 'd' } }, ...users })
  const { nodes, edges, isCut } = await part(store, 'of=maker&as=run&nodes=40')
  expect(isCut).toBe(true)
  expect(nodes).toHaveLength(40)
  const ids = new Set(nodes.map(({ id }) => id))
  expect(edges.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true)
  expect(nodes.some(({ run }) => run.startsWith('user'))).toBe(true)
  expect(nodes.filter(({ run }) => run === 'maker').length).toBeGreaterThan(10)
})
