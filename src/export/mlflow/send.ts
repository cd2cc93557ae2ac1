/** Export of a stored run to an MLflow server. */
import { checkRun } from '../../store/read.ts'
import { checkObject } from '../../core/options.ts'
import { readPoints, sourceOf } from '../source.ts'
import { MlflowSession } from './session.ts'
import { mlflowTarget } from './target.ts'
import type { MetricPoint, RunSource } from '../source.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { MlflowTarget } from './target.ts'
import type { MlflowOptions } from '../../config/outputs.ts'

/** The result of an export. */
export interface MlflowReport {
  readonly trackingUri: string
  readonly experimentId: string
  readonly runId: string
  /** Address of the run in the web interface. */
  readonly url: string
  /** Number of metric values. */
  readonly values: number
  readonly warnings: readonly string[]
}

/** Target and limits of an export. */
export interface MlflowExportOptions extends MlflowOptions {
  /** Aborts the export; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Send a run to an MLflow server: parameters, tags, metrics, datasets, and as artefacts its record, patches
 * and plots. A run that exists on the server is completed: sending twice creates no second run and no second
 * value. Credentials come from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or
 * MLFLOW_TRACKING_TOKEN. All values are held in memory.
 *
 * @param run A run of a store; see `findRun`.
 * @param options With `timeoutMs` the whole export is limited; without, only each request is.
 * @throws ERR_LINEAPRINT_SERVICE if the server cannot be reached or refuses, ERR_LINEAPRINT_CONFIGURATION if
 * there is no server to send to, ERR_LINEAPRINT_STORE if the run cannot be read.
 */
export async function exportToMlflow(run: StoredRun, given: MlflowExportOptions = {}): Promise<MlflowReport> {
  checkRun(run)
  checkObject(given)
  const { signal, ...options } = given
  const signals = [
    ...(signal === undefined ? [] : [signal]),
    ...(options.timeoutMs === undefined ? [] : [AbortSignal.timeout(options.timeoutMs)]),
  ]
  return send(sourceOf(run), mlflowTarget(options, process.env), AbortSignal.any(signals))
}

async function send(source: RunSource, target: MlflowTarget, signal: AbortSignal): Promise<MlflowReport> {
  const points: MetricPoint[] = []
  const problems = await readPoints(source, (point) => points.push(point), signal)
  const session = await MlflowSession.open(source.record, target, signal)
  await session.logPoints(points, signal)
  const warnings = await session.sendContent(source, points, signal)
  await session.close(source, signal)
  const { experimentId, runId, url } = session
  const { trackingUri } = target
  return {
    trackingUri,
    experimentId,
    runId,
    url,
    values: points.length,
    warnings: [...problems, ...warnings],
  }
}
