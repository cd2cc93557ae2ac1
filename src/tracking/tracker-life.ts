/** Where a tracker is in its life, and so what may be called. */
import { resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import type { Progress } from '../core/options.ts'
import type { EventBody } from '../record/events.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { RunWriter } from './run-writer.ts'

/** Where a tracker works; everything has a default. */
export interface TrackerSettings {
  /** Folder the run works in. @default the working directory */
  readonly directory?: string | undefined
  /** A configuration file instead of the one in that folder. */
  readonly configurationFile?: string | undefined
  /** Variables of the environment. @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
  /** Options that are weaker than file and variables. */
  readonly defaults?: ExperimentOptions | undefined
  /** The options that file and variables decide; the options of the tracker alone decide the others. @default all */
  readonly optionsFromSources?: readonly (keyof ExperimentOptions)[] | undefined
  /** How far the digest under way is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Stops captures and digests; the call under way then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** The command that this run wraps. */
  readonly command?: readonly string[] | undefined
  /** Resolves when that command runs, or never will; captures that can wait for it do. */
  readonly commandStarted?: Promise<void> | undefined
}

/** Where a tracker is in its life. */
type Phase = 'new' | 'starting' | 'running' | 'finishing' | 'ended'

/** The life of one tracker, which its parts share. */
export class TrackerLife {
  readonly settings: TrackerSettings
  /** Absolute path of the folder that the run works in. */
  readonly directory: string
  /** Work that the end of the run waits for. */
  readonly pending: Set<Promise<unknown>> = new Set()
  phase: Phase = 'new'
  /** The run, once it has started. */
  writer: RunWriter | undefined

  constructor(settings: TrackerSettings) {
    this.settings = settings
    this.directory = resolve(settings.directory ?? '.')
  }

  /** Has the end of the run wait for some work. */
  during<T>(work: Promise<T>): Promise<T> {
    this.pending.add(work)
    const forget = (): void => void this.pending.delete(work)
    work.then(forget, forget)
    return work
  }

  /** Takes what a call says. */
  say(call: string, event: EventBody): void {
    this.running(call).say(event)
  }

  /** The run that goes on. @throws ERR_LINEAPRINT_STATE if none does. */
  running(call: string): RunWriter {
    if (this.phase === 'running' && this.writer) return this.writer
    throw this.misplaced(call, 'between startExperiment and finishExperiment')
  }

  /** The run, whether it goes on or has ended. @throws ERR_LINEAPRINT_STATE before the start. */
  started(): RunWriter {
    if (this.writer) return this.writer
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the experiment has not started', {
      hint: 'call startExperiment first',
    })
  }

  /** The error for a call at the wrong time. */
  misplaced(call: string, when: string): LineaprintError {
    const hint =
      this.phase === 'new'
        ? 'call startExperiment first'
        : this.phase === 'ended'
          ? 'make a new tracker'
          : undefined
    return new LineaprintError('ERR_LINEAPRINT_STATE', `${call} cannot be called now`, {
      expected: when,
      received: PHASES[this.phase],
      hint,
    })
  }
}

const PHASES: Readonly<Record<Phase, string>> = {
  new: 'before the start',
  starting: 'while it starts',
  running: 'while it runs',
  finishing: 'while it finishes',
  ended: 'after the end',
}
