/** A lineage as a flowchart. */
import { expect, test } from 'vitest'
import { lineageToMermaid } from '../../src/lineage/mermaid.ts'
import { readLineage } from '../../src/lineage/read.ts'
import { storeOf } from './support.ts'

test('each kind of edge has an arrow of its own', async () => {
  const store = storeOf({
    a: {
      reads: { raw: 'raw' },
      makes: { clean: 'clean' },
      derivations: [{ name: 'clean', from: ['raw'], step: 'sort' }],
    },
    b: { reads: { input: 'clean' } },
  })
  expect(lineageToMermaid(await readLineage(store, 'b'))).toBe(`flowchart LR
  n0(["run of b<br/>b  finished"])
  n1["dataset input<br/>636c65616e00…<br/>clean"]
  n2["output clean<br/>636c65616e00…<br/>clean"]
  n3["dataset raw<br/>726177000000…<br/>raw"]
  n4(["run of a<br/>a  finished"])
  n1 --> n0
  n2 -.->|"inferred: equal digest"| n1
  n3 ==>|"declared: sort"| n2
  n4 --> n2
  n3 --> n4
  classDef start stroke-width:3px
  class n0 start
`)
})

test('names cannot end a label', async () => {
  const store = storeOf({ a: { reads: { 'x"]; click n0 "javascript:1" %% <b>\n#': 'raw' } } })
  const text = lineageToMermaid(await readLineage(store, 'a'))
  expect(text).not.toMatch(/click n0 "|<b>|%%/)
  expect(text).toContain('x#34;#93;#59; click n0 #34;')
})
