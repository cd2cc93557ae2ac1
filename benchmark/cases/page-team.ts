/** Cases of the page through the server of a team, over HTTP with a token, beside MLflow on the same PostgreSQL. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { postgresPrograms } from '../../scripts/postgres.mjs'
import { TeamServer, missingMlflow, startMlflowIn } from '../team.ts'
import { METRICS, PARAMETERS, WHERE, own, storeWith } from './find.ts'
import { COMPARED, comparedStore } from './page.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'
import type { Mlflow } from '../team.ts'

/** Runs in a part of a list, on both pages. */
const PART = 100

/** Runs whose metric is drawn by both. */
const DRAWN = 10

/** The servers of the cases, which are started once. */
interface Servers {
  readonly team: TeamServer
  readonly mlflow: Mlflow | undefined
}

/** Return the cases; none without PostgreSQL. */
export function pageTeamCases(inputs: Inputs, quick: boolean): Case[] {
  if (postgresPrograms() === undefined) return []
  const runs = quick ? 2000 : 100_000
  const compared = quick ? { runs: 10, values: 10_000 } : { runs: 100, values: 100_000 }
  let started: Promise<Servers> | undefined
  const servers = async (): Promise<Servers> => (started ??= start(inputs, runs, compared.values))
  let compare: Promise<readonly string[]> | undefined
  const comparedIds = async (): Promise<readonly string[]> =>
    (compare ??= addCompared(await servers(), inputs, compared))
  const shape = `${runs.toLocaleString('en')} runs in PostgreSQL over HTTP`
  const missing = missingMlflow()
  const each = (
    name: string,
    title: string,
    contestants: (servers: Servers) => readonly Contestant[] | Promise<readonly Contestant[]>,
  ): Case => ({
    name,
    title,
    prepare: async (): Promise<Entry> => {
      const all = await contestants(await servers())
      return { bytes: 0, contestants: all, missing: missing === undefined ? [] : [`MLflow (${missing})`] }
    },
  })
  let asked = 0
  /** Ask for a list in words that the server has not heard: nothing that it keeps is the answer. */
  const anew = (question: string): string => `${question}&column=auto&column=params.new_${asked++}`
  const list = '/runs?limit=100'
  const groups = '/groups?by=params.lr&measure=metrics.loss'
  const filter = `${list}&where=${encodeURIComponent(WHERE)}&sort=-metrics.accuracy`
  return [
    each('page-team-first', `the first part of a list of ${shape}`, ({ team, mlflow }) => [
      asking('lineaprint', async () => team.ask('bench', list), ownNames),
      asking('lineaprint, asked anew', async () => team.ask('bench', anew(list)), ownNames, 'peer'),
      ...theirs(mlflow, 'MLflow', async (at) => search(at, {}), theirNames),
    ]),
    each('page-team-filter', `a filter and an order on ${shape}, the first part`, ({ team, mlflow }) => [
      asking('lineaprint', async () => team.ask('bench', filter), ownNames),
      asking('lineaprint, asked anew', async () => team.ask('bench', anew(filter)), ownNames, 'peer'),
      ...theirs(mlflow, 'MLflow', async (at) => search(at, THEIR_FILTER), theirNames),
    ]),
    each('page-team-groups', `${shape} by a parameter, with the range of a metric`, ({ team }) => [
      asking('lineaprint', async () => team.ask('bench', groups)),
      asking(
        'lineaprint, asked anew',
        async () => team.ask('bench', `${groups}&where=${encodeURIComponent(`id != "new-${asked++}"`)}`),
        undefined,
        'peer',
      ),
    ]),
    each('page-team-run', `one run of ${shape}`, ({ team, mlflow }) => [
      asking('lineaprint', async () => team.ask('bench', '/runs/copy-000077')),
      ...theirs(mlflow, 'MLflow', async (at) => at.ask(`api/2.0/mlflow/runs/get?run_id=${theirId(77)}`)),
    ]),
    each(
      'page-team-compare',
      `${compared.runs} runs with ${COMPARED} metrics of ${compared.values.toLocaleString('en')} points compared over HTTP`,
      async ({ team }) => {
        const path = `/metrics?axis=step&pixels=512&${(await comparedIds()).map((id) => `run=${id}`).join('&')}`
        const work = async (): Promise<Buffer> => team.ask('compare', path)
        return [
          asking('lineaprint', work),
          {
            ...asking('lineaprint, the first time', work, undefined, 'peer'),
            before: async () => {
              await team.restart()
              // The project is opened, and nothing of its metrics is read.
              await team.ask('compare', '/store')
            },
          },
        ]
      },
    ),
    each(
      'page-team-history',
      `a metric with ${compared.values.toLocaleString('en')} points of ${DRAWN} runs over HTTP`,
      async ({ team, mlflow }) => {
        const ids = (await comparedIds()).slice(0, DRAWN)
        const path = `/metrics?axis=step&pixels=512&metric=metric_0&${ids.map((id) => `run=${id}`).join('&')}`
        const theirIds = ids.map((_, run) => `run_ids=${theirId(run + 1)}`).join('&')
        return [
          asking('lineaprint', async () => team.ask('compare', path)),
          ...theirs(mlflow, 'MLflow', async (at) =>
            at.ask(
              `ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?metric_key=history&max_results=2000&${theirIds}`,
            ),
          ),
        ]
      },
    ),
  ]
}

async function start(inputs: Inputs, runs: number, values: number): Promise<Servers> {
  const folder = join(inputs.directory, 'page-team')
  const { store } = await storeWith(runs + 1, folder)
  // The run from which the others are made is another one.
  for (const name of readdirSync(store.runs))
    if (!name.startsWith('copy-')) rmSync(join(store.runs, name), { recursive: true })
  const team = await TeamServer.start(join(folder, 'objects'))
  inputs.atEnd(async () => team.stop())
  await team.addProject('bench', store)
  await team.restart()
  await team.indexed('bench', runs)
  if (missingMlflow() !== undefined) return { team, mlflow: undefined }
  const mlflow = await startMlflowIn(team, join(folder, 'mlflow'), (experiment) =>
    fillMlflow(experiment, runs, values),
  )
  inputs.atEnd(mlflow.stop)
  return { team, mlflow }
}

async function addCompared(
  { team }: Servers,
  inputs: Inputs,
  compared: { readonly runs: number; readonly values: number },
): Promise<readonly string[]> {
  const { store, ids } = await comparedStore(join(inputs.directory, 'page-team-compare'), compared)
  await team.addProject('compare', store)
  return ids
}

function asking(
  name: string,
  work: () => Promise<Buffer>,
  names?: (body: unknown) => readonly string[],
  role: Contestant['role'] = 'ours',
): Contestant {
  const contestant = own(name, async () => {
    await work()
  })
  if (names === undefined) return { ...contestant, role }
  // Both must show the same runs in the same order.
  const read = async (): Promise<string> => names(JSON.parse((await work()).toString())).join('\n')
  return { ...contestant, role, check: { label: 'the runs', read } }
}

function theirs(
  mlflow: Mlflow | undefined,
  name: string,
  work: (mlflow: Mlflow) => Promise<Buffer>,
  names?: (body: unknown) => readonly string[],
): Contestant[] {
  return mlflow === undefined ? [] : [asking(name, async () => work(mlflow), names, 'peer')]
}

function ownNames(body: unknown): readonly string[] {
  const { runs } = body as { readonly runs: readonly { readonly runName: string | null }[] }
  return runs.map(({ runName }) => runName ?? '')
}

function theirNames(body: unknown): readonly string[] {
  const { runs } = body as { readonly runs: readonly { readonly info: { readonly run_name: string } }[] }
  return runs.map(({ info }) => info.run_name)
}

/** The filter and the order of the cases in the language of MLflow. A tag has a value there. */
const THEIR_FILTER = {
  filter: "metrics.loss < 0.3 and params.lr = '0.01' and tags.base = 'true'",
  order_by: ['metrics.accuracy DESC', 'attributes.start_time ASC'],
}

async function search({ ask, experiment }: Mlflow, question: object): Promise<Buffer> {
  return ask('ajax-api/2.0/mlflow/runs/search', {
    experiment_ids: [experiment],
    max_results: PART,
    order_by: ['attributes.start_time DESC'],
    ...question,
  })
}

function theirId(run: number): string {
  return run.toString(16).padStart(32, '0')
}

/** Return statements that add the runs of {@link storeWith} to the tables of MLflow, and a long metric for some of them. */
function fillMlflow(experiment: string, runs: number, values: number): string[] {
  const each = `generate_series(1, ${runs}) run`
  const id = `lpad(to_hex(run), 32, '0')`
  const begun = `(1767225600000 + run::bigint * 1000)`
  const value = `(((run::bigint * 2654435761 + index * 40503) % 4294967296) % 10007)::float8 / 10007`
  const name = `case index when 0 then 'loss' when 1 then 'accuracy' else 'eval/metric_' || index end`
  const rate = `(array['0.1', '0.01', '0.001'])[run % 3 + 1]`
  const metric = (table: string, step: string): string =>
    `insert into ${table} (key, value, timestamp, step, is_nan, run_uuid) select ${name}, ${value}, ${begun}, ${step}, false, ${id} from ${each}, generate_series(0, ${METRICS - 1}) index`
  const parameter = `case when index % 3 = 0 then ${rate} when index % 3 = 1 then 'text ' || run % 7 else (run % 50)::text end`
  return [
    `insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, end_time, source_version, lifecycle_stage, artifact_uri, experiment_id) select ${id}, 'run-' || run, 'UNKNOWN', '', '', 'bench', 'FINISHED', ${begun}, ${begun} + 1000, '', 'active', 'mlflow-artifacts:/${experiment}/' || ${id} || '/artifacts', ${experiment} from ${each}`,
    `insert into tags (key, value, run_uuid) select 'mlflow.runName', 'run-' || run, ${id} from ${each}`,
    `insert into tags (key, value, run_uuid) select case when run % 2 = 0 then 'base' else 'other' end, 'true', ${id} from ${each}`,
    `insert into params (key, value, run_uuid) select case index when 0 then 'lr' else 'group.parameter_' || index end, ${parameter}, ${id} from ${each}, generate_series(0, ${PARAMETERS - 1}) index`,
    metric('latest_metrics', '99'),
    metric('metrics', '99'),
    `insert into metrics (key, value, timestamp, step, is_nan, run_uuid) select 'history', sin(step), ${begun} + step, step, false, ${id} from generate_series(1, ${DRAWN}) run, generate_series(0, ${values - 1}) step`,
  ]
}
