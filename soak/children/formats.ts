/**
 * Reads models that were changed at random, and holds what comes out against a slow reader.
 *
 * Arguments: first case, number of cases, seed, folder. Prints a line of JSON now and then: who listens knows that
 * nothing hangs. The files of the case under way lie in the folder.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { LineaprintError } from '../../src/errors.ts'
import { readModel } from '../../src/model/read.ts'
import { mutated, soundModel } from '../formats-mutate.ts'
import { readNaively, readSlowly } from '../formats-reader.ts'
import type { Model } from '../formats-mutate.ts'
import type { SeenTensor } from '../formats-reader.ts'
import type { FuzzReport } from '../support/fuzz.ts'

const [first, count, seed, folder = ''] = process.argv.slice(2)

/** Milliseconds that a reading may take: the files are of a few hundred bytes. */
const SLOW = 1000

/** Cases per line. */
const LINE = 250

/** What a model can be refused with. Anything else would be a bug. */
const REFUSALS = new Set(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_NOT_FOUND', 'ERR_LINEAPRINT_NOT_REGULAR'])

let [done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
let failures: string[] = []
const end = Number(first) + Number(count)
for (let index = Number(first); index < end; index++) {
  const failure = await once(index)
  if (failure !== undefined) failures.push(`seed ${Number(seed) + index}: ${failure}`)
  if (++done < LINE && index + 1 < end) continue
  const report: FuzzReport = { done, read, refused, naive, slowest, failures }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  ;[done, read, refused, naive, slowest] = [0, 0, 0, 0, 0]
  failures = []
}

async function once(index: number): Promise<string | undefined> {
  const random = new Generator(Number(seed) + index)
  const sound = soundModel(random)
  // Some stay sound: a reader that refuses everything would pass otherwise.
  const model = random.integer(0, 19) === 0 ? sound : mutated(sound, random)
  for (const [name, content] of model.files) writeFileSync(join(folder, name), content)
  const from = performance.now()
  const fast = await readFast(model)
  const took = performance.now() - from
  slowest = Math.max(slowest, took)
  for (const name of model.files.keys()) rmSync(join(folder, name))
  if (took > SLOW) return `took ${Math.round(took)} ms`
  const slow = attempt(() => readSlowly(model.entry, model.files))
  if (typeof fast === 'string') {
    refused++
    if (!REFUSALS.has(fast)) return fast
    if (attempt(() => readNaively(model.entry, model.files)) !== undefined) naive++
    return slow === undefined ? undefined : `refused with ${fast}, and the slow reader takes it`
  }
  read++
  if (slow === undefined) return 'read, and the slow reader refuses it'
  const [a, b] = [fast, slow].map((tensors) => JSON.stringify([...tensors].toSorted(byName)))
  return a === b ? undefined : `read as ${a}, and by the slow reader as ${b}`
}

/** The tensors, or the code of the error, or an error that has none in words. */
async function readFast({ entry }: Model): Promise<Map<string, SeenTensor> | string> {
  try {
    const { tensors } = await readModel(join(folder, entry), { algorithm: 'sha256' })
    return new Map(
      tensors.map(({ name, dtype, shape, start, end: last, digest }) => [
        name,
        { dtype, shape, start, end: last, sha256: digest.hex },
      ]),
    )
  } catch (error) {
    return LineaprintError.is(error) ? error.code : `an error without a code: ${String(error)}`
  }
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
