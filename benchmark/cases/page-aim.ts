/** Cases of the page of this machine beside that of Aim: the same runs, over HTTP. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { missingAim, startAim, startUi } from '../aim.ts'
import { METRICS, PARAMETERS, own, storeWith } from './find.ts'
import { COMPARED, comparedStore } from './page.ts'
import type { AimRuns, ServedApi } from '../aim.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant, Entry } from '../measure.ts'

/** Return the cases. Aim takes a tenth of a second to record a run, so there are fewer than in the other cases. */
export function pageAimCases(inputs: Inputs, quick: boolean): Case[] {
  const runs = quick ? 100 : 1000
  const values = quick ? 1000 : 10_000
  const compared = { runs: 10, values }
  const shape = `${runs.toLocaleString('en')} runs with ${PARAMETERS} parameters and ${METRICS} metrics over HTTP`
  const listed = async (name: string, ask: Questions): Promise<Entry> => {
    const folder = join(inputs.directory, name)
    const { store } = await storeWith(runs + 1, folder)
    // The run from which the others are made is another one.
    for (const run of readdirSync(store.runs))
      if (!run.startsWith('copy-')) rmSync(join(store.runs, run), { recursive: true })
    return prepare(folder, { runs, parameters: PARAMETERS, metrics: METRICS, values: 1 }, ask)
  }
  const theirs = '/runs/search/run/?limit=100&report_progress=false'
  return [
    {
      name: 'page-aim-first',
      title: `the first part of a list of ${shape}`,
      prepare: async () => listed('page-aim-first', { own: '/runs?limit=100', theirs }),
    },
    {
      name: 'page-aim-filter',
      title: `a filter on a parameter and a tag of ${shape}, the first part`,
      prepare: async () =>
        listed('page-aim-filter', {
          own: `/runs?limit=100&where=${encodeURIComponent('params.lr = 0.01 and tags has "base"')}`,
          theirs: `${theirs}&q=${encodeURIComponent('run.hparams.lr == 0.01 and "base" in run.tags')}`,
        }),
    },
    {
      name: 'page-aim-compare',
      title: `${compared.runs} runs with ${COMPARED} metrics of ${values.toLocaleString('en')} points compared over HTTP`,
      prepare: async () => {
        const folder = join(inputs.directory, 'page-aim-compare')
        const { ids } = await comparedStore(folder, compared)
        const filled = { runs: compared.runs, parameters: 1, metrics: COMPARED, values }
        // 512 columns have up to four points each.
        return prepare(folder, filled, {
          own: `/metrics?axis=step&pixels=512&${ids.map((id) => `run=${id}`).join('&')}`,
          theirs: `/runs/search/metric/?p=2000&report_progress=false&q=${encodeURIComponent('run.experiment == "sweep"')}`,
        })
      },
    },
  ]
}

/** The questions for both. */
interface Questions {
  readonly own: string
  readonly theirs: string
}

async function prepare(folder: string, filled: AimRuns, ask: Questions): Promise<Entry> {
  const page = await startUi(folder)
  const missing = missingAim()
  const aim = missing === undefined ? await startAim(`${folder}-aim`, filled) : undefined
  return {
    bytes: 0,
    contestants: [
      asking('lineaprint', 'ours', page, ask.own),
      ...(aim === undefined ? [] : [asking('Aim', 'peer', aim, ask.theirs)]),
    ],
    missing: missing === undefined ? [] : [`Aim (${missing})`],
    after: async () => {
      await page.stop()
      await aim?.stop()
    },
  }
}

function asking(name: string, role: Contestant['role'], { ask }: ServedApi, path: string): Contestant {
  return {
    ...own(name, async () => {
      const { length } = await ask(path)
      if (length < 1000) throw new Error(`${name} answered ${length} bytes: it has not found the runs`)
    }),
    role,
  }
}
