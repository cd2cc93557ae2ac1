/**
 * The request of a program to the recorder that it starts beside itself: who it is, and the options of its run. Programs
 * are not trusted: everything is checked before it is used.
 */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { ENGLISH, lazily } from '../util/schema.ts'
import { PROTOCOL } from './python-bridge/frames.ts'
import type { NamedPath } from './lifecycle.ts'

/** The request of a program. */
export interface ProgramRequest {
  readonly protocol: number
  readonly pid: number
  /** When the process started, as the system counts; `null` if the system does not tell. */
  readonly startTime: number | null
  readonly argv: readonly string[]
  /** True if the command line starts the same work again; a kernel of a notebook has one that does not. */
  readonly isRepeatable: boolean
  readonly name?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly notes?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly seed?: number | undefined
  readonly continues?: string | undefined
  readonly outputDir?: string | undefined
  readonly config?: string | undefined
  readonly datasets?: readonly NamedPath[] | undefined
  readonly models?: readonly NamedPath[] | undefined
  readonly outputs?: readonly NamedPath[] | undefined
  /** Absolute paths of files in which the program writes metrics. */
  readonly metricFiles?: readonly string[] | undefined
  readonly autoOutputs?: boolean | undefined
}

const schema = lazily((): z.ZodMiniType<ProgramRequest> => {
  const text = z.string().check(z.minLength(1))
  const paths = z.optional(z.array(z.strictObject({ name: text, path: text })).check(z.maxLength(10_000)))
  return z.strictObject({
    protocol: z.int(),
    pid: z.int().check(z.minimum(1)),
    startTime: z.nullable(z.int().check(z.minimum(0))),
    argv: z.array(z.string()).check(z.minLength(1), z.maxLength(100_000)),
    isRepeatable: z.boolean(),
    name: z.optional(text),
    tags: z.optional(z.array(text)),
    notes: z.optional(z.string()),
    metadata: z.optional(z.record(z.string(), z.unknown())),
    seed: z.optional(z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER))),
    continues: z.optional(text),
    outputDir: z.optional(text),
    config: z.optional(text),
    datasets: paths,
    models: paths,
    outputs: paths,
    metricFiles: z.optional(z.array(text).check(z.maxLength(1000))),
    autoOutputs: z.optional(z.boolean()),
  })
})

/**
 * Parse a request.
 *
 * @throws ERR_LINEAPRINT_STATE for another version of the messages, ERR_LINEAPRINT_ARGUMENT for anything else.
 */
export function parseRequest(text: string): ProgramRequest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the request is not JSON', { cause })
  }
  checkProtocol(value)
  const checked = schema().safeParse(value, ENGLISH)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const field = issue?.path.map(String).join('.') ?? ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    `the request cannot be used: ${issue?.message ?? ''}`,
    {
      field,
      cause: checked.error,
    },
  )
}

/** The version comes first: a request of another version may have other fields. */
function checkProtocol(value: unknown): void {
  const protocol =
    typeof value === 'object' && value !== null && 'protocol' in value ? value.protocol : undefined
  if (protocol === PROTOCOL) return
  throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the Python package is of another version', {
    field: 'protocol',
    expected: String(PROTOCOL),
    received: JSON.stringify(protocol) ?? 'nothing',
    hint: 'install the same version of lineaprint with pip and with npm',
  })
}
