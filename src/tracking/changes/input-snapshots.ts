/** What stood at the paths of a run before it used them: inputs, outputs, and the work tree of git. */
import type { CaptureRecord, TrackedSection } from '../../record/record.ts'
import type { Fingerprint, PresentFingerprint } from './fingerprint.ts'

/** What reading an input once more found. */
export type RecheckResult = 'same' | 'changed' | 'missing'

/** An input as it was right before it was digested. */
export interface InputSnapshot {
  readonly section: TrackedSection
  readonly name: string
  readonly path: string
  readonly before: PresentFingerprint
  /** Read it once more, and compare it with what was digested. */
  readonly recheck: () => Promise<RecheckResult>
}

/** The snapshots of one run. */
export class InputSnapshots {
  readonly #inputs: InputSnapshot[] = []
  readonly #outputs = new Map<string, Fingerprint>()
  #gitAtStart: CaptureRecord | undefined

  /** Remember an input as it was right before it was digested. */
  addInput(input: InputSnapshot): void {
    this.#inputs.push(input)
  }

  get inputs(): readonly InputSnapshot[] {
    return this.#inputs
  }

  /** Remember what stands at the path of an output before the run writes it. */
  addOutput(path: string, before: Fingerprint): void {
    this.#outputs.set(path, before)
  }

  /** Return what stood at the path of an output; `undefined` if it was not announced before. */
  outputBefore(path: string): Fingerprint | undefined {
    return this.#outputs.get(path)
  }

  /** Absolute paths of the outputs that were announced. */
  get outputPaths(): string[] {
    return [...this.#outputs.keys()]
  }

  /** Remember the capture of git that another one is about to replace; the first of them counts. */
  keepGit(capture: CaptureRecord | undefined): void {
    this.#gitAtStart ??= capture
  }

  /** The capture of git of the start; `undefined` if it is still the one in the record. */
  get gitAtStart(): CaptureRecord | undefined {
    return this.#gitAtStart
  }
}
