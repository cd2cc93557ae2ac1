/**
 * Commands that report a few values and end, such as `lineaprint log`. All of those of one rank are one process of the
 * record: their values are one series, however many commands logged them.
 */
import { LineaprintError } from '../../core/errors.ts'
import { checkName, copyAsJson } from '../../json/copy.ts'
import { decodeFloat } from '../../json/special-floats.ts'
import { OWN_SOURCE } from '../../record/record.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { Recorder } from '../../tracking/recorder.ts'
import type { Message, MessageOf } from './messages.ts'

/** Numbers of these processes begin here, above those of programs. */
const FIRST_NUMBER = 1_000_000

/** Number of the process of a rank in the record, for what is not reported by a program that connected itself. */
export function processOfRank(rank: number): number {
  return FIRST_NUMBER + rank
}

/** A sender of values. */
export interface Reporter {
  /** Number of its process; absent for a command of the process that writes the run. */
  readonly process: number | undefined
}

/** The senders of one run. */
export class Reporters {
  readonly #known = new Set<number>()

  /** Return the sender of a greeting. The process of a rank is recorded once. */
  greet(
    { rank, pid }: Pick<MessageOf<'reporter'>, 'rank' | 'pid'>,
    recorder: Pick<Recorder, 'recordProcess'>,
  ): Reporter {
    if (typeof rank !== 'number') return { process: undefined }
    const number = processOfRank(rank)
    if (!this.#known.has(number)) {
      this.#known.add(number)
      recorder.recordProcess({ number, pid, rank })
    }
    return { process: number }
  }
}

/** Record a parameter that was given to lineaprint itself. */
export function recordParameter(
  { name, value }: MessageOf<'parameter'>,
  process: number | undefined,
  recorder: Pick<Recorder, 'recordParameter'>,
): void {
  recorder.recordParameter({
    name: checkName(name, 'the name of a parameter'),
    ...(copyAsJson({ value }, name) as { value: JsonValue }),
    source: OWN_SOURCE,
    ...(process !== undefined && { process }),
  })
}

/**
 * Execute a message of a sender.
 *
 * @throws The errors of tracking, which the sender gets as the answer; ERR_LINEAPRINT_ARGUMENT for a call that only a
 * program may make.
 */
export function report(
  message: Message,
  { process }: Reporter,
  recorder: Pick<Recorder, 'logMetric' | 'recordParameter' | 'addMetadata' | 'addTags' | 'setNotes'>,
): void {
  const { call } = message
  if (call === 'metrics')
    for (const [name, value] of message.values)
      recorder.logMetric(name, decodeFloat(value), { step: message.step }, { process })
  else if (call === 'parameter') recordParameter(message, process, recorder)
  else if (call === 'metadata') recorder.addMetadata(message.values, process)
  else if (call === 'tags') recorder.addTags(message.tags)
  else if (call === 'notes') recorder.setNotes(message.notes)
  else if (call !== 'flush')
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `a reporter cannot call ${call}`, {
      field: 'call',
      expected: 'metrics, parameter, metadata, tags, notes or flush',
      received: call,
    })
}
