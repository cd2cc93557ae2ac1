/** What goes into a run and comes out of it: datasets, models, outputs, seeds, and the captures. */
import { resolve } from 'node:path'
import { setSeeds } from '../capture/seeds/capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { captureInto } from './captures.ts'
import { builtInCapture } from '../capture/components.ts'
import { lookAt } from './changes/flags.ts'
import { KINDS, track } from './inputs.ts'
import { RunLog } from './tracker-log.ts'
import type { Captured } from '../core/component.ts'
import type { SeedReport } from '../capture/seeds/capture.ts'
import type { DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { ModelReport } from '../model/read.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { Kind } from './inputs.ts'
import type { RunWriter } from './run-writer.ts'
import type { TrackerLife } from './tracker-life.ts'

/** The part of a tracker that digests and captures. */
export abstract class RunContents extends RunLog {
  readonly #life: TrackerLife

  constructor(life: TrackerLife) {
    super(life)
    this.#life = life
  }

  /**
   * Digests a dataset and records it under a name.
   *
   * @param source A path, a typed array, or `{ data, shape }`.
   * @param name Stands for this content in this run; the same name for other content is an error.
   * @returns What was read; `undefined` where `enableDatasetTracking` is off.
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackDataset(source: DatasetSource, name: string): Promise<DatasetReport | undefined> {
    return this.#life.during(
      track(this.#life.running('trackDataset'), KINDS.dataset, source, name, this.#life.settings),
    )
  }

  /**
   * Digests a model and records it under a name; the digest of every tensor is kept in the run's folder.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readModel` throws, after it was recorded as failed.
   */
  async trackModel(path: string, name: string): Promise<ModelReport | undefined> {
    return this.#life.during(
      track(this.#life.running('trackModel'), KINDS.model, path, name, this.#life.settings),
    )
  }

  /**
   * Digests the tokenizer in a folder and records it under a name.
   *
   * @returns What was read; `undefined` where `enableModelTracking` is off.
   * @throws What `readTokenizer` throws, after it was recorded as failed.
   */
  async trackTokenizer(path: string, name: string): Promise<TokenizerReport | undefined> {
    return this.#life.during(
      track(this.#life.running('trackTokenizer'), KINDS.tokenizer, path, name, this.#life.settings),
    )
  }

  /**
   * Digests a file or folder that the run made and records it under a name.
   *
   * @throws What `readDataset` throws, after it was recorded as failed.
   */
  async trackOutput(path: string, name: string): Promise<DatasetReport> {
    const report = await this.#life.during(
      track(this.#life.running('trackOutput'), KINDS.output, path, name, this.#life.settings),
    )
    if (report === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'outputs have no switch')
    const { tensors: _, ...dataset } = report
    return dataset
  }

  /**
   * Says before the work that something will be an output. The record then tells whether it was there before, and
   * whether the run wrote it. Without this only an output that is older than the run is seen.
   *
   * @param path As it will be given to `trackOutput`.
   */
  async expectOutput(path: string, name: string): Promise<void> {
    const writer = this.#life.running('expectOutput')
    const absolute = resolve(this.#life.directory, path)
    const before = await this.#life.during(lookAt(writer, `output ${JSON.stringify(name)}`, absolute))
    if (before !== undefined) writer.watch.addOutput(absolute, before)
  }

  /**
   * Seeds the generators of this process and records their state, unless `enableSeedTracking` is off.
   *
   * @param seed A whole number from 0 to 2^53 - 1, and the options of `setSeeds`.
   * @returns What the seed reaches and what it does not.
   */
  async setSeeds(...seed: Parameters<typeof setSeeds>): Promise<SeedReport> {
    const writer = this.#life.running('setSeeds')
    const [value, options] = seed
    const seeds = setSeeds(value, { ...writer.configuration.seeds, ...options })
    if (writer.configuration.enableSeedTracking) await this.#capture(writer, 'seeds')
    return seeds
  }

  /** Captures the environment again, in the place of the capture of the start. */
  async captureEnvironment(): Promise<Captured> {
    return this.#capture(this.#life.running('captureEnvironment'), 'environment')
  }

  /** Captures the state of the git work tree again, in the place of the capture of the start. */
  async captureGit(): Promise<Captured> {
    const writer = this.#life.running('captureGit')
    writer.watch.keepGit(writer.state.captures.get('git'))
    return this.#capture(writer, 'git')
  }

  /** Tracks something that is read and described in a way of its own, for a program of the command that this run wraps. */
  async trackBy<S, R extends object>(kind: Kind<S, R>, source: S, name: string): Promise<R | undefined> {
    return this.#life.during(track(this.#life.running('trackBy'), kind, source, name, this.#life.settings))
  }

  #capture(writer: RunWriter, name: 'environment' | 'git' | 'seeds'): Promise<Captured> {
    const component = builtInCapture(name, writer.configuration)
    return this.#life.during(
      writer.exclusive(() => captureInto(writer, component, this.#life.settings.signal)),
    )
  }
}
