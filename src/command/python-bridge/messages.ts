/**
 * The messages of the programs of a run. Programs are not trusted: everything is checked before it is used.
 */
import { z } from 'zod/mini'
import { LineaprintError } from '../../core/errors.ts'
import { OWN_SOURCE } from '../../record/record.ts'
import { jsonValue, streamSchema } from '../../record/schema-parts.ts'
import { ENGLISH, lazily } from '../../util/schema.ts'
import { PROTOCOL } from './frames.ts'
import { modelFacts } from './model-message.ts'
import type { StreamRecord } from '../../record/record.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { RecordedNumber } from '../../json/special-floats.ts'
import type { TrackedDatasetOptions } from '../../tracking/inputs.ts'
import type { ModelFacts } from './model-message.ts'

/** The report of a program about one source of randomness. */
export interface Target {
  readonly name: string
  readonly status: string
  readonly detail: string
}

/** The seed that a program set itself for a generator: as text, `null` if it came from the system. */
export interface OwnSeed {
  readonly name: string
  readonly seed: string | null
}

/** A generator whose state a forked process has from its parent. */
export interface InheritedGenerator {
  readonly name: string
  /** A digest of the state, in hexadecimal digits. */
  readonly state: string
}

/** Data that is too large for the connection: exactly one of a descriptor and a file. */
export interface FileTransfer {
  /** A file descriptor of the program, with the device and inode of its file. */
  readonly descriptor?: readonly [descriptor: number, device: string, inode: string] | undefined
  /** The name of a file in the folder for transferred files. */
  readonly file?: string | undefined
}

/** A part of a dataset in the memory of a program: all of it, or one of its named datasets. */
export interface TransferredPart extends FileTransfer {
  /** Absent if the part is the whole dataset. */
  readonly name?: string | undefined
  /** An Arrow stream, the framed records of a sequence, or the elements of an array. */
  readonly form: 'table' | 'sequence' | 'array'
  readonly dtype?: string | undefined
  readonly shape?: readonly number[] | undefined
  /** True if the records of a sequence are bytes, and not other values. */
  readonly areBytes?: boolean | undefined
  readonly records?: number | undefined
  /** Bytes of each block of a sequence in the file. */
  readonly blocks?: readonly number[] | undefined
}

/** A report to a library: its name, and the number of its instance, such as a writer. */
type Reported<C extends string> = {
  readonly call: C
  readonly source: string
  readonly instance: number
}

type Named<C extends string> = { readonly call: C; readonly id: number; readonly name: string }

/** Origin of a seed: the run, the program itself, or the position of a child process. */
type SeedOrigin = 'run' | 'set_seeds' | 'derived'

/** Position in the tree of forked and spawned processes: one index per level. */
type TreePath = readonly number[]

/** The interpreter of a program. */
export interface InterpreterReport {
  readonly executable: string
  readonly prefix: string
  readonly basePrefix: string
  /** Folders in which it searches modules. */
  readonly paths: readonly string[]
}

/** An input or output that a rank declares. */
interface DeclaredPath {
  readonly name: string
  /** Absolute. */
  readonly path: string
}

type Generators = Readonly<Record<string, unknown>>

/** A message. Those with an `id` get an answer. */
export type Message =
  | {
      readonly call: 'hello'
      /** Present if the program waits for the number of processes that claimed its path before. */
      readonly id?: number | undefined
      readonly protocol: number
      readonly pid: number
      readonly parent: number
      /** Kind of the process: started as a program, by multiprocessing, or by a fork. */
      readonly kind: 'program' | 'spawned' | 'forked'
      readonly version: string
      readonly implementation: string
      readonly hashSeed: string | null
      readonly seed: number | null
      readonly origin: SeedOrigin | null
      readonly path: TreePath
      /** Number in the job of a launcher such as torchrun. */
      readonly rank?: number | null | undefined
      /** Number among those of its machine, and number of processes of the job. */
      readonly localRank?: number | null | undefined
      readonly size?: number | null | undefined
      /** Name of the script or module that the interpreter runs. */
      readonly script?: string | null | undefined
      /** True if the program only starts another one. */
      readonly launcher?: boolean | undefined
      /** The interpreter; absent for a forked process, which has that of its parent. */
      readonly interpreter?: InterpreterReport | null | undefined
      /** When the process started, as the system counts. */
      readonly startTime?: number | null | undefined
      /** Version of the Python package. */
      readonly package?: string | undefined
    }
  | {
      readonly call: 'seeds'
      readonly seed: number | null
      readonly origin: SeedOrigin | null
      readonly deterministic: boolean
      readonly path: TreePath
      readonly targets: readonly Target[]
      /** Generators that drew from the seed. */
      readonly used?: readonly string[] | undefined
      readonly ownSeeds?: readonly OwnSeed[] | undefined
    }
  | {
      /** The greeting of a command that reports a few values, in place of `hello`. */
      readonly call: 'reporter'
      readonly protocol: number
      /** The process for which it reports: the one that started it. */
      readonly pid: number
      readonly rank?: number | null | undefined
    }
  | {
      /** The greeting of a rank that has a wrapper of its own. */
      readonly call: 'join'
      readonly id: number
      readonly protocol: number
      readonly pid: number
      readonly rank: number
      readonly localRank: number
      readonly datasets: readonly (DeclaredPath & { readonly options?: TrackedDatasetOptions | undefined })[]
      readonly models: readonly DeclaredPath[]
      readonly outputs: readonly DeclaredPath[]
      readonly metricFiles: readonly string[]
    }
  | {
      /** The end of the command of such a rank. */
      readonly call: 'leave'
      readonly id: number
      readonly exitCode: number | null
      readonly signal: string | null
      readonly durationMs: number
      readonly stdout: StreamRecord
      readonly stderr: StreamRecord
      readonly warnings: readonly string[]
    }
  | {
      /** A pass of a DataLoader over its data: the seed of worker N is the base plus N. */
      readonly call: 'loader'
      readonly workers: number
      /** A whole number, as text: it has up to 64 bits. */
      readonly base: string
    }
  | { readonly call: 'inherited'; readonly generators: readonly InheritedGenerator[] }
  | { readonly call: 'state'; readonly at: 'start' | 'end'; readonly generators: Generators }
  | (Named<'checkpoint'> & { readonly generators: Generators })
  | { readonly call: 'problem'; readonly message: string }
  | {
      readonly call: 'metrics'
      readonly values: readonly (readonly [name: string, value: RecordedNumber])[]
      readonly step?: number | undefined
    }
  | (Reported<'reported'> & {
      /** A name, a value, and a step if the program gave one. */
      readonly values: readonly (
        | readonly [name: string, value: RecordedNumber]
        | readonly [name: string, value: RecordedNumber, step: number]
      )[]
    })
  | (Reported<'parameters'> & {
      readonly values: readonly (readonly [name: string, value: JsonValue])[]
    })
  | { readonly call: 'parameter'; readonly name: string; readonly value: JsonValue }
  | { readonly call: 'metadata'; readonly values: Readonly<Record<string, unknown>> }
  | { readonly call: 'tags'; readonly tags: readonly string[] }
  /** The expectations of a program that joins a run: files with metrics, and undeclared model files as outputs. */
  | {
      readonly call: 'expect'
      readonly id: number
      readonly metricFiles: readonly string[]
      readonly autoOutputs: boolean
    }
  | (Named<'dataset'> &
      FileTransfer & {
        readonly path?: string | undefined
        readonly options?: TrackedDatasetOptions | undefined
        readonly dtype?: string | undefined
        readonly shape?: readonly number[] | undefined
        readonly parts?: readonly TransferredPart[] | undefined
      })
  | (Named<'model'> &
      FileTransfer &
      ModelFacts & {
        readonly path?: string | undefined
        /** Path of the base of an adapter; `false` to look for none. */
        readonly base?: string | false | undefined
      })
  | (Named<'output'> & { readonly path: string; readonly keep?: boolean | undefined })
  | (Named<'derive'> & {
      readonly from: readonly string[]
      readonly step?: string | undefined
      readonly params?: Readonly<Record<string, unknown>> | undefined
      /** Absolute paths of files, and sources of functions. */
      readonly code?: readonly (string | { readonly name: string; readonly source: string })[] | undefined
    })
  | {
      /** Digests of the order of samples: a name, a SHA-256 in hexadecimal digits, and the number of the batch. */
      readonly call: 'order'
      readonly values: readonly (readonly [name: string, digest: string, step: number])[]
    }
  | (Named<'digest'> &
      FileTransfer & {
        readonly step?: number | undefined
        readonly dtype: string
        readonly shape: readonly number[]
      })
  | {
      /** Settings at the end that change how results are computed. */
      readonly call: 'execution'
      /** Numbers of the processors that the process may use. */
      readonly affinity: readonly number[] | null
      readonly settings: Readonly<Record<string, string>>
      /** Number of Python processes that it started. */
      readonly workers?: number | undefined
    }
  | {
      /** The end of a run that the program started itself. */
      readonly call: 'end'
      readonly status: 'finished' | 'failed' | 'killed'
      /** Exit code of the program; `null` if it is still running, or ends by a signal. */
      readonly exitCode: number | null
      readonly signal: string | null
      /** Why the run did not succeed. */
      readonly error: string | null
    }
  | { readonly call: 'notes'; readonly notes: string }
  | {
      /** The source of a cell of a notebook, before it is executed. */
      readonly call: 'cell'
      /** Number of its execution, as the notebook shows it. */
      readonly number: number
      readonly source: string
    }
  | { readonly call: 'flush'; readonly id: number }
  | { readonly call: 'bye'; readonly script: string }

/** The message of one call. */
export type MessageOf<C extends Message['call']> = Extract<Message, { call: C }>

const NAME_LIMIT = 1024
/** Most characters of the source of a function. */
const SOURCE_LIMIT = 1 << 20
/** Largest number of a process in its job: launchers have nine digits, as in `python/_lineaprint/_position.py`. */
const RANK_LIMIT = 999_999_999
const PATH_LIMIT = 4096

/** Create a schema for text with a limited number of characters. */
const upTo = (limit: number): z.ZodMiniType<string> => z.string().check(z.maxLength(limit))

const schema = lazily((): z.ZodMiniType<Message> => {
  const digits = z.string().check(z.regex(/^\d{1,20}$/))
  const name = z.string().check(z.minLength(1), z.maxLength(NAME_LIMIT))
  const sentence = upTo(1000)
  const seed = z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER))
  const number = z.union([
    z.number(),
    z.strictObject({ __float__: z.enum(['NaN', 'Infinity', '-Infinity']) }),
  ])
  const object = z.custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'an object',
  )
  const origin = z.nullable(z.enum(['run', 'set_seeds', 'derived']))
  const id = z.int().check(z.minimum(0))
  const rank = z.int().check(z.minimum(0), z.maximum(RANK_LIMIT))
  const signal = z.string().check(z.regex(/^SIG[A-Z0-9+]{1,20}$/))
  const transfer = {
    descriptor: z.optional(z.tuple([id, digits, digits])),
    file: z.optional(z.string().check(z.regex(/^[\w-]{1,64}$/))),
  }
  const treePath = z.array(id).check(z.maxLength(64))
  const shape = z.array(id).check(z.maxLength(64))
  const path = z.string().check(
    z.minLength(1),
    z.maxLength(PATH_LIMIT),
    z.refine((text) => !text.includes('\0'), 'a path'),
  )
  const declared = z.array(z.object({ name, path })).check(z.maxLength(10_000))
  // The reader of the dataset checks which texts are allowed.
  const texts = z.optional(z.array(z.string()).check(z.maxLength(1000)))
  const datasetOptions = z.optional(
    z.object({ table: z.optional(name), licenses: texts, sources: texts, preprocessing: texts }),
  )
  const datasets = z.array(z.object({ name, path, options: datasetOptions })).check(z.maxLength(10_000))
  const hello = z.object({
    call: z.literal('hello'),
    id: z.optional(id),
    protocol: z.literal(PROTOCOL),
    pid: z.int().check(z.minimum(1)),
    parent: id,
    kind: z.enum(['program', 'spawned', 'forked']),
    version: upTo(64),
    implementation: upTo(64),
    hashSeed: z.nullable(upTo(64)),
    seed: z.nullable(seed),
    origin,
    path: treePath,
    rank: z.optional(z.nullable(id)),
    localRank: z.optional(z.nullable(id)),
    size: z.optional(z.nullable(id)),
    script: z.optional(z.nullable(upTo(PATH_LIMIT))),
    startTime: z.optional(z.nullable(id)),
    launcher: z.optional(z.boolean()),
    package: z.optional(upTo(64)),
    interpreter: z.optional(
      z.nullable(
        z.object({
          executable: upTo(PATH_LIMIT),
          prefix: upTo(PATH_LIMIT),
          basePrefix: upTo(PATH_LIMIT),
          paths: z.array(upTo(PATH_LIMIT)).check(z.maxLength(200)),
        }),
      ),
    ),
  })
  const seeds = z.object({
    call: z.literal('seeds'),
    seed: z.nullable(seed),
    origin,
    deterministic: z.boolean(),
    path: treePath,
    targets: z
      .array(
        z.object({
          name: upTo(64),
          status: upTo(32),
          detail: sentence,
        }),
      )
      .check(z.maxLength(100)),
    used: z.optional(z.array(upTo(64)).check(z.maxLength(100))),
    ownSeeds: z.optional(
      z.array(z.object({ name: upTo(64), seed: z.nullable(upTo(1000)) })).check(z.maxLength(100)),
    ),
  })
  const inherited = z.object({
    call: z.literal('inherited'),
    generators: z
      .array(z.object({ name: upTo(64), state: z.string().check(z.regex(/^[0-9a-f]{64}$/)) }))
      .check(z.maxLength(100)),
  })
  const reporter = {
    // Values without a source are those that the program logged itself.
    source: z.string().check(
      z.regex(/^[a-z][a-z0-9]{0,31}$/),
      z.refine((text) => text !== OWN_SOURCE, 'a library'),
    ),
    instance: z.int().check(z.minimum(1)),
  }
  const part = z.object({
    name: z.optional(upTo(NAME_LIMIT)),
    form: z.enum(['table', 'sequence', 'array']),
    ...transfer,
    dtype: z.optional(upTo(16)),
    shape: z.optional(shape),
    areBytes: z.optional(z.boolean()),
    records: z.optional(id),
    blocks: z.optional(z.array(id).check(z.maxLength(1_000_000))),
  })
  const tracked = { id, name, path: z.optional(path), ...transfer }
  return z.discriminatedUnion('call', [
    hello,
    seeds,
    inherited,
    z.object({
      call: z.literal('loader'),
      workers: id.check(z.maximum(100_000)),
      base: z.string().check(z.regex(/^-?[0-9]{1,20}$/)),
    }),
    z.object({
      call: z.literal('join'),
      id,
      protocol: z.literal(PROTOCOL),
      pid: id,
      rank,
      localRank: rank,
      datasets,
      models: declared,
      outputs: declared,
      metricFiles: z.array(path).check(z.maxLength(1000)),
    }),
    z.object({
      call: z.literal('leave'),
      id,
      exitCode: z.nullable(z.int()),
      signal: z.nullable(signal),
      durationMs: z.number().check(z.minimum(0)),
      stdout: streamSchema(),
      stderr: streamSchema(),
      warnings: z.array(sentence).check(z.maxLength(100)),
    }),
    z.object({
      call: z.literal('reporter'),
      protocol: z.literal(PROTOCOL),
      pid: id,
      rank: z.optional(z.nullable(rank)),
    }),
    z.object({ call: z.literal('state'), at: z.enum(['start', 'end']), generators: object }),
    z.object({ call: z.literal('checkpoint'), id, name, generators: object }),
    z.object({ call: z.literal('problem'), message: sentence }),
    z.object({
      call: z.literal('metrics'),
      values: z.array(z.tuple([name, number])).check(z.maxLength(100_000)),
      step: z.optional(z.number()),
    }),
    z.object({
      call: z.literal('reported'),
      ...reporter,
      values: z
        .array(z.union([z.tuple([name, number]), z.tuple([name, number, z.number()])]))
        .check(z.maxLength(100_000)),
    }),
    z.object({
      call: z.literal('parameters'),
      ...reporter,
      values: z.array(z.tuple([name, jsonValue])).check(z.maxLength(100_000)),
    }),
    z.object({ call: z.literal('parameter'), name, value: jsonValue }),
    z.object({ call: z.literal('metadata'), values: object }),
    z.object({ call: z.literal('tags'), tags: z.array(name).check(z.maxLength(10_000)) }),
    z.object({
      call: z.literal('expect'),
      id,
      metricFiles: z.array(path).check(z.maxLength(1000)),
      autoOutputs: z.boolean(),
    }),
    z.object({
      call: z.literal('dataset'),
      ...tracked,
      options: datasetOptions,
      dtype: z.optional(upTo(16)),
      shape: z.optional(shape),
      parts: z.optional(z.array(part).check(z.minLength(1), z.maxLength(1000))),
    }),
    z.object({
      call: z.literal('model'),
      ...tracked,
      base: z.optional(z.union([path, z.literal(false)])),
      ...modelFacts(),
    }),
    z.object({ call: z.literal('output'), id, name, path, keep: z.optional(z.boolean()) }),
    z.object({
      call: z.literal('derive'),
      id,
      name,
      from: z.array(name).check(z.minLength(1), z.maxLength(10_000)),
      step: z.optional(name),
      params: z.optional(object),
      code: z.optional(
        z
          .array(z.union([path, z.object({ name: upTo(NAME_LIMIT), source: upTo(SOURCE_LIMIT) })]))
          .check(z.maxLength(1000)),
      ),
    }),
    z.object({
      call: z.literal('order'),
      values: z
        .array(z.tuple([name, z.string().check(z.regex(/^[0-9a-f]{64}$/)), id]))
        .check(z.maxLength(10_000)),
    }),
    z.object({
      call: z.literal('digest'),
      id,
      name,
      step: z.optional(z.number()),
      ...transfer,
      dtype: upTo(16),
      shape,
    }),
    z.object({
      call: z.literal('execution'),
      affinity: z.nullable(z.array(id).check(z.maxLength(65_536))),
      settings: z.record(upTo(64), upTo(200)),
      workers: z.optional(id),
    }),
    z.object({
      call: z.literal('end'),
      status: z.enum(['finished', 'failed', 'killed']),
      exitCode: z.nullable(z.int()),
      signal: z.nullable(signal),
      error: z.nullable(sentence),
    }),
    z.object({ call: z.literal('notes'), notes: z.string() }),
    z.object({ call: z.literal('cell'), number: id, source: z.string() }),
    z.object({ call: z.literal('flush'), id }),
    z.object({ call: z.literal('bye'), script: upTo(PATH_LIMIT) }),
  ])
})

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parse a frame.
 *
 * @returns Any JSON object.
 * @throws ERR_LINEAPRINT_FORMAT for anything else: the peer does not follow the protocol.
 */
export function parseFrame(frame: Uint8Array): object {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(frame))
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a message is not JSON', { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'a message is not an object')
}

/**
 * Check a message.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT with the first problem.
 */
export function checkMessage(value: object): Message {
  const flush = flushOf(value)
  if (flush !== undefined) return flush
  const checked = schema().safeParse(value, ENGLISH)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const call = 'call' in value && typeof value.call === 'string' ? value.call : ''
  const field = issue?.path.map(String).join('.') ?? ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the message ${JSON.stringify(call.slice(0, 40))} cannot be used: ${field}: ${issue?.message ?? ''}`,
    { field, cause: checked.error },
  )
}

/**
 * Check a `flush` without a schema. Every run sends one from its own server, and building a schema for it
 * costs more than the check.
 */
function flushOf(value: object): MessageOf<'flush'> | undefined {
  const id = idOf(value)
  return 'call' in value && value.call === 'flush' && id !== undefined && id >= 0
    ? { call: 'flush', id }
    : undefined
}

/** Return the number that identifies the answer, even for a message that is otherwise invalid. */
export function idOf(value: object): number | undefined {
  return 'id' in value && typeof value.id === 'number' && Number.isSafeInteger(value.id)
    ? value.id
    : undefined
}
