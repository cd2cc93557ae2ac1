/**
 * Train a model in JavaScript with one seed. Training it again on any machine gives the same bits.
 *
 *     lineaprint run --seed 42 --output model=line.safetensors -- node train.ts
 *     lineaprint reproduce @latest
 *
 * The seed comes from the variable LINEAPRINT_SEED, which `--seed` sets and `reproduce` sets again. The
 * program uses only operations whose result IEEE 754 defines: `Math.exp` and similar functions may differ between
 * engines.
 */
import { writeFileSync } from 'node:fs'

const STEPS = 200
const RATE = 0.1

const random = generator(Number(process.env['LINEAPRINT_SEED'] ?? 0))
const samples = Array.from({ length: 64 }, () => {
  const x = random() * 2 - 1
  return { x, y: 3 * x - 1 + (random() - 0.5) * 0.1 }
})

let [weight, bias] = [random() - 0.5, 0]
for (let step = 0; step < STEPS; step++) {
  const errors = samples.map(({ x, y }) => ({ x, error: weight * x + bias - y }))
  weight -= (RATE * errors.reduce((sum, { x, error }) => sum + error * x, 0)) / samples.length
  bias -= (RATE * errors.reduce((sum, { error }) => sum + error, 0)) / samples.length
}

writeFileSync('line.safetensors', safetensors({ bias: [bias], weight: [weight] }))
console.log(`y = ${weight.toFixed(3)} x + ${bias.toFixed(3)}`)

/** Return a generator of numbers from 0 to 1: mulberry32, which uses only integers and so is the same everywhere. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Build a safetensors file of 64-bit floats. */
function safetensors(tensors: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const header: Record<string, object> = {}
  let offset = 0
  for (const [name, values] of Object.entries(tensors)) {
    header[name] = {
      dtype: 'F64',
      shape: [values.length],
      data_offsets: [offset, offset + values.length * 8],
    }
    offset += values.length * 8
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.byteLength))
  const data = Buffer.alloc(offset)
  Object.values(tensors)
    .flat()
    .forEach((value, index) => data.writeDoubleLE(value, index * 8))
  return Buffer.concat([length, text, data])
}
