/**
 * Change one file with one system call after the other, and print the contents of the file and the moments
 * between which they lasted.
 *
 * Arguments: path, a folder for other files, length, seed, milliseconds, algorithm.
 */
import { closeSync, ftruncateSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { State } from '../changing-judge.ts'

const [path = '', aside = '', lengthText, seedText, durationText, algorithm] = process.argv.slice(2)
const length = Number(lengthText)
const random = new Generator(Number(seedText))
const states: State[] = []
const pause = new Int32Array(new SharedArrayBuffer(4))
let version = 1
let content: Buffer = Buffer.alloc(length, 1)
let file: number

writeFileSync(path, content)
file = openSync(path, 'r+')
await note(0, 0)
process.stdout.write('ready\n')
const end = performance.now() + Number(durationText)
while (performance.now() < end) {
  await change()
  // Without a pause half of the time, so that readers meet several changes as well as one.
  if (random.integer(0, 1) === 0) Atomics.wait(pause, 0, 0, random.next() * 2)
}
closeSync(file)
process.stdout.write(JSON.stringify(states))

async function change(): Promise<void> {
  const kind = random.integer(0, 9)
  if (kind <= 5) {
    // The whole file or a part.
    const start = kind <= 2 ? 0 : random.integer(0, length - 1)
    const piece = Buffer.alloc(kind <= 2 ? length : random.integer(1, length - start), ++version % 256)
    const next = Buffer.alloc(Math.max(content.length, start + piece.length))
    content.copy(next)
    piece.copy(next, start)
    await step(next, () => writeSync(file, piece, 0, piece.length, start))
  } else if (kind === 6) {
    const shorter = random.integer(0, content.length)
    await step(content.subarray(0, shorter), () => ftruncateSync(file, shorter))
  } else if (kind === 7) {
    const next = Buffer.alloc(length)
    content.copy(next)
    await step(next, () => ftruncateSync(file, length))
  } else if (kind === 8) {
    const next = Buffer.alloc(length, ++version % 256)
    writeFileSync(`${aside}/next`, next)
    await step(next, () => renameSync(`${aside}/next`, path))
    closeSync(file)
    file = openSync(path, 'r+')
  } else {
    await step(undefined, () => renameSync(path, `${aside}/away`))
    await step(content, () => renameSync(`${aside}/away`, path))
  }
}

/** Make one system call, after which the file holds `next`, or is missing. */
async function step(next: Buffer | undefined, call: () => void): Promise<void> {
  const before = monotonicNs()
  call()
  const after = monotonicNs()
  if (next !== undefined) content = next
  await note(before, after, next === undefined)
}

async function note(before: number, after: number, absent = false): Promise<void> {
  const previous = states.at(-1)
  if (previous) previous.until = after
  const digest = absent ? null : await digestOf(content)
  states.push({ digest, from: before, until: Number.MAX_SAFE_INTEGER })
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digests = await digestBytes(bytes, { algorithm: algorithm as Algorithm })
  return digests[algorithm as Algorithm]?.hex ?? ''
}

/** Return nanoseconds of a clock that all processes share. */
function monotonicNs(): number {
  return Number(process.hrtime.bigint())
}
