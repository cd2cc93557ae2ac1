/** Read randomly changed models of every format, on one thread and on several, and hash the tensors again. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { listModel } from '../../src/model/read.ts'
import { MODELS, mutatedModel, startsRight } from '../models-mutate.ts'
import { pick } from '../support/changed-bytes.ts'
import { fuzzCases } from '../support/fuzz-cases.ts'
import type { ModelListing } from '../../src/model/read.ts'
import type { ModelCase } from '../models-mutate.ts'

/** The error codes of refused models. Any other would be a bug. */
const REFUSALS = new Set([
  'ERR_LINEAPRINT_FORMAT',
  'ERR_LINEAPRINT_UNSUPPORTED',
  'ERR_LINEAPRINT_NOT_FOUND',
  'ERR_LINEAPRINT_NOT_REGULAR',
])

await fuzzCases(async (seed, folder) => {
  const random = new Generator(seed)
  const sound = pick(random, MODELS)
  // Some stay valid: otherwise a reader that refuses everything would pass.
  const model = random.integer(0, 19) === 0 ? sound : mutatedModel(sound, random)
  const own = join(folder, 'model')
  for (const [name, content] of model.files) {
    mkdirSync(dirname(join(own, name)), { recursive: true })
    writeFileSync(join(own, name), content)
  }
  const path = join(own, model.entry)
  const before = process.cpuUsage()
  const single = await attempt(path, 1)
  // Not the time of day: what other programs do on the machine is no fault of the reader. A hang ends the child.
  const { user, system } = process.cpuUsage(before)
  const took = (user + system) / 1000
  const many = await attempt(path, 3)
  rmSync(own, { recursive: true })
  if (typeof single === 'string' || typeof many === 'string') {
    const naive = typeof single === 'string' && REFUSALS.has(single) && startsRight(model)
    return { outcome: 'refused', took, naive, failure: wrongRefusal(single, many, model) }
  }
  return { outcome: 'read', took, failure: wrongReading(single, many, model) }
})

type Answer = ModelListing | string

function wrongRefusal(single: Answer, many: Answer, { entry }: ModelCase): string | undefined {
  if (single !== many) return `${entry}: ${codeOf(single)} on one thread, ${codeOf(many)} on three`
  return typeof single === 'string' && !REFUSALS.has(single) ? `${entry}: ${single}` : undefined
}

function codeOf(answer: Answer): string {
  return typeof answer === 'string' ? answer : 'read'
}

function wrongReading(single: ModelListing, many: ModelListing, model: ModelCase): string | undefined {
  const [a, b] = [single, many].map(({ tensors }) =>
    JSON.stringify(tensors.map(({ name, dtype, shape, digest }) => [name, dtype, shape, digest.hex])),
  )
  if (a !== b) return `${model.entry}: threads count`
  for (const { name, file, start, end, bytes, digest } of single.tensors) {
    if (start === undefined || end === undefined) continue
    // The name of a file is below the folder of the one that is read.
    const content = model.files.get(posix.join(posix.dirname(model.entry), file))
    const text = `${model.entry}: ${JSON.stringify(name)}, bytes ${start} to ${end} of ${file}`
    if (content === undefined || start > end || end > content.length) return `${text}: outside the file`
    if (end - start !== bytes) return `${text}: and it states ${bytes}`
    const sum = createHash('sha256').update(content.subarray(start, end)).digest('hex')
    if (sum !== digest.hex) return `${text}: another digest`
  }
  return undefined
}

/** Return what is read, the code of the error, or the text of an error without a code. */
async function attempt(path: string, threads: number): Promise<Answer> {
  try {
    return await listModel(path, { algorithm: 'sha256', threads })
  } catch (error) {
    return LineaprintError.is(error) ? error.code : `an error without a code: ${String(error)}`
  }
}
