/** One independent part of the environment, with its own time limit and its own answer. */
import { errorText } from '../../util/error-text.ts'
import { Absent, NotThere } from '../../util/not-available.ts'
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import type { EnvironmentOptions } from '../../config/groups.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'
import type { ProgramOptions } from '../../subprocess/run.ts'

/** What a source looks at. */
export interface SourceContext {
  /** The folder the run works in. */
  readonly directory: string
  readonly variables: NodeJS.ProcessEnv
  /** Program and arguments of the command that is run; absent for a program that tracks itself. */
  readonly command?: readonly string[] | undefined
  readonly options: EnvironmentOptions
  /** Ends with the capture, and with the source's time. */
  readonly signal: AbortSignal
  /** Gets plain sentences that people should read. */
  readonly warnings: string[]
  /** Gets the name of each field that could not be seen, and why: no value is missing without a reason. */
  readonly unseen: Map<string, string>
}

/** A source: gives what it found, or throws {@link Absent} where there is nothing to find. */
export interface Source {
  readonly name: string
  readonly look: (context: SourceContext) => Promise<JsonObject>
}

/**
 * Asks one source. It never fails: what goes wrong in it is its reason for being absent. Only an abort of the whole
 * capture is thrown on.
 *
 * @param limits The context without what belongs to the single source.
 */
export async function askSource(
  source: Source,
  limits: Omit<SourceContext, 'warnings' | 'unseen' | 'signal'> & {
    readonly signal?: AbortSignal | undefined
  },
): Promise<{ value: JsonObject; warnings: string[] }> {
  const { signal } = limits
  const { timeoutMs } = limits.options
  signal?.throwIfAborted()
  const warnings: string[] = []
  const unseen = new Map<string, string>()
  const told = (): string[] => warnings.map((text) => `${source.name}: ${text.toWellFormed()}`)
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  // A source may be stuck in something that no signal ends, so its end is not waited for.
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const late = new Absent(`no answer within ${timeoutMs / 1000} s`)
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
    const looked = source.look({ ...limits, signal: stop.signal, warnings, unseen })
    const value = await Promise.race([looked, end])
    const reasons = unseen.size === 0 ? {} : { unseen: reasonsOf(unseen) }
    return { value: { status: 'present', ...wellFormed({ ...value, ...reasons }) }, warnings: told() }
  } catch (error) {
    signal?.throwIfAborted()
    const reason = redactText(errorText(error, 'first')).toWellFormed()
    if (!(error instanceof NotThere)) warnings.push(reason)
    return { value: { status: 'absent', reason }, warnings: told() }
  } finally {
    clearTimeout(timer)
    if (onAbort) signal?.removeEventListener('abort', onAbort)
  }
}

function reasonsOf(unseen: ReadonlyMap<string, string>): JsonObject {
  return Object.fromEntries([...unseen].map(([field, reason]) => [field, redactText(reason)]))
}

/** A value, or `null` with the reason noted under the name of the field. */
export function orUnseen<T>(
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
 * The same with text that has a UTF-8 form: JSON of other programs may hold half a surrogate pair, Python writes one
 * for each byte of a path that is not UTF-8, and a record that holds it could not be sealed.
 */
function wellFormed(value: JsonObject): JsonObject {
  const clean = (item: JsonValue): JsonValue => {
    if (typeof item === 'string') return item.toWellFormed()
    if (Array.isArray(item)) return item.map((inner: JsonValue) => clean(inner))
    return item === null || typeof item !== 'object' ? item : wellFormed(item as JsonObject)
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.toWellFormed(), clean(member)]))
}

/** Runs a program for a source and gives its output; throws {@link Absent} if it does not end well. */
export async function ask(
  command: string,
  args: readonly string[],
  context: SourceContext,
  options: Partial<Pick<ProgramOptions, 'directory' | 'environment' | 'outputLimit'>> = {},
): Promise<string> {
  const result = await runProgram(command, args, {
    directory: context.directory,
    environment: context.variables,
    outputLimit: 16 << 20,
    ...options,
    timeout: context.options.timeoutMs,
    signal: context.signal,
  })
  if (result.status === 'not-found') throw new NotThere(result.reason)
  if (result.status !== 'ended') throw new Absent(result.reason)
  if (result.code === 0) return result.stdout.toString()
  // Some programs tell their errors to stdout.
  const said = result.stderr.trim() === '' ? result.stdout.toString('utf8', 0, 1000) : result.stderr
  const line = said.trim().split('\n').at(-1) ?? ''
  throw new Absent(`${command} ended with ${result.code ?? 'a signal'}${line === '' ? '' : `: ${line}`}`)
}
