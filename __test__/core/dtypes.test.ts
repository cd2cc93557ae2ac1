/** One table of element types, against those of Rust and Python. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import {
  ARRAY_DTYPES,
  BYTE_DTYPES,
  DTYPES,
  NUMPY_DTYPES,
  elementBytes,
  hasDistance,
} from '../../src/core/dtypes.ts'
import { dtypeOf } from '../../src/hash/array.ts'
import { decoderOf } from '../../src/model/diff/decode.ts'

type Globals = Readonly<Record<string, Uint8ArrayConstructor | undefined>>

const BITS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(DTYPES).map(([name, { bits }]) => [name, bits]),
)

test('the table of the addon has the same names and widths', () => {
  const crates = resolve('crates')
  const files = readdirSync(crates, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(?:^|[/\\])src[/\\].*dtype\.rs$/.test(path),
  )
  expect(files).toHaveLength(1)
  const source = readFileSync(join(crates, files[0] ?? ''), 'utf8')
  const table = /DTYPES: \[Dtype; \d+\] = \[([^;]*)\];/.exec(source)?.[1] ?? ''
  const entries = [...table.matchAll(/Dtype::plain\("(\w+)", (\d+)\)/g)]
  expect(Object.fromEntries(entries.map(([, name, bits]) => [name, Number(bits)]))).toEqual(BITS)
})

test('the reference of the vectors has the same names and widths', () => {
  const source = readFileSync(resolve('vectors/cases.py'), 'utf8')
  const table = /^BITS = \{([^}]*)\}/m.exec(source)?.[1] ?? ''
  const entries = [...table.matchAll(/"(\w+)": (\d+)/g)]
  expect(Object.fromEntries(entries.map(([, name, bits]) => [name, Number(bits)]))).toEqual(BITS)
})

test('what Python hands over has a name of the table, and elements of whole bytes', () => {
  const source = readFileSync(resolve('python/lineaprint/_tensors.py'), 'utf8')
  const table = /^DTYPES = \{([^}]*)\}/m.exec(source)?.[1] ?? ''
  const names = [...table.matchAll(/"\w+": "(\w+)"/g)].map(([, name]) => name)
  expect(new Set(names)).toEqual(new Set(BYTE_DTYPES))
})

test('widths of elements, and types without one', () => {
  expect(['BOOL', 'BF16', 'F32', 'C64'].map(elementBytes)).toEqual([1, 2, 4, 8])
  expect(['F4', 'F6_E2M3', 'F128', 'toString', '__proto__'].map(elementBytes)).toEqual(
    Array.from({ length: 5 }),
  )
  expect(Object.keys(DTYPES).filter(hasDistance)).toEqual(['F16', 'BF16', 'F32', 'F64'])
  expect(['F128', 'toString', '__proto__'].some(hasDistance)).toBe(false)
})

test('typed arrays, the types of NumPy and the decoders have the widths of the table', () => {
  const types = [...ARRAY_DTYPES.keys()].flatMap((name) => (globalThis as unknown as Globals)[name] ?? [])
  // Float16Array came with Node 24.
  expect(types.length).toBeGreaterThanOrEqual(11)
  for (const type of types)
    expect({ type, bytes: elementBytes(dtypeOf(new type(1)) ?? '') }).toEqual({
      type,
      bytes: type.BYTES_PER_ELEMENT,
    })
  for (const [name, dtype] of NUMPY_DTYPES) expect(name).toBe(`<f${elementBytes(dtype)}`)
  for (const dtype of Object.keys(DTYPES)) {
    const decoder = decoderOf(dtype)
    expect([undefined, elementBytes(dtype)]).toContain(decoder?.width)
    expect(decoder?.kind === 'number' || !hasDistance(dtype)).toBe(true)
  }
})
