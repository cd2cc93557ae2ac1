/** Copies of what is tracked, where they are asked for: of outputs, of models, and of small inputs. */
import { keptCopyOf } from '../../record/overwritten.ts'
import { processOf } from '../../record/state.ts'
import { keepInput, keepModel } from '../changes/overwritten.ts'
import { expectedOf, failedCopy, keepFiles, recordCopy } from './keep.ts'
import type { ModelReport } from '../../model/report.ts'
import type { KeptCopy } from '../../record/overwritten.ts'
import type { TrackedSection } from '../../record/record.ts'
import type { PresentFingerprint } from '../changes/fingerprint.ts'
import type { OutputReport } from '../read-output.ts'
import type { RunWriter } from '../run-writer.ts'

/** An item that was tracked. */
export interface TrackedItem {
  readonly section: TrackedSection
  readonly name: string
  /** Absolute path; `undefined` for data in memory. */
  readonly path: string | undefined
  /** The state of an input before it was read. */
  readonly before: PresentFingerprint | undefined
  readonly report: object
  readonly process: number | undefined
  /** True or false if the caller decided. */
  readonly keep: boolean | undefined
  readonly signal: AbortSignal | undefined
}

/** Keep a copy of an item, if the caller or the configuration asks for it, and record it with its entry. */
export async function keepTracked(writer: RunWriter, item: TrackedItem): Promise<void> {
  const make = makerOf(writer, item)
  if (make === undefined) return
  const { section, name, process, signal } = item
  const entry = writer.state.tracked[section].get(name, processOf(writer.state, process))
  if (entry === undefined || keptCopyOf(section, name, entry)?.status === 'kept') return
  await recordCopy(writer, item, `${section.slice(0, -1)} ${JSON.stringify(name)}`, make, signal)
}

/** Return the function that makes the copy; `undefined` if none is asked for. */
function makerOf(writer: RunWriter, item: TrackedItem): (() => Promise<KeptCopy>) | undefined {
  const { section, path, before, report, signal } = item
  const { keep, models } = writer.configuration
  if (section === 'outputs') {
    if (path === undefined || !(item.keep ?? keep.outputs)) return undefined
    return () => keepOutput(writer, path, report as OutputReport, signal)
  }
  const isWanted = item.keep ?? (section === 'models' && models.keep)
  if (path === undefined || before === undefined)
    return isWanted ? () => Promise.resolve(failedCopy('it was in memory')) : undefined
  const input = { section, name: item.name, path, before }
  if (section === 'models' && isWanted) return () => keepModel(writer, input, report as ModelReport, signal)
  if (isWanted) return () => keepInput(writer, input, signal, {})
  // Larger inputs are left out, which is what the limit is for.
  const size = 'bytes' in report && typeof report.bytes === 'number' ? report.bytes : Infinity
  return size <= keep.inputs ? () => keepInput(writer, input, signal, { limit: keep.inputs }) : undefined
}

/** Keep a copy of an output, which must be what was digested. */
async function keepOutput(
  writer: RunWriter,
  path: string,
  report: OutputReport,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  return keepFiles(writer, { path, expected: expectedOf(report) }, signal)
}
