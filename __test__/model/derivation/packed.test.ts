/** Matrices of GPTQ and AWQ, floats of eight bits with scales, and blocks of ggml that are dequantised and compared. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveModel } from '../../../src/model/derivation/derive.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { Copy, vector } from './support.ts'
import type { TensorToWrite } from '../../support/safetensors.ts'
import type { ModelDerivation, TensorDerivation } from '../../../src/model/derivation/derive.ts'

const LAYERS = [0, 1].map((layer) => `model.layers.${layer}.mlp.up_proj.`)

const named = ({ tensors }: ModelDerivation, name: string): TensorDerivation | undefined =>
  tensors.find((tensor) => tensor.name === name)

/** Return the largest error of a row that a bound states, in percent. */
function largestError(tensor: TensorDerivation | undefined): number {
  return Number(/the largest error of a row is ([\d.]+) %/.exec(tensor?.bound ?? '')?.[1])
}

const expected = JSON.parse(readFileSync(vector('packed.json'), 'utf8')) as Record<
  string,
  Record<string, number>
>

test.each([
  [
    'gptq-3',
    'words of GPTQ (zero points stored minus one), dequantised and compared',
    '3 bits, 4 groups of inputs',
  ],
  [
    'gptq-4',
    'words of GPTQ (zero points stored minus one), dequantised and compared',
    '4 bits, 4 groups of inputs',
  ],
  [
    'gptq-4-ordered',
    'words of GPTQ (zero points stored minus one), dequantised and compared',
    '4 bits, 4 groups of inputs in an order of their own (act-order)',
  ],
  [
    'gptq-8',
    'words of GPTQ (zero points stored minus one), dequantised and compared',
    '8 bits, 4 groups of inputs',
  ],
  ['awq', 'words of AWQ, dequantised and compared', '4 bits, 4 groups of inputs'],
])('%s has the errors that its own package computes', async (name, rule, packing) => {
  const result = await deriveModel(vector('matrices'), vector(name))
  expect(result).toMatchObject({ explained: true, unused: [], counts: { identical: 1 } })
  for (const layer of LAYERS) {
    const tensor = named(result, `${layer}qweight`)
    expect(tensor).toMatchObject({
      verdict: 'quantised',
      sources: [{ name: `${layer}weight` }],
      rule: [`quantised F16 to ${rule}`, packing],
      map: name.startsWith('awq') ? 'awq' : 'gptq',
    })
    const reference = expected[name]?.[`${layer}qweight`] ?? Number.NaN
    expect(Math.abs(largestError(tensor) - reference)).toBeLessThan(reference * 1e-3)
    for (const [part, noun] of [
      ['qzeros', 'zero points'],
      ['scales', 'scales'],
    ] as const)
      expect(named(result, layer + part)).toMatchObject({
        verdict: 'quantised',
        rule: [`the ${noun} of ${layer}qweight`],
      })
  }
})

test('two bits that leave no more than a tenth of a row are beyond the bound', async () => {
  const result = await deriveModel(vector('matrices'), vector('gptq-2'))
  const errors = LAYERS.map((layer) => expected['gptq-2']?.[`${layer}qweight`] ?? 0)
  expect(errors.every((error) => error > 90)).toBe(true)
  for (const layer of LAYERS) {
    const tensor = named(result, `${layer}qweight`)
    expect(tensor?.verdict).toBe('changed')
    expect(tensor?.findings).toContain(
      'the rank of the difference is not checked: rounding to codes hides it',
    )
    expect(named(result, `${layer}scales`)).toMatchObject({
      verdict: 'unexplained',
      findings: [`they are the scales of ${layer}qweight, which does not follow`],
    })
    expect(tensor?.findings[0]).toContain(
      'rows are farther from what the codes stand for than two steps or 90 % of their length',
    )
  }
})

test('AWQ after factors of the inputs is near with the factors that fit', async () => {
  const result = await deriveModel(vector('matrices'), vector('awq-scaled'))
  expect(result.explained).toBe(true)
  const rule = named(result, `${LAYERS[0]}qweight`)?.rule[1] ?? ''
  const [, least, greatest] = /\(inputs ([\d.]+) to ([\d.]+)\)/.exec(rule) ?? []
  // They go from 0.4 to 2.5, up to what one factor of all inputs leaves to the outputs.
  expect(Number(greatest) / Number(least)).toBeGreaterThan(4)
  expect(Number(greatest) / Number(least)).toBeLessThan(9)
  expect(named(result, `${LAYERS[0]}qweight`)?.bound).toMatch(
    /^the error of each row at most 90 % .*two steps; /,
  )
})

test.each(['fp8-squares', 'fp8-one'])('%s is within half a step of its codes', async (name) => {
  const result = await deriveModel(vector('matrices'), vector(name))
  expect(result).toMatchObject({ explained: true, counts: { identical: 1, quantised: 4 } })
})

test('blocks of ggml that are not recomputed are near', async () => {
  const result = await deriveModel(vector('blocks.safetensors'), vector('blocks.gguf'))
  expect(result).toMatchObject({ explained: true, counts: { quantised: 15 } })
  expect(named(result, 'IQ2_XXS')?.bound).toMatch(/^the error of each block at most 95 % of its length/)
})

test('tensors that changed places, and one code of AWQ that is not the nearest, are named', async () => {
  const copy = await Copy.of('gptq-4')
  const [first, second] = LAYERS.map((layer) => Buffer.from(copy.read(`${layer}qweight`)))
  copy.write(`${LAYERS[0]}qweight`, second ?? Buffer.alloc(0))
  copy.write(`${LAYERS[1]}qweight`, first ?? Buffer.alloc(0))
  const swapped = await deriveModel(vector('matrices'), copy.path)
  for (const layer of LAYERS)
    expect(named(swapped, `${layer}qweight`)).toMatchObject({
      verdict: 'changed',
      sources: [{ name: `${layer}weight` }],
    })

  const rounded = await Copy.of('awq')
  const name = `${LAYERS[1]}qweight`
  // A bit of the second nibble of input 3: of output 2.
  rounded.edit(name, (bytes) => bytes.writeUInt8(bytes.readUInt8(3 * 32) ^ 0x20, 3 * 32))
  const found = await deriveModel(vector('matrices'), rounded.path)
  expect(named(found, name)).toMatchObject({
    verdict: 'changed',
    different: { count: 1, of: 64 * 128, first: 2 * 128 + 3 },
  })
  expect(named(found, name)?.findings).toEqual([
    `1 of 8192 elements are farther than half a step from what their codes stand for, the first is 259; all others are within it`,
  ])
})

test('zero points of the other form are found where the configuration does not say which', async () => {
  const folder = join(folderOf(), 'gptq')
  cpSync(vector('gptq-4'), folder, { recursive: true })
  const copy = await Copy.of('gptq-4')
  // Four bits, symmetric: every zero point is 8, stored as 7.
  for (const layer of LAYERS) {
    expect(new Set(copy.read(`${layer}qzeros`))).toEqual(new Set([0x77]))
    copy.edit(`${layer}qzeros`, (bytes) => bytes.fill(0x88))
  }
  const config = (format?: string): void => {
    const settings = {
      quant_method: 'gptq',
      bits: 4,
      group_size: 32,
      ...(format && { checkpoint_format: format }),
    }
    writeFileSync(
      join(copy.path, 'config.json'),
      JSON.stringify({ model_type: 'llama', quantization_config: settings }),
    )
  }
  for (const format of [undefined, 'gptq_v2']) {
    config(format)
    const result = await deriveModel(vector('matrices'), copy.path)
    expect(result.explained).toBe(true)
    expect(named(result, `${LAYERS[0]}qweight`)?.rule[0]).toContain('zero points stored as they are')
  }
  config('gptq')
  const wrong = await deriveModel(vector('matrices'), copy.path)
  expect(wrong.explained).toBe(false)
  expect(named(wrong, `${LAYERS[0]}qweight`)?.findings.join('\n')).toMatch(
    /steps from what the codes stand for in the mean/,
  )
})

const words = (count: number, shape: readonly number[]): TensorToWrite => ({
  dtype: 'I32',
  shape,
  data: new Uint8Array(4 * count).fill(0x77),
})

test.each([
  ['groups that the scales do not have', { 'x.g_idx': words(32, [32]) }, /input 0 is in group 2004318071/],
  [
    'an order of another length',
    { 'x.g_idx': words(8, [8]) },
    /no tensor of the first model leads to x\.weight \[8, 8\]/,
  ],
  [
    'zero points of another shape',
    { 'x.qzeros': words(2, [2, 1]) },
    /the shapes .* do not fit a matrix \[8, 32\]/,
  ],
  ['codes of another type', { 'x.qzeros': floats([1], [1, 1]) }, /x\.qzeros is F32, not I32/],
])('%s explain nothing', async (_, fault, finding) => {
  const cwd = folderOf({
    'a.safetensors': safetensors({
      'x.weight': floats(
        Array.from({ length: 256 }, () => 0),
        [8, 32],
      ),
    }),
    'b.safetensors': safetensors({
      'x.qweight': words(32, [4, 8]),
      'x.qzeros': words(1, [1, 1]),
      'x.scales': floats(
        Array.from({ length: 8 }, () => 1),
        [1, 8],
      ),
      ...fault,
    }),
  })
  const { explained, tensors } = await deriveModel(join(cwd, 'a.safetensors'), join(cwd, 'b.safetensors'))
  expect(explained).toBe(false)
  const codes = tensors.find(({ name }) => name === 'x.qweight')
  expect(codes?.verdict).toBe('unexplained')
  expect(codes?.findings.join('\n')).toMatch(finding)
})
