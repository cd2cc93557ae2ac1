/** The state of the paths of a run before the run used them: inputs, outputs, and the git work tree. */
import type { CaptureRecord, TrackedSection } from '../../record/record.ts'
import type { Fingerprint, PresentFingerprint } from './fingerprint.ts'

/** The result of digesting an input again. */
export type RecheckResult = 'same' | 'changed' | 'missing'

/** The state of an input right before it was digested. */
export interface InputSnapshot {
  readonly section: TrackedSection
  readonly name: string
  readonly path: string
  readonly before: PresentFingerprint
  /** Digest the input again, and compare the result with the first digest. */
  readonly recheck: () => Promise<RecheckResult>
}

/** The snapshots of one run. */
export class InputSnapshots {
  readonly #inputs: InputSnapshot[] = []
  readonly #outputs = new Map<string, Fingerprint>()
  readonly #outputNames = new Map<string, string>()
  readonly #metricFiles = new Set<string>()
  #gitAtStart: CaptureRecord | undefined

  /** Keep the state of an input right before it is digested. */
  addInput(input: InputSnapshot): void {
    this.#inputs.push(input)
  }

  get inputs(): readonly InputSnapshot[] {
    return this.#inputs
  }

  /** Keep the state of the path of an output before the run writes it. */
  addOutput(name: string, path: string, before: Fingerprint): void {
    this.#outputs.set(path, before)
    this.#outputNames.set(name, path)
  }

  /** Names and absolute paths of the announced outputs. */
  get outputs(): [name: string, path: string][] {
    return [...this.#outputNames]
  }

  /**
   * Return the state of the path of an output before the run; `undefined` if the output was not announced.
   */
  outputBefore(path: string): Fingerprint | undefined {
    return this.#outputs.get(path)
  }

  /** Keep the path of a file in which the run writes metrics. */
  addMetricFile(path: string): void {
    this.#metricFiles.add(path)
  }

  /** Absolute paths of these files. */
  get metricFiles(): string[] {
    return [...this.#metricFiles]
  }

  /** Absolute paths of the announced outputs. */
  get outputPaths(): string[] {
    return [...this.#outputs.keys()]
  }

  /**
   * Keep the git capture that is about to be replaced. Only the first one is kept: it is that of the start.
   */
  keepGit(capture: CaptureRecord | undefined): void {
    this.#gitAtStart ??= capture
  }

  /** The git capture of the start; `undefined` if it is still the one in the record. */
  get gitAtStart(): CaptureRecord | undefined {
    return this.#gitAtStart
  }
}
