/** The session of one run on an MLflow server: it finds or creates the run, fills and closes it. */
import { openAsBlob } from 'node:fs'
import { LineaprintError } from '../../core/errors.ts'
import { isRunId } from '../../core/run-id.ts'
import { RECORD_FILE } from '../../store/store.ts'
import { findFiles, gitFacts, objectOf, textOf } from '../facts.ts'
import { metricsSvg } from '../plot/run.ts'
import { batchesOf, metricItem } from './batches.ts'
import { MlflowClient, Refusal } from './client.ts'
import { RUN_TAG, datasetsOf, parametersOf, tagsOf } from './content.ts'
import { NameMaker } from './names.ts'
import type { RunRecord, RunStatus } from '../../record/record.ts'
import type { MetricPoint, RunSource } from '../source.ts'
import type { Batch } from './batches.ts'
import type { Answer } from './client.ts'
import type { MlflowTarget } from './target.ts'

/** Folder of our files among the artefacts of a run. */
const ARTIFACTS = 'lineaprint'

/** MLflow has no status for a run whose process was lost. */
const STATUS: Readonly<Record<RunStatus, string>> = {
  running: 'RUNNING',
  finished: 'FINISHED',
  failed: 'FAILED',
  killed: 'KILLED',
  lost: 'KILLED',
}

/**
 * A session for one run. The server ignores tags, parameters and values it already has, so everything can be
 * sent again.
 */
export class MlflowSession {
  readonly experimentId: string
  readonly runId: string
  readonly #client: MlflowClient
  /** Location of the run's artefacts on the server; `undefined` if they are kept elsewhere. */
  readonly #artifacts: string | undefined
  readonly #names = new NameMaker()

  private constructor(client: MlflowClient, experimentId: string, info: Record<string, unknown>) {
    this.#client = client
    this.experimentId = experimentId
    this.runId = String(info['run_id'])
    this.#artifacts = /^mlflow-artifacts:\/+(.+)$/.exec(textOf(info['artifact_uri']) ?? '')?.[1]
  }

  /** Address of the run in the web interface. */
  get url(): string {
    return `${this.#client.trackingUri}/#/experiments/${this.experimentId}/runs/${this.runId}`
  }

  /**
   * Find or create the run and its experiment on the server.
   *
   * @throws ERR_LINEAPRINT_SERVICE if the server cannot be reached or refuses.
   */
  static async open(record: RunRecord, target: MlflowTarget, signal: AbortSignal): Promise<MlflowSession> {
    // The id becomes part of a search, and a record may be untrusted.
    if (!isRunId(record.id)) {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record has an invalid run id', {
        field: 'id',
        received: JSON.stringify(record.id),
      })
    }
    const client = new MlflowClient(target)
    const experimentId = await experimentOf(client, target.experiment ?? record.name, signal)
    const info =
      (await findRun(client, experimentId, record.id, signal)) ??
      (await createRun(client, experimentId, record, signal))
    return new MlflowSession(client, experimentId, info)
  }

  /** Log values of metrics. */
  async logPoints(points: readonly MetricPoint[], signal: AbortSignal): Promise<void> {
    await this.#log({ metrics: points.map((point) => metricItem(point, this.#names)) }, signal)
  }

  /**
   * Send the content that is complete at the end of a run, except its record: parameters, tags, datasets,
   * patches and plots.
   *
   * @param points All values, for the plots.
   * @returns Sentences about data that MLflow did not get, or not completely.
   */
  async sendContent(
    source: RunSource,
    points: readonly MetricPoint[],
    signal: AbortSignal,
  ): Promise<string[]> {
    const { record, folder } = source
    const warnings: string[] = []
    const { parameters, warnings: cutValues } = parametersOf(record)
    warnings.push(...cutValues)
    try {
      await this.#log({ params: parameters }, signal)
    } catch (error) {
      // Parameters cannot be changed, and a live run may have sent earlier values.
      if (!(error instanceof Refusal)) throw error
      warnings.push(
        `MLflow cannot change a parameter, so its parameters differ from the run: ${error.message}`,
      )
    }
    await this.#log({ tags: tagsOf(record) }, signal)
    const { datasets, warnings: leftOut } = datasetsOf(record)
    warnings.push(...leftOut)
    if (datasets.length > 0)
      await this.#client.call('POST runs/log-inputs', { run_id: this.runId, datasets }, signal)
    if (this.#artifacts === undefined) {
      return [
        ...warnings,
        'the server does not store artifacts itself: run.json, patches and plots were not uploaded',
      ]
    }
    for (const { realPath, path } of await findFiles(folder, gitFacts(record).patches))
      await this.#upload(path, await openAsBlob(realPath), signal)
    const plot = metricsSvg(record.id, points)
    if (plot !== undefined) await this.#upload('metrics.svg', new Blob([plot]), signal)
    return warnings
  }

  /** Send the record and the final status. Can be repeated with a later record. */
  async close({ record, recordBytes }: RunSource, signal: AbortSignal): Promise<void> {
    const { status, seal, finishedAt } = record
    if (this.#artifacts !== undefined && recordBytes !== undefined)
      await this.#upload(RECORD_FILE, new Blob([Buffer.from(recordBytes)]), signal)
    const tags = tagsOf(record).filter(({ key }) => key === 'lineaprint.warnings')
    if (seal !== null) tags.push({ key: 'lineaprint.seal', value: seal })
    await this.#log({ tags }, signal)
    const ended = finishedAt === null ? {} : { end_time: Date.parse(finishedAt) }
    await this.#client.call(
      'POST runs/update',
      { run_id: this.runId, status: STATUS[status], ...ended },
      signal,
    )
  }

  async #log(items: Partial<Batch>, signal: AbortSignal): Promise<void> {
    for (const batch of batchesOf({ metrics: [], params: [], tags: [], ...items }))
      await this.#client.call('POST runs/log-batch', { run_id: this.runId, ...batch }, signal)
  }

  async #upload(path: string, content: Blob, signal: AbortSignal): Promise<void> {
    await this.#client.upload(`${this.#artifacts}/${ARTIFACTS}/${path}`, content, signal)
  }
}

async function experimentOf(client: MlflowClient, name: string, signal: AbortSignal): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    try {
      const answer = await client.call('GET experiments/get-by-name', { experiment_name: name }, signal)
      const experiment = objectOf(answer['experiment'])
      if (experiment['lifecycle_stage'] === 'deleted') {
        throw new LineaprintError(
          'ERR_LINEAPRINT_SERVICE',
          `MLflow's experiment ${JSON.stringify(name)} is deleted`,
          {
            path: client.trackingUri,
            hint: 'restore it in MLflow, or choose another experiment',
          },
        )
      }
      return known(client, experiment['experiment_id'], 'experiment_id')
    } catch (error) {
      if (error instanceof Refusal && error.reason === 'RESOURCE_DOES_NOT_EXIST') return undefined
      throw error
    }
  }
  const existing = await find()
  if (existing !== undefined) return existing
  try {
    const made = await client.call('POST experiments/create', { name }, signal)
    return known(client, made['experiment_id'], 'experiment_id')
  } catch (error) {
    // Another run created it at the same moment.
    if (!(error instanceof Refusal) || error.reason !== 'RESOURCE_ALREADY_EXISTS') throw error
    return (await find()) ?? Promise.reject(error)
  }
}

async function findRun(
  client: MlflowClient,
  experimentId: string,
  id: string,
  signal: AbortSignal,
): Promise<Record<string, unknown> | undefined> {
  const filter = `tags.\`${RUN_TAG}\` = '${id}'`
  const search = { experiment_ids: [experimentId], filter, max_results: 1 }
  const { runs } = await client.call('POST runs/search', search, signal)
  if (!Array.isArray(runs) || runs.length === 0) return undefined
  return infoOf(client, runs[0])
}

/** The database of a server holds no longer names of runs. The tag `lineaprint.name` has the whole one. */
const RUN_NAME_LIMIT = 250

async function createRun(
  client: MlflowClient,
  experimentId: string,
  { id, runName, startedAt }: RunRecord,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const tags = [{ key: RUN_TAG, value: id }]
  const name = Array.from(runName ?? id)
    .slice(0, RUN_NAME_LIMIT)
    .join('')
  const content = { experiment_id: experimentId, run_name: name, start_time: Date.parse(startedAt), tags }
  const probe = async (): Promise<Answer | undefined> => {
    const info = await findRun(client, experimentId, id, signal)
    return info && { run: { info } }
  }
  const { run } = await client.call('POST runs/create', content, signal, probe)
  return infoOf(client, run)
}

function infoOf(client: MlflowClient, run: unknown): Record<string, unknown> {
  const info = objectOf(objectOf(run)['info'])
  return { ...info, run_id: known(client, info['run_id'], 'run_id') }
}

/** Return a text that an answer must contain: JSON can also come from a server of another kind. */
function known(client: MlflowClient, value: unknown, field: string): string {
  const text = textOf(value)
  if (text !== undefined && /^[\w-]+$/.test(text)) return text
  throw new LineaprintError('ERR_LINEAPRINT_SERVICE', 'the server does not answer like MLflow', {
    path: client.trackingUri,
    field,
    expected: 'an id',
    received: JSON.stringify(value)?.slice(0, 60) ?? 'nothing',
  })
}
