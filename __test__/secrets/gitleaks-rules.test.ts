import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GITLEAKS_RULES } from '../../src/secrets/gitleaks-rules.ts'
import { replaceShapes } from '../../src/secrets/shapes.ts'

test('every rule has hints, compiles, and repeats nothing without a bound', () => {
  expect(GITLEAKS_RULES.length).toBeGreaterThan(90)
  for (const [name, hints, pattern, flags] of GITLEAKS_RULES) {
    expect(hints.length, name).toBeGreaterThan(0)
    expect(
      hints.every((hint) => hint === hint.toLowerCase()),
      name,
    ).toBe(true)
    expect(new RegExp(pattern, flags).flags).toContain('g')
    const withoutClasses = pattern.replaceAll(/\\.|\[(?:\\.|[^\]])*\]/g, 'c')
    expect(withoutClasses, name).not.toMatch(/[*+]|\{\d+,\}/)
  }
})

test.each(GITLEAKS_RULES.map(([name, hints]) => [name, hints[0] ?? ''] as const))(
  'a text made for %s costs time in proportion to its length',
  (_, hint) => {
    const start = performance.now()
    for (const part of [hint, `${hint}a1`, `${hint.toUpperCase()}-A1`, `${hint}.eyJ`])
      replaceShapes(part.repeat(Math.ceil(30_000 / part.length)), '')
    replaceShapes(hint + 'aB3'.repeat(10_000), '')
    replaceShapes(hint + '1-'.repeat(10_000), '')
    // A bound that a slow machine keeps as well.
    expect(performance.now() - start).toBeLessThan(10_000)
  },
)

test('the documents say how many rules of which version there are', () => {
  const source = readFileSync('src/secrets/gitleaks-rules.ts', 'utf8')
  const version = /gitleaks (\d+\.\d+\.\d+):/.exec(source)?.[1] ?? ''
  const document = readFileSync('docs/security.md', 'utf8')
  expect(document).toContain(`${GITLEAKS_RULES.length} rules`)
  expect(document).toContain(`gitleaks) ${version} (MIT License)`)
  expect(source).toContain('Copyright (c) 2019 Zachary Rice')
})
