/**
 * A style of training program, with the real framework: it is recorded, what it wrote reproduces, and another seed is
 * named as the cause of other tensors.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { isModelFile } from '../../src/tracking/changes/model-files.ts'
import {
  digestsOf,
  filesIn,
  inProject,
  parametersIn,
  plain,
  programsIn,
  project,
  recordOf,
  seriesIn,
} from './support.ts'
import type { Program } from './support.ts'

/** A style, and what is true of its program. */
export interface Style {
  readonly name: string
  /** Folder of `programs/`. */
  readonly program: string
  /** A command that makes the data first. */
  readonly prepare?: string
  /** Options of `lineaprint run`. */
  readonly options?: readonly string[]
  readonly command: string
  readonly output: string
  /** Files that hold the model. */
  readonly model: readonly RegExp[]
  /** The Python programs of the run: script, rank, and seeds of its own. */
  readonly programs: readonly { script: string; rank?: number; ownSeeds: Record<string, string> }[]
  /** Generators from which each of them drew before it set its own seed. */
  readonly drawn?: readonly string[]
  /** The seeds of the run that are compared: 42, and another, by this command if the program sets its own. */
  readonly other?: string
  /** Fields that differ then: the tensors of a safetensors file, or the file. */
  readonly differing: readonly RegExp[]
  /** Part of the detail of the verdict about the output. */
  readonly detail: RegExp
  /** What is recorded of it. */
  readonly seen: Seen
}

/** What a run knows of a program that does not know of the run. */
export interface Seen {
  /** Number of values, last step and sources of each metric. @default none */
  readonly metrics?: unknown
  /** Value and sources of each parameter. @default none */
  readonly parameters?: unknown
  /** Names of datasets, which the options declare. @default none */
  readonly datasets?: readonly string[]
  /** The outputs of `--outputs auto`: the model files among those that the program wrote. @default none */
  readonly modelFiles?: readonly RegExp[]
}

/** What was found out about a style. */
export interface StyleOutcome {
  /** Exit code of `run`, and its stderr. */
  readonly run: readonly [code: number | null, stderr: string]
  /** Whether the model has the bytes that the program writes without lineaprint. */
  readonly isUnchanged: boolean
  readonly programs: readonly Pick<Program, 'script' | 'rank' | 'seed' | 'origin' | 'ownSeeds'>[]
  readonly warnings: readonly string[]
  readonly flags: readonly unknown[]
  readonly seen: Required<Record<keyof Seen, unknown>>
  /** Exit code of `reproduce`, and the verdict about the output. */
  readonly reproduce: readonly [code: number | null, verdict: string | undefined, detail: string | undefined]
  /** Exit code of `diff` with the run of another seed, the cause that comes first, and the fields. */
  readonly diff: readonly [code: number | null, cause: unknown, fields: readonly string[]]
}

/** Runs a style: alone, recorded, reproduced, and with another seed. */
export async function outcomeOf(style: Style): Promise<StyleOutcome> {
  const { output } = style
  const command = style.command.split(' ')
  const root = project(style.program)
  if (style.prepare !== undefined) await plain(root, style.prepare.split(' '))
  // What the command writes by itself, if it seeds itself.
  const model = style.other === undefined ? [] : style.model
  if (model.length > 0) await plain(root, command)
  const alone = await digestsOf(root, model)
  rmSync(join(root, output), { recursive: true, force: true })

  const options = ['--output', `${output}=${output}`, ...(style.options ?? [])]
  const run = await inProject(root, ['run', '--name', 'first', '--seed', '42', ...options, '--', ...command])
  const record = recordOf(root, 'first')
  const recorded = run.code === 0 ? await digestsOf(root, model) : {}
  const written = existsSync(join(root, output)) ? filesIn(root, output) : []

  const folder = `${root}-again`
  const again = await inProject(root, ['reproduce', 'first', '--json', '--into', folder])
  rmSync(folder, { recursive: true, force: true })
  const items = member(again.stdout, 'items') as
    { section: string; verdict: string; detail: string }[] | undefined
  const item = items?.find(({ section }) => section === 'outputs')

  // Another seed: of the program, or of the run.
  rmSync(join(root, output), { recursive: true, force: true })
  const seed = style.other === undefined ? '43' : '42'
  const other = style.other?.split(' ') ?? command
  const second = ['run', '--name', 'second', '--seed', seed, ...options, '--', ...other]
  await inProject(root, second)
  const diff = await inProject(root, ['diff', 'first', 'second', '--json', '--all'])
  const differences = (member(diff.stdout, 'differences') ?? []) as { field: string }[]
  return {
    run: [run.code, run.stderr],
    isUnchanged: JSON.stringify(recorded) === JSON.stringify(alone),
    programs: programsIn(record),
    // Ranks end in any order.
    warnings: record.warnings.toSorted(),
    flags: record.flags ?? [],
    seen: {
      metrics: seriesIn(record),
      parameters: parametersIn(record),
      datasets: Object.keys(record.datasets),
      modelFiles: written.filter((path) => isModelFile(path)),
    },
    reproduce: [again.code, item?.verdict, item?.detail],
    diff: [diff.code, member(diff.stdout, 'firstCause'), differences.map(({ field }) => field)],
  }
}

/** A member of a JSON document; `undefined` if the text is none. */
function member(text: string, name: string): unknown {
  try {
    return (JSON.parse(text) as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
}

/** What must be true of a style. */
export function expectedOf({ programs, drawn = [], detail, differing, seen }: Style): StyleOutcome {
  const count = `, ${programs.length} program${programs.length === 1 ? '' : 's'} seeded;`
  return {
    run: [0, expect.stringContaining(count) as string],
    isUnchanged: true,
    programs: programs.map(
      (program) => expect.objectContaining({ seed: 42, origin: 'run', ...program }) as Program,
    ),
    warnings: programs.flatMap((program) => warningsOf(program, drawn)).toSorted(),
    flags: [],
    seen: {
      metrics: seen.metrics ?? {},
      parameters: seen.parameters ?? {},
      datasets: seen.datasets ?? [],
      modelFiles: (seen.modelFiles ?? []).map((path) => expect.stringMatching(path) as string),
    },
    reproduce: [0, 'same', expect.stringMatching(detail) as string],
    diff: [
      1,
      'seeds',
      expect.arrayContaining(differing.map((field) => expect.stringMatching(field) as string)) as string[],
    ],
  }
}

function warningsOf({ script, ownSeeds }: Style['programs'][number], drawn: readonly string[]): string[] {
  const sentence = (fact: string, isOf: (name: string) => boolean, end: string): string[] => {
    const own = Object.entries(ownSeeds).flatMap(([name, seed]) => (isOf(name) ? [`${name} ${seed}`] : []))
    return own.length === 0
      ? []
      : [`${script} ${fact} ${own.length === 1 ? 'seed' : 'seeds'}${end}: ${own.join(', ')}`]
  }
  return [
    ...sentence('set its own', (name) => !drawn.includes(name), ', which replaced --seed 42'),
    ...sentence('drew numbers from --seed 42, and then set its own', (name) => drawn.includes(name), ''),
  ]
}
