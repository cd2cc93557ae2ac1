/** Read randomly changed models, and compare the results with those of a slow reader. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { readModel } from '../../src/model/read.ts'
import { mutated, soundModel } from '../formats-mutate.ts'
import { readNaively, readSlowly } from '../formats-reader.ts'
import { fuzzCases } from '../support/fuzz-cases.ts'
import type { Model } from '../formats-mutate.ts'
import type { SeenTensor } from '../formats-reader.ts'

/** The error codes of refused models. Any other would be a bug. */
const REFUSALS = new Set(['ERR_LINEAPRINT_FORMAT', 'ERR_LINEAPRINT_NOT_FOUND', 'ERR_LINEAPRINT_NOT_REGULAR'])

await fuzzCases(async (seed, folder) => {
  const random = new Generator(seed)
  const sound = soundModel(random)
  // Some stay valid: otherwise a reader that refuses everything would pass.
  const model = random.integer(0, 19) === 0 ? sound : mutated(sound, random)
  for (const [name, content] of model.files) writeFileSync(join(folder, name), content)
  const from = performance.now()
  const fast = await readFast(model, folder)
  const took = performance.now() - from
  for (const name of model.files.keys()) rmSync(join(folder, name))
  const slow = attempt(() => readSlowly(model.entry, model.files))
  if (typeof fast === 'string') {
    const naive = REFUSALS.has(fast) && attempt(() => readNaively(model.entry, model.files)) !== undefined
    return { outcome: 'refused', took, naive, failure: wrongRefusal(fast, slow) }
  }
  return { outcome: 'read', took, failure: wrongReading(fast, slow) }
})

type Tensors = Map<string, SeenTensor>

function wrongRefusal(code: string, slow: Tensors | undefined): string | undefined {
  if (!REFUSALS.has(code)) return code
  return slow === undefined ? undefined : `refused with ${code}, and the slow reader takes it`
}

function wrongReading(fast: Tensors, slow: Tensors | undefined): string | undefined {
  if (slow === undefined) return 'read, and the slow reader refuses it'
  const [a, b] = [fast, slow].map((tensors) => JSON.stringify([...tensors].toSorted(byName)))
  return a === b ? undefined : `read as ${a}, and by the slow reader as ${b}`
}

/** Return the tensors, the code of the error, or the text of an error without a code. */
async function readFast({ entry }: Model, folder: string): Promise<Tensors | string> {
  try {
    const { tensors } = await readModel(join(folder, entry), { algorithm: 'sha256' })
    return new Map(
      tensors.map(({ name, dtype, shape, start = -1, end: last = -1, digest }) => [
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
