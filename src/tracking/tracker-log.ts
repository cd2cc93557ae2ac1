/** What a program says of a run in words and numbers: metrics, digests, metadata, tags, notes. */
import { amendSeeds } from './captures.ts'
import { checkDigestLabel, digestEvent, digestOf } from './digests.ts'
import { metricEvent } from './metrics.ts'
import { plainObject, plainText } from '../json/copy.ts'
import type { Digest } from '../core/digest.ts'
import type { CapturedSeeds } from '../capture/seeds/types.ts'
import type { EventBody } from '../record/events.ts'
import type { DigestOptions, DigestSource } from './digests.ts'
import type { MetricOptions } from './metrics.ts'
import type { TrackerLife } from './tracker-life.ts'

/** The part of a tracker that logs. */
export abstract class RunLog {
  readonly #life: TrackerLife

  constructor(life: TrackerLife) {
    this.#life = life
  }

  /**
   * Logs one value of a metric. Costs a few microseconds; the disk is written behind. NaN and the infinities
   * are kept.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  logMetric(name: string, value: number, options: MetricOptions = {}): void {
    const { event, time } = metricEvent(name, value, options)
    this.#life.running('logMetric').say(event, time)
  }

  /** Logs one value each of several metrics, all of the same step and time. */
  logMetrics(values: Readonly<Record<string, number>>, options: MetricOptions = {}): void {
    const writer = this.#life.running('logMetrics')
    // All are checked before the first is said: a group is logged whole or not at all.
    const events = Object.entries(values).map(([name, value]) => metricEvent(name, value, options))
    for (const { event, time } of events) writer.say(event, time)
  }

  /**
   * Logs the digest of a state at a step: weights, gradients, a batch. `diffRuns` then names the first step at which
   * two runs part. Digests stand in the journal in the order of the calls; the data itself is not kept.
   *
   * Up to 8 MiB are hashed before the call returns. Wait for the promise before you change a longer array.
   *
   * @param value A typed array or `{ data, shape }`, as `hashArray` takes it; an `ArrayBuffer` or `DataView`; or a digest
   *   that was computed elsewhere.
   * @returns The digest that was logged.
   * @throws ERR_LINEAPRINT_ARGUMENT for something else, ERR_LINEAPRINT_CHANGED for a buffer that changed its length.
   */
  async logDigest(name: string, value: DigestSource, options: DigestOptions = {}): Promise<Digest> {
    const writer = this.#life.running('logDigest')
    checkDigestLabel(name, options)
    const digest = digestOf(name, value, writer.configuration.algorithm, this.#life.settings.signal)
    // Its turn may come later than its failure.
    digest.catch(() => undefined)
    const logged = writer.exclusive(async () => {
      writer.say(digestEvent(name, await digest, options))
      return digest
    })
    return this.#life.during(logged)
  }

  /**
   * Adds an entry to the metadata, or several; one of a key that is there takes its place. Anything with a JSON
   * form.
   */
  addMetadata(key: string, value: unknown): void
  addMetadata(values: Readonly<Record<string, unknown>>): void
  addMetadata(...[first, value]: [string, unknown] | [Readonly<Record<string, unknown>>]): void {
    const values = typeof first === 'string' ? { [first]: value } : first
    this.#life.say('addMetadata', { type: 'metadata', values: plainObject(values, 'metadata') })
  }

  /** Adds tags; one that is there stays as it is. */
  addTags(...tags: readonly (string | readonly string[])[]): void {
    const all = tags.flat().map((tag) => plainText(tag, 'a tag'))
    this.#life.say('addTags', { type: 'tags', tags: all })
  }

  /** Replaces the notes. */
  setNotes(notes: string): void {
    this.#life.say('setNotes', { type: 'notes', notes: plainText(notes, 'notes', { empty: true }) })
  }

  /** Adds what programs of the command that this run wraps told of their seeds to the capture of the seeds. */
  noteSeeds(addition: Pick<CapturedSeeds, 'python'>): void {
    amendSeeds(this.#life.running('noteSeeds'), addition)
  }

  /** Takes an event of the command that this run wraps. */
  note(event: Extract<EventBody, { type: 'command' | 'warning' }>): void {
    this.#life.say('note', event)
  }
}
