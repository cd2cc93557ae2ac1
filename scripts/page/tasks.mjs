// Count the clicks of six tasks on the page of lineaprint and on that of MLflow, on the same 200 runs: the table of
// docs/page.md. Expects what `npm run build` and `npm run setup:peers` make. Both pages begin with their list of runs; the
// answer of each task is looked for on the screen, so a task that is not done fails.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBrowser } from './browser.mjs'
import { PROGRAM } from './store.mjs'
import { MLFLOW } from '../mlflow.mjs'
import { recordSweep, startSweep } from './sweep.mjs'

/** A page whose clicks and typed letters are counted. */
class Counted {
  clicks = 0
  letters = 0

  constructor(page) {
    this.page = page
  }

  async click(target) {
    await (typeof target === 'string' ? this.page.locator(target).first() : target).click()
    this.clicks++
  }

  async type(text) {
    await this.page.keyboard.type(text)
    this.letters += text.length
  }

  async see(target) {
    await (typeof target === 'string' ? this.page.locator(target).first() : target).waitFor({
      state: 'attached',
    })
  }
}

/** The run with the greatest accuracy. */
const BEST = 'run 137'

function row(at, name) {
  return at.page.locator('tbody tr').filter({ has: at.page.locator(`.run-name:text-is("${name}")`) })
}

function lineaprintTasks(digest) {
  return {
    'find the best of 200 runs': async (at) => {
      await at.click('th button:has-text("accuracy")')
      await at.see(`tbody tr:nth-child(2) .run-name:text-is("${BEST}")`)
    },
    'why do these two differ': async (at) => {
      await at.click(at.page.locator('tbody tr:nth-child(3) input'))
      await at.click(at.page.locator('tbody tr:nth-child(4) .row-compare'))
      await at.see('.reason:has-text("Most likely")')
    },
    'which data made this model': async (at) => {
      await at.click('.views a:has-text("Lineage")')
      await at.page.keyboard.press('/')
      await at.type(digest.slice(digest.indexOf(':') + 1).slice(0, 12))
      await at.page.keyboard.press('Enter')
      await at.see('.node-datasets .node-title:text-is("train")')
    },
    'is this run still true': async (at) => {
      await at.click(row(at, at.recent).locator('a'))
      await at.click('button:has-text("Verify")')
      await at.see('.verdict.good, .verdict.bad')
    },
    'what is running': async (at) => {
      await at.click('.running')
      await at.see('.run-name:text-is("goes on")')
    },
    'get this file': async (at) => {
      await at.click(row(at, at.recent).locator('a'))
      const saved = at.page.waitForEvent('download')
      await at.click('#data .small')
      await saved
    },
  }
}

/** The field of the filter of MLflow. */
const MLFLOW_FILTER = 'input[role=combobox]'

/** Cell of the list of MLflow that has a text. */
function mlflowCell(at, index, text) {
  return at.page.locator(`[row-index="${index}"]`).getByText(text, { exact: true }).first()
}

function mlflowTasks() {
  return {
    'find the best of 200 runs': async (at) => {
      await at.click('[data-component-id="mlflow.experiment_page.sort_select_v2.toggle"]')
      await at.click(at.page.getByRole('menuitemcheckbox', { name: 'accuracy' }))
      await at.see(mlflowCell(at, 0, BEST))
    },
    'why do these two differ': async (at) => {
      for (const index of [1, 2])
        await at.click(at.page.locator(`[row-index="${index}"] .ag-selection-checkbox input`))
      await at.click(at.page.getByRole('button', { name: 'Compare' }))
      await at.see('text=/Comparing 2 Runs/i')
      // Below it, the parameters stand side by side; which of them matters is for the reader to find.
      await at.see('text=Show diff only')
    },
    // It does not search by the content of a file. Who knows the name of the run finds it, and the list has its data.
    'which data made this model': async (at) => {
      await at.click(MLFLOW_FILTER)
      await at.type(`run_name="${BEST}"`)
      await at.page.keyboard.press('Enter')
      await at.see(mlflowCell(at, 0, BEST))
      await at.see(at.page.locator('[row-index="0"]').getByText('b.csv').first())
      return 'not by the file; by the name of its run: '
    },
    // It reads nothing again.
    'is this run still true': undefined,
    'what is running': async (at) => {
      await at.click(MLFLOW_FILTER)
      await at.type('status="RUNNING"')
      await at.page.keyboard.press('Enter')
      await at.page.locator('[row-index="1"]').first().waitFor({ state: 'detached' })
      await at.see(mlflowCell(at, 0, 'goes on'))
    },
    'get this file': async (at) => {
      await at.click(at.page.getByRole('link', { name: at.recent, exact: true }))
      await at.click(at.page.getByRole('tab', { name: 'Artifacts' }))
      await at.click(at.page.getByText('model.safetensors').first())
      const saved = at.page.waitForEvent('download')
      await at.click('[data-component-id*="_artifactview.tsx_"]')
      await saved
    },
  }
}

/** Do tasks, each from the list of runs. */
async function count(browser, start, tasks, recent) {
  const results = {}
  for (const [name, task] of Object.entries(tasks)) {
    if (task === undefined) {
      results[name] = 'cannot'
      continue
    }
    const page = await start(browser)
    const at = Object.assign(new Counted(page), { recent })
    try {
      const words = (await task(at)) ?? ''
      results[name] = `${words}${at.clicks}${at.letters === 0 ? '' : `, and ${at.letters} letters`}`
    } catch (error) {
      // The other tasks are counted all the same.
      results[name] = `not done after ${at.clicks}`
      process.exitCode = 1
      console.error(`${name}: ${error.message}`)
      if (process.env.TASKS_PICTURES !== undefined)
        await page.screenshot({ path: join(process.env.TASKS_PICTURES, `${name}.png`) })
    }
    await page.close()
  }
  return results
}

const root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
// It takes long to start; meanwhile the runs are recorded.
const starting = existsSync(MLFLOW) ? startSweep(join(root, 'mlflow')) : undefined
const sweep = await recordSweep(root)
const browser = await startBrowser()
const ui = spawn(process.execPath, [PROGRAM, 'ui', '--no-open'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
})
let mlflow
try {
  const link = await new Promise((done) => ui.stdout.once('data', (text) => done(String(text).trim())))
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  context.setDefaultTimeout(30_000)
  const first = await context.newPage()
  await first.goto(link)
  await first.waitForSelector('.run-name')
  const record = JSON.parse(
    readFileSync(join(root, '.lineaprint/runs', sweep.ids.get(BEST), 'run.json'), 'utf8'),
  )
  const ours = await count(
    browser,
    async () => {
      const page = await context.newPage()
      await page.goto(new URL('/', link).href)
      await page.waitForSelector('.run-name')
      return page
    },
    lineaprintTasks(record.outputs.model.weights),
    'run 199',
  )
  console.error(ours)
  let theirs = {}
  if (starting !== undefined) {
    mlflow = await starting
    theirs = await count(
      browser,
      async () => {
        // It keeps the filter and the order of the last visit in its storage: each task has a new one. Its assistant is
        // closed, as it is after the first visit.
        const other = await browser.newContext({ viewport: { width: 1440, height: 900 } })
        other.setDefaultTimeout(45_000)
        await other.addInitScript(() => {
          localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')
          localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')
        })
        const page = await other.newPage()
        await page.goto(`${mlflow.address}/#/experiments/${mlflow.experiment}/runs`)
        await page.waitForSelector('[row-index="3"]', { state: 'attached' })
        return page
      },
      mlflowTasks(),
      'run 199',
    )
  }
  console.log('| task | lineaprint | MLflow |\n| --- | --- | --- |')
  for (const [name, clicks] of Object.entries(ours))
    console.log(`| ${name} | ${clicks} | ${theirs[name] ?? 'not installed'} |`)
} finally {
  await browser.close()
  ui.kill('SIGINT')
  await sweep.end()
  await mlflow?.stop()
  rmSync(root, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 })
}
