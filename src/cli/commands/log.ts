/** `lineaprint log`: any program reports to the run in which it was started. */
import { Argument, Command, InvalidArgumentError } from 'commander'
import { BridgeClient, bridgeOf } from '../../command/python-bridge/client.ts'
import { PROTOCOL } from '../../command/python-bridge/frames.ts'
import { rankOf } from '../../command/ranks/launch.ts'
import { LineaprintError } from '../../core/errors.ts'
import { encodeFloat } from '../../json/special-floats.ts'
import { LINE_LIMIT, LineSplitter } from '../../tracking/metric-files/lines.ts'
import { describeBeyond, parseNumber, parseRow } from '../../tracking/metric-files/values.ts'
import { failureOf } from '../shared/failure.ts'
import { printError, printJson } from '../shared/output.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { Line } from '../../tracking/metric-files/lines.ts'
import type { Row } from '../../tracking/metric-files/values.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'

/** The kinds of reports. */
const KINDS = ['metric', 'param', 'tag', 'note'] as const

type Kind = (typeof KINDS)[number]

interface LogOptions extends CommonOptions {
  readonly step?: number
  readonly stdin?: boolean
}

const EXAMPLES = `
Start it from a program under "lineaprint run", in any language; it reports to that run. It ends when the values are on disk.
  metric NAME VALUE   one value; nan and inf are values, too
  param NAME VALUE    a parameter of the run; numbers, true and false are recorded as such, anything else as text
  tag TAG…            tags
  note TEXT           the note, which replaces an earlier one
With --stdin, "metric" reads one JSON object for each line: its numbers are values, those of nested objects with dotted
names, and step, global_step, iteration or epoch is the step. This is much faster than one command for each value. A
line that cannot be logged is a warning, and the next lines are still read.

Exit code 3: it was not started in a run, the run has ended, or a line was not logged.

Examples:
  lineaprint log metric loss 0.3 --step 4
  lineaprint log param rate 0.001
  ./simulate | lineaprint log metric --stdin`

/** Build the command. */
export function command(context: CommandContext): Command {
  return (
    new Command('log')
      .addArgument(new Argument('<kind>', 'what to log').choices(KINDS))
      .argument('[words...]', 'a name and its value; tags; or a note')
      .option('--step <number>', 'the step of the value', parseStep)
      .option('--stdin', 'read values from lines of JSON')
      // `-inf` is a value.
      .allowUnknownOption()
      .addHelpText('after', EXAMPLES)
      .action((kind: Kind, words: string[], options: LogOptions) => report(kind, words, options, context))
  )
}

function parseStep(text: string): number {
  const step = parseNumber(text)
  if (step !== undefined && Number.isFinite(step)) return step
  throw new InvalidArgumentError('Expected a number.')
}

async function report(
  kind: Kind,
  words: readonly string[],
  options: LogOptions,
  context: CommandContext,
): Promise<void> {
  checkOptions(kind, words, options)
  if (options.stdin === true) {
    const { refused } = await logLines(options)
    if (refused > 0) context.exit(3)
    return
  }
  // Wrong values are found outside of a run, too.
  const message = messageOf(kind, words, options.step)
  const client = await connected()
  try {
    await client.call(message)
  } finally {
    client.close()
  }
  if (options.json === true) printJson({ run: process.env['LINEAPRINT_RUN_ID'] ?? null, kind })
}

function checkOptions(kind: Kind, words: readonly string[], { step, stdin }: LogOptions): void {
  const unknown = words.find((word) => /^--[a-z]/.test(word))
  if (unknown !== undefined) throw wrong(`unknown option '${unknown}'`)
  if (kind !== 'metric' && (step !== undefined || stdin === true))
    throw wrong(`${step === undefined ? '--stdin' : '--step'} is for metric`)
  if (stdin === true && words.length > 0) throw wrong('--stdin takes no name and no value')
}

/** Return the message about what the words say. @throws ERR_LINEAPRINT_ARGUMENT if they say nothing. */
function messageOf(kind: Kind, words: readonly string[], step: number | undefined): object {
  return MESSAGES[kind](words, step)
}

const MESSAGES: Readonly<Record<Kind, (words: readonly string[], step: number | undefined) => object>> = {
  metric: (words, step) => {
    const [name, text] = pairOf('metric', words)
    const value = parseNumber(text)
    if (value !== undefined) return metrics([[name, value]], step)
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `the metric ${JSON.stringify(name)} cannot be logged`,
      { field: name, expected: 'a number', received: JSON.stringify(text) },
    )
  },
  param: (words) => {
    const [name, text] = pairOf('param', words)
    return { call: 'parameter', name, value: parameterOf(text) }
  },
  tag: (words) => {
    if (words.length > 0 && !words.includes('')) return { call: 'tags', tags: words }
    throw wrong('expected tags that are not empty')
  },
  note: ([notes, ...others]) => {
    if (notes !== undefined && others.length === 0) return { call: 'notes', notes }
    throw wrong('expected one text; quote it')
  },
}

function pairOf(kind: Kind, words: readonly string[]): readonly [string, string] {
  const [name, text] = words
  if (name !== undefined && name !== '' && text !== undefined && words.length === 2) return [name, text]
  throw wrong(`expected ${kind} NAME VALUE`)
}

/** Return the value of a parameter: a number that keeps its digits, a truth value, or the text. */
function parameterOf(text: string): JsonValue {
  if (text === 'true' || text === 'false') return text === 'true'
  const isNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/.test(text)
  const value = Number(text)
  const isExact = /[.eE]/.test(text) ? Number.isFinite(value) : Number.isSafeInteger(value)
  return isNumber && isExact ? value : text
}

function metrics(values: readonly (readonly [string, number])[], step: number | undefined): object {
  return {
    call: 'metrics',
    values: values.map(([name, value]) => [name, encodeFloat(value)]),
    ...(step !== undefined && { step }),
  }
}

/**
 * Log the rows of standard input. What cannot be logged is reported, and the rest is read in any case: a program that
 * writes to a pipe without a reader would be ended.
 *
 * @returns The number of values, and the number of lines that were not logged or not as a whole.
 */
async function logLines({ step, json }: LogOptions): Promise<{ count: number; refused: number }> {
  let count = 0
  let number = 0
  let refused = 0
  let failure: unknown
  const client = await connected().catch((error: unknown) => {
    failure = error
  })
  client?.onLost((error) => (failure ??= error))
  const splitter = new LineSplitter()
  const refuse = (message: string): void => {
    refused++
    if (refused <= REPORTED) printError(`lineaprint: warning: ${message}`)
  }
  const logLine = async (line: Line): Promise<void> => {
    number++
    if (failure !== undefined || line?.trim() === '') return
    try {
      const row = rowOfLine(line)
      if (row.values.length > 0) await client?.tell(metrics(row.values, row.step ?? step))
      count += row.values.length
      const beyond = describeBeyond(row)
      if (beyond !== undefined) refuse(`not all of line ${number} of stdin was logged: ${beyond}`)
    } catch (error) {
      refuse(`line ${number} of stdin was not logged: ${failureOf(error).message}`)
    }
  }
  for await (const chunk of process.stdin)
    for (const line of splitter.push(chunk as Buffer)) await logLine(line)
  for (const line of splitter.end()) await logLine(line)
  try {
    if (failure !== undefined) throw failure
    await client?.call({ call: 'flush' })
  } finally {
    client?.close()
  }
  if (json === true)
    printJson({ run: process.env['LINEAPRINT_RUN_ID'] ?? null, kind: 'metric', count, refused })
  return { count, refused }
}

/** Largest number of lines about which a warning is printed. */
const REPORTED = 10

function rowOfLine(line: Line): Row {
  if (line !== undefined) return parseRow(line)
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the line is too long', {
    expected: `at most ${LINE_LIMIT} bytes`,
    received: 'more',
  })
}

async function connected(): Promise<BridgeClient> {
  const client = await BridgeClient.connect(bridgeOf(process.env))
  const rank = rankOf(process.env) ?? null
  await client.call({ call: 'reporter', protocol: PROTOCOL, pid: process.ppid, rank })
  return client
}

function wrong(message: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', message)
}
