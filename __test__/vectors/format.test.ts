import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Digest } from '../../src/core/digest.ts'
import { CONFIG_RULES, FAMILY_RULES } from '../../src/model/config-rules.ts'
import { TOKENIZER_FILES } from '../../src/model/tokenizer.ts'
import { ROOT } from './support.ts'

const page = readFileSync(join(ROOT, 'docs/format.md'), 'utf8')
const vectors = [
  ...readdirSync(join(ROOT, 'vectors')).filter((name) => name.endsWith('.json')),
  'models/graph/expected.json',
]
  .map((name) => readFileSync(join(ROOT, 'vectors', name), 'utf8'))
  .join('\n')

test('every digest on the page is one of a vector', () => {
  const written = page.match(/(?:[a-z]+\([^()\s]+\))?[a-z0-9.-]+:[0-9a-f]{64}/g) ?? []
  expect(written.length).toBeGreaterThan(15)
  for (const digest of written) {
    expect(Digest.parse(digest).toString()).toBe(digest)
    expect(vectors.includes(`"${digest}"`), digest).toBe(true)
  }
})

test('every description on the page is one of a vector', () => {
  const blocks = [...page.matchAll(/^```\n(8[0-9a-f][\s\S]*?)^```/gm)].map(([, block]) => block ?? '')
  expect(blocks.length).toBe(7)
  for (const block of blocks) {
    // A line is bytes in groups, then at least three spaces and a remark.
    const bytes = block
      .split('\n')
      .map((line) => /^ *((?:[0-9a-f]{2})+(?: {1,2}(?:[0-9a-f]{2})+)*)(?= {3}|$)/.exec(line)?.[1])
    expect(vectors).toContain(`"blake3Description": "${bytes.join('').replaceAll(' ', '')}"`)
  }
})

test('the page names every key and file that the rules name', () => {
  for (const names of Object.values(CONFIG_RULES))
    for (const name of names) expect(page).toContain(`\`${name}\``)
  for (const name of FAMILY_RULES.layers) expect(page).toContain(`\`${name}\``)
  const sizes = page.split('```').find((block) => block.startsWith('\nattention_head_dim '))
  expect(sizes?.trim().split(/\s+/)).toEqual([...FAMILY_RULES.sizes])
  for (const name of TOKENIZER_FILES)
    expect(page).toMatch(new RegExp(`(^| )${name.replaceAll('.', '\\.')}( |$)`, 'm'))
})
