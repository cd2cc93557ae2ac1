/** The records of a run file of W&B, each as the bytes of one `wandb_internal.Record`. */
import { integer, message, nested, text, timestamp } from './protobuf.ts'
import type { Field } from './protobuf.ts'

/** Numbers of the fields of `wandb_internal.Record`. */
const RECORD = {
  number: 1,
  history: 2,
  summary: 3,
  files: 6,
  run: 17,
  exit: 18,
  final: 20,
  header: 21,
  footer: 22,
  environment: 26,
} as const

/** What makes a run known to W&B. */
export interface RunHead {
  readonly id: string
  readonly project: string
  readonly entity: string | undefined
  readonly name: string
  readonly notes: string
  readonly tags: readonly string[]
  readonly host: string
  /** Milliseconds since 1970. */
  readonly startTime: number
  readonly commit: string | undefined
  readonly remote: string | undefined
  readonly config: Readonly<Record<string, unknown>>
}

/** Where a run ran. */
export interface RunEnvironment {
  /** Tells the parts of the environment apart where several processes write one run. */
  readonly writer: string
  readonly os: string | undefined
  readonly python: string | undefined
  readonly startTime: number
  readonly program: string
  readonly args: readonly string[]
  readonly directory: string
  readonly host: string
  readonly commit: string | undefined
  readonly remote: string | undefined
}

/** Makes records; they are numbered in the order in which they are made. */
export class RecordMaker {
  #number = 0

  header(producer: string): Buffer {
    return this.#record(RECORD.header, nested(1, text(1, producer)))
  }

  run(head: RunHead): Buffer {
    return this.#record(
      RECORD.run,
      text(1, head.id),
      ...(head.entity === undefined ? [] : [text(2, head.entity)]),
      text(3, head.project),
      nested(4, ...items(head.config)),
      text(8, head.name),
      text(9, head.notes),
      ...head.tags.map((tag) => text(10, tag)),
      text(13, head.host),
      timestamp(17, head.startTime),
      ...git(21, head),
    )
  }

  environment(of: RunEnvironment): Buffer {
    return this.#record(
      RECORD.environment,
      ...(of.os === undefined ? [] : [text(1, of.os)]),
      ...(of.python === undefined ? [] : [text(2, of.python)]),
      timestamp(3, of.startTime),
      ...of.args.map((argument) => text(5, argument)),
      text(6, of.program),
      ...git(9, of),
      text(11, of.directory),
      text(12, of.host),
      text(199, of.writer),
    )
  }

  /** One row: values of metrics at one step. */
  history(step: number, values: Readonly<Record<string, unknown>>): Buffer {
    return this.#record(RECORD.history, ...items(values), nested(2, integer(1, step)))
  }

  summary(values: Readonly<Record<string, unknown>>): Buffer {
    return this.#record(RECORD.summary, ...items(values))
  }

  /** Files below `files/` that are to be uploaded. */
  files(paths: readonly string[]): Buffer {
    return this.#record(RECORD.files, ...paths.map((path) => nested(1, text(1, path), integer(2, 1))))
  }

  /** @param runtime Seconds. */
  exit(code: number, runtime: number): Buffer {
    return this.#record(RECORD.exit, integer(1, code), integer(2, runtime))
  }

  final(): Buffer {
    return this.#record(RECORD.final)
  }

  footer(): Buffer {
    return this.#record(RECORD.footer)
  }

  #record(type: number, ...fields: readonly Field[]): Buffer {
    return message(integer(RECORD.number, ++this.#number), nested(type, ...fields))
  }
}

function git(
  field: number,
  { commit, remote }: { commit: string | undefined; remote: string | undefined },
): Field[] {
  if (commit === undefined) return []
  return [nested(field, ...(remote === undefined ? [] : [text(1, remote)]), text(2, commit))]
}

/** `{ key = 1, value_json = 16 }` for every value. */
function items(values: Readonly<Record<string, unknown>>): Field[] {
  return Object.entries(values).map(([key, value]) => nested(1, text(1, key), text(16, valueJson(value))))
}

/** NaN and the infinities stand as what Python's JSON calls them, which is what W&B reads here. */
function valueJson(value: unknown): string {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : JSON.stringify(value)
}
