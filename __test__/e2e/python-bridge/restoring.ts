/** A check of saved states: they are restored in the process and in another one. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { python } from './support.ts'
import type { PythonOptions } from './support.ts'

/** An interpreter, and what is drawn with it: every generator that can be restored. */
export interface Drawing {
  readonly options: PythonOptions
  /** Lines that import the libraries. */
  readonly head: string
  /** An expression that draws: first from generators of libraries, at least four times. */
  readonly draw: string
  /** Generators that are saved. */
  readonly names: readonly string[]
}

/**
 * Checks that a program saves, draws, restores and draws the same. Returns what it drew first, and what a new process
 * drew each time that it had restored the state.
 */
export async function restoresEverywhere({
  options,
  head,
  draw,
  names,
}: Drawing): Promise<{ first: unknown; next: unknown }> {
  const source = `import lineaprint\n${head}
def draw(): return ${draw}
say(draw())
say(lineaprint.checkpoint("middle"))
first = draw()
draw()
folder = os.environ["LINEAPRINT_RUN_DIRECTORY"]
report = lineaprint.restore(folder, "middle")
say(first == draw(), report["restored"], report["notRestored"], first)
lineaprint.restore(folder, "start")
say(draw())`
  const run = await python(source, { ...options, options: ['--seed', '42'] })
  expect(run.stderr).not.toContain('Traceback')
  const [drawn, saved, isSame, restored, notRestored, first, again] = run.said
  expect((saved as { generators: string[] }).generators.toSorted()).toEqual([...names].toSorted())
  expect([isSame, (restored as string[]).toSorted(), notRestored]).toEqual([true, [...names].toSorted(), []])
  // The start is where each library was when it had been imported; generators of default_rng began later.
  expect((again as unknown[]).slice(0, 4)).toEqual((drawn as unknown[]).slice(0, 4))
  // Another process, after a change of everything; the folder was copied elsewhere and is no run of a store.
  const copy = join(folderOf(), 'copy')
  mkdirSync(join(copy, 'generators'), { recursive: true })
  for (const file of ['run.json', 'generators/checkpoint-middle.json'])
    copyFileSync(join(run.folder, file), join(copy, file))
  const next = await python(
    `import lineaprint\n${head}
def draw(): return ${draw}
draw()
lineaprint.restore(${JSON.stringify(copy)}, at="middle")
say(draw())
lineaprint.restore(${JSON.stringify(join(copy, 'generators/checkpoint-middle.json'))})
say(draw())`,
    { ...options, options: ['--seed', '7'] },
  )
  return { first, next: next.said }
}
