// `npm run screenshots`: take the pictures of docs/page.md. Real runs of train.py are recorded in a new folder, and shown by
// `lineaprint ui` in Chromium. Expects what `npm run build` makes.
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { startBrowser } from './browser.mjs'
import { PROGRAM, makeProject, recordAll, startTracked } from './store.mjs'

const docs = resolve(import.meta.dirname, '../../docs')
const root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
const folder = join(root, 'moons')
mkdirSync(folder)
makeProject(folder)
recordAll(folder)
const live = startTracked(
  folder,
  ['--name', 'moons', '--run-name', 'goes on', '--seed', '7'],
  ['--pause=0.15'],
)
const ui = spawn(process.execPath, [PROGRAM, 'ui', '--no-open'], {
  cwd: folder,
  stdio: ['ignore', 'pipe', 'inherit'],
})
const browser = await startBrowser()
try {
  const link = await new Promise((done) => ui.stdout.once('data', (text) => done(String(text).trim())))
  const words = [PROGRAM, 'list', '--json']
  const { runs } = JSON.parse(execFileSync(process.execPath, words, { cwd: folder, encoding: 'utf8' }))
  const idOf = (name) => runs.find(({ runName }) => runName === name).id
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 640 } })).newPage()
  await page.goto(link)
  await page.waitForSelector('.run-name')
  const show = async (path, ready, { theme = 'light', width = 1180, height = 640 } = {}) => {
    await page.setViewportSize({ width, height })
    await page.emulateMedia({ colorScheme: theme })
    await page.goto(new URL(path, link).href)
    await page.waitForSelector(ready)
    await page.waitForTimeout(500)
  }
  const take = (name) => page.screenshot({ path: join(docs, `page-${name}.png`), animations: 'disabled' })
  const where = new URLSearchParams({
    where: 'name = "sweep" or name = "moons"',
    sort: '-metrics.val/accuracy',
  })
  const [baseline, tried] = [idOf('baseline'), idOf('smaller start')]
  const contents = async (kind, name) => {
    await show(`/${kind}?${new URLSearchParams({ search: name })}`, '.contents')
    return page.locator('.contents a').first().getAttribute('href')
  }
  const model = await contents('models', 'final')
  const dataset = await contents('datasets', 'moons')
  for (const theme of ['light', 'dark']) {
    const end = theme === 'light' ? '' : '-dark'
    await show(`/?${where}`, '.run-name', { theme, height: 520 })
    for (const key of ['j', 'x', 'j', 'x']) await page.keyboard.press(key)
    await take(`runs${end}`)
    await show(`/runs/${idOf('goes on')}`, '.chart canvas', { theme, height: 760 })
    await page.waitForTimeout(2500)
    await take(`run${end}`)
    await show(`/compare?run=${baseline}&run=${tried}`, '.chart canvas', { theme, height: 780 })
    await take(`compare${end}`)
    await show(model, '.layers', { theme, height: 700 })
    await take(`model${end}`)
    await show(dataset, '.histogram', { theme, height: 640 })
    await take(`dataset${end}`)
    await show(`/lineage?of=${tried}&as=run`, '.node-start', { theme, height: 460 })
    await take(`lineage${end}`)
  }
  await show(`/runs/${baseline}`, '.chart canvas', { height: 420 })
  await page.keyboard.press('v')
  await page.waitForSelector('.verdict.bad, .verdict.good')
  await take('verify')
  await show(`/?${where}`, '.run-name', { theme: 'dark', width: 360, height: 560 })
  await take('narrow')
} finally {
  await browser.close()
  ui.kill('SIGINT')
  live.kill('SIGINT')
  await new Promise((done) => (live.exitCode === null ? live.once('exit', done) : done()))
  rmSync(root, { recursive: true, force: true })
}
