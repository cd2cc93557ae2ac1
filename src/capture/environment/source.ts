/** Sources: independent parts of the environment, each with its own time limit and result. */
import { errorText } from '../../util/error-text.ts'
import { NotAvailable, NotApplicable, NotRequested } from '../../util/not-available.ts'
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { refuseFolderTool } from './version-files.ts'
import type { Inspection } from '../../core/component.ts'
import type { EnvironmentOptions } from '../../config/groups.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'
import type { EnvironmentFindings, SourceName, SourceState } from './types.ts'
import type { ProgramOptions } from '../../subprocess/run.ts'

/** The context of a source. */
export interface SourceContext {
  /** The folder the run works in. */
  readonly directory: string
  readonly variables: NodeJS.ProcessEnv
  /** Program and arguments of the command that is run; absent for a program that uses the tracker. */
  readonly command?: readonly string[] | undefined
  /** Set if the capture is compared with a run; see `CaptureContext`. */
  readonly inspection?: Inspection | undefined
  readonly options: EnvironmentOptions
  /** Aborted with the capture, and when the time of the source is over. */
  readonly signal: AbortSignal
  /** Messages for people, which the source adds. */
  readonly warnings: string[]
  /**
   * Reasons for values that could not be read, by field: no value is missing without a reason.
   */
  readonly unseen: Map<string, string>
  /** Fields of `unseen` that have no value because what they describe does not exist. */
  readonly nonexistent: Set<string>
}

/** A source: its probe returns the findings, or throws {@link NotAvailable} if there are none. */
export interface Source<N extends SourceName = SourceName> {
  readonly name: N
  readonly probe: (context: SourceContext) => Promise<EnvironmentFindings[N]>
}

/** The recorded state of a source, and the warnings for people. */
export interface SourceAnswer<N extends SourceName> {
  readonly value: SourceState<EnvironmentFindings[N]>
  readonly warnings: readonly string[]
}

/**
 * Probe one source. It never fails: an error in it becomes the reason for its absence. Only an abort of the
 * whole capture is rethrown.
 *
 * @param limits The context without the parts that belong to a single source.
 */
export async function probeSource<N extends SourceName>(
  source: Source<N>,
  limits: Omit<SourceContext, 'warnings' | 'unseen' | 'nonexistent' | 'signal'> & {
    readonly signal?: AbortSignal | undefined
  },
): Promise<SourceAnswer<N>> {
  const { signal } = limits
  const { timeoutMs } = limits.options
  signal?.throwIfAborted()
  const warnings: string[] = []
  const unseen = new Map<string, string>()
  const nonexistent = new Set<string>()
  const sourceWarnings = (): string[] => warnings.map((text) => `${source.name}: ${text.toWellFormed()}`)
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  // A source may be blocked in a call that no signal can end, so its end is not awaited.
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const late = new NotAvailable(`no answer within ${timeoutMs / 1000} s`)
      stop.abort(late)
      reject(late)
    }, timeoutMs)
    onAbort = () => {
      stop.abort(signal?.reason)
      reject(signal?.reason as Error)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
  try {
    const probed = source.probe({ ...limits, signal: stop.signal, warnings, unseen, nonexistent })
    const value = wellFormed(await Promise.race([probed, end]))
    const reasons = unseen.size === 0 ? {} : { unseen: wellFormed(reasonsOf(unseen)) }
    const fields = nonexistent.size === 0 ? {} : { nonexistent: [...nonexistent].toSorted(compareUtf8) }
    return { value: { status: 'present', ...value, ...reasons, ...fields }, warnings: sourceWarnings() }
  } catch (error) {
    signal?.throwIfAborted()
    const reason = redactText(errorText(error, 'first')).toWellFormed()
    if (error instanceof NotApplicable)
      return { value: { status: 'absent', reason, exists: false }, warnings: sourceWarnings() }
    if (!(error instanceof NotRequested)) warnings.push(reason)
    return { value: { status: 'absent', reason }, warnings: sourceWarnings() }
  } finally {
    clearTimeout(timer)
    if (onAbort) signal?.removeEventListener('abort', onAbort)
  }
}

function reasonsOf(unseen: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...unseen].map(([field, reason]) => [field, redactText(reason)]))
}

/** Return a value; if it is missing, record the reason for its field and return `null`. */
export function recordMissingReason<T>(
  { unseen }: Pick<SourceContext, 'unseen'>,
  field: string,
  value: T | null | undefined,
  reason: string,
): T | null {
  if (value !== null && value !== undefined) return value
  unseen.set(field, reason)
  return null
}

/**
 * Record the reason for a missing value whose object does not exist, and return `null`: two captures without it
 * are equal in this field.
 */
export function recordNonexistent(
  { unseen, nonexistent }: Pick<SourceContext, 'unseen' | 'nonexistent'>,
  field: string,
  reason: string,
): null {
  unseen.set(field, reason)
  nonexistent.add(field)
  return null
}

/**
 * Return a copy in which all text has a UTF-8 form. JSON of other programs may contain half a surrogate pair,
 * Python writes one for each byte of a path that is not UTF-8, and a record with it could not be sealed.
 */
function wellFormed<T extends JsonValue>(value: T): T {
  const clean = (item: JsonValue): JsonValue => {
    if (typeof item === 'string') return item.toWellFormed()
    if (Array.isArray(item)) return item.map((inner: JsonValue) => clean(inner))
    if (item === null || typeof item !== 'object') return item
    const members = Object.entries(item as JsonObject)
    return Object.fromEntries(members.map(([key, member]) => [key.toWellFormed(), clean(member)]))
  }
  // Only the text changes, so the type stays the same.
  return clean(value) as T
}

/**
 * Run a program for a source and return its output.
 *
 * @throws NotAvailable if it does not exit with code 0.
 */
export async function queryProgram(
  command: string,
  args: readonly string[],
  context: SourceContext,
  options: Partial<Pick<ProgramOptions, 'directory' | 'environment' | 'outputLimit'>> = {},
): Promise<string> {
  if (context.inspection !== undefined) await refuseFolderTool(command, context)
  const result = await runProgram(command, args, {
    directory: context.directory,
    environment: context.variables,
    outputLimit: 16 << 20,
    ...options,
    timeout: context.options.timeoutMs,
    signal: context.signal,
  })
  if (result.status === 'not-found') throw new NotApplicable(result.reason)
  if (result.status !== 'ended') throw new NotAvailable(result.reason)
  if (result.code === 0) return result.stdout.toString()
  // Some programs write their errors to stdout.
  const output = result.stderr.trim() === '' ? result.stdout.toString('utf8', 0, 1000) : result.stderr
  const line = output.trim().split('\n').at(-1) ?? ''
  throw new NotAvailable(
    `${command} ended with ${result.code ?? 'a signal'}${line === '' ? '' : `: ${line}`}`,
  )
}
