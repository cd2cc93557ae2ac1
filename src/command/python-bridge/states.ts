/**
 * Saved generator states: files in the run's folder from which a program can restore its generators.
 * `docs/python.md` describes them. They are JSON; nothing in them is executed.
 */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { modesIn } from '../../util/modes.ts'
import { storeError, writeAtomic } from '../../util/fs.ts'
import { safeFileName } from '../../core/run-id.ts'
import { checkName, copyAsJson } from '../../json/copy.ts'
import type { JsonObject } from '../../core/json-value.ts'

/** Version of the files; `python/lineaprint/_states.py` reads them. */
const SCHEMA = 'lineaprint/generators/v1'

/** Largest number of generators of a program. */
const GENERATOR_LIMIT = 1000

/** Largest number of state files of a run. */
const FILE_LIMIT = 10_000

/** The time of a saved state: the start or end of the program, or a checkpoint. */
export type Moment =
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'checkpoint'; readonly name: string }

/** The saved state of one program. */
export interface SavedState {
  readonly moment: Moment
  readonly program: number
  readonly seed: number | null
  readonly version: string
  readonly generators: JsonObject
}

/** The writer of the state files of one run. */
export class StateFiles {
  readonly #folder: string
  readonly #nameOf: (name: string) => string
  readonly #written = new Set<string>()

  /**
   * Create a writer.
   *
   * @param folder The folder of the run.
   * @param nameOf Returns the recorded form of a name that a program gave. @default the name itself
   */
  constructor(folder: string, nameOf: (name: string) => string = (name) => name) {
    this.#folder = folder
    this.#nameOf = nameOf
  }

  /**
   * Write the states. They replace an earlier file of the same name.
   *
   * @returns The path of the file, relative to the folder of the run.
   */
  async write({ moment, program, generators, ...about }: SavedState): Promise<string> {
    const at = moment.kind === 'checkpoint' ? this.#nameOf(moment.name) : moment.kind
    const stem = moment.kind === 'checkpoint' ? `checkpoint-${safeFileName(at)}` : at
    const path = join('generators', ...(program === 1 ? [] : [`program-${program}`]), `${stem}.json`)
    if (!this.#written.has(path) && this.#written.size >= FILE_LIMIT) {
      throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the run has too many saved states', {
        expected: `at most ${FILE_LIMIT}`,
        received: 'one more',
        hint: 'save fewer, or use the same name again',
      })
    }
    const content = { schema: SCHEMA, at, program, ...about, savedAt: new Date().toISOString() }
    const target = join(this.#folder, path)
    const modes = modesIn(this.#folder)
    try {
      await mkdir(dirname(target), { recursive: true, mode: modes.folder })
    } catch (cause) {
      throw storeError(dirname(target), 'cannot be created', cause)
    }
    await writeAtomic(target, format(content, generators), modes.file)
    this.#written.add(path)
    return path
  }
}

/** Format as JSON with one generator per line. */
function format(about: JsonObject, generators: JsonObject): string {
  const head = Object.entries(about).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  const lines = Object.entries(generators).map(
    ([name, state]) => `${JSON.stringify(name)}:${JSON.stringify(state)}`,
  )
  return `{${head.join(',')},"generators":{\n${lines.join(',\n')}\n}}\n`
}

/**
 * Check the states that a program sent.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for an invalid value.
 */
export function checkGenerators(value: unknown): JsonObject {
  const generators = copyAsJson(value, 'the states')
  const names = Object.keys(generators)
  if (names.length > GENERATOR_LIMIT) throw refusal(`at most ${GENERATOR_LIMIT}`, String(names.length))
  for (const name of names) {
    checkName(name, 'the name of a generator')
    const state = generators[name] as JsonObject | null
    if (typeof state?.['algorithm'] !== 'string') throw refusal('an algorithm', 'none')
  }
  return generators
}

function refusal(expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'these are not states of generators', {
    field: 'generators',
    expected,
    received,
  })
}
