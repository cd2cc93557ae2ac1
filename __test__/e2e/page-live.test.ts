/** The page while a run goes on, and while its server does not answer. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../../scripts/page/browser.mjs'
import { IS_POSSIBLE, SHIFTS, faultsOf, servePage } from '../support/page.ts'
import { PROGRAM } from '../support/program.ts'
import { finished, started, startedRecorder } from '../tracking/support.ts'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { Served } from '../support/page.ts'

/** A run of which each part begins when its file is there. */
const PARTS = `
import os, time
import lineaprint

def wait_for(part):
    while not os.path.exists(f"{part}.go"):
        time.sleep(0.02)

wait_for("metrics")
print("the first line", flush=True)
for name in ("a", "b", "c"):
    lineaprint.log_metric(name, 1.0, 0)
wait_for("more")
for part in range(9):
    lineaprint.log_metric(f"later/{part}", 2.0, 0)
    print("another line " * 40, flush=True)
wait_for("inputs")
lineaprint.track_dataset("data.csv", name="data")
wait_for("end")
raise SystemExit("it failed")
`

describe.skipIf(!IS_POSSIBLE)('the page while things change', () => {
  let root: string
  let ui: Served
  let browser: Browser
  let context: BrowserContext

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    writeFileSync(join(root, 'data.csv'), 'a,b\n1,2\n')
    for (const name of ['one', 'two'])
      await finished(root, { experimentId: name }, (tracker) => tracker.logMetric('loss', 1, { step: 0 }))
    ui = await servePage(root)
    browser = await startBrowser()
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    const page = await context.newPage()
    await page.goto(ui.link)
    await page.waitForSelector('.run-name')
    await page.close()
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await ui.stop()
    rmSync(root, { recursive: true, force: true })
  })

  async function open(path: string, ready: string): Promise<Page> {
    const page = await context.newPage()
    await page.goto(new URL(path, ui.link).href)
    await page.waitForSelector(ready)
    return page
  }

  test('a run that goes on moves nothing that is on the screen: metrics, logs, inputs, warnings and its end', async () => {
    const folder = join(root, 'work')
    mkdirSync(folder)
    writeFileSync(join(folder, 'parts.py'), PARTS)
    writeFileSync(join(folder, 'data.csv'), 'a\n1\n')
    const [node, main] = PROGRAM
    const words = ['run', '--name', 'grows', '--output-dir', root, '--', 'python3', 'parts.py']
    const run = spawn(node, [main, ...words], { cwd: folder, stdio: 'ignore' })
    const ended = once(run, 'exit')
    try {
      const list = await open('/?where=name+%3D+"grows"', '.run-cell a')
      const path = (await list.locator('.run-cell a').getAttribute('href')) ?? ''
      await list.close()
      const storageState = await context.storageState()
      const pages: { readonly size: string; readonly page: Page }[] = []
      for (const [width, height] of [
        [360, 740],
        [1280, 800],
        [2560, 1440],
      ] as const) {
        const page = await browser.newPage({ storageState, viewport: { width, height } })
        await page.addInitScript(SHIFTS)
        await page.goto(new URL(path, ui.link).href)
        await page.waitForSelector('#changes')
        pages.push({ size: `${width}`, page })
      }
      const moves: unknown[] = []
      for (const [part, ready] of [
        ['metrics', '.chart canvas'],
        ['more', '.log pre:has-text("another line")'],
        ['inputs', '#data .plain-table'],
        ['end', '.status-failed'],
      ] as const) {
        writeFileSync(join(folder, `${part}.go`), '')
        for (const { size, page } of pages) {
          await page.waitForSelector(ready, { timeout: 15_000 })
          await page.waitForTimeout(300)
          for (const moved of await page.evaluate<readonly string[]>('window.moved.splice(0)'))
            moves.push([size, part, moved])
        }
      }
      expect(moves).toEqual([])
      // What waited shows after a click.
      for (const { page } of pages) {
        expect(await page.locator('.warnings li').count()).toBe(0)
        await page.click('.warning-line button')
        expect(await page.locator('.warnings li').count()).toBeGreaterThan(0)
        await page.evaluate('scrollTo(0, 1e9)')
        await page.evaluate('scrollTo(0, 0)')
        for (const more of await page.locator('.steady-more').all()) await more.click()
        await expect
          .poll(async () =>
            page.evaluate(
              `[...document.querySelectorAll('.steady')].every((part) => part.scrollHeight <= part.clientHeight + 1)`,
            ),
          )
          .toBe(true)
        expect(await page.locator('.chart').count()).toBe(12)
        expect(await faultsOf(page)).toEqual([])
        await page.close()
      }
    } finally {
      run.kill('SIGKILL')
      await ended
    }
  }, 120_000)

  test('warnings that come while a run is read wait in a line of their own', async () => {
    const recorder = await startedRecorder(root, { experimentId: 'warned' })
    const storageState = await context.storageState()
    for (const width of [360, 1280, 2560]) {
      const page = await browser.newPage({ storageState, viewport: { width, height: 800 } })
      await page.addInitScript(SHIFTS)
      await page.goto(new URL('/runs/warned', ui.link).href)
      await page.waitForSelector('#changes')
      for (const part of ['first', 'second'])
        recorder.recordWarning(`${part} warning on a screen of ${width} pixels, ${'long '.repeat(60)}`)
      await recorder.flush()
      await page.waitForSelector('.warning-line button:text-is("Show 2")')
      expect(await page.evaluate('window.moved')).toEqual([])
      await page.click('.warning-line button')
      await page.waitForSelector(`.warnings li:has-text("second warning on a screen of ${width}")`)
      expect(await page.locator('.warning-line').innerText()).toBe('No other warnings so far')
      await page.close()
    }
    await recorder.finish()
  }, 60_000)

  test('a server that does not answer is said calmly, and everything goes on when it does', async () => {
    const live = await started(root, { experimentId: 'live', experimentName: 'live' })
    live.logMetric('speed', 1, { step: 0 })
    await live.flush()
    const list = await open('/', '.run-name')
    const run = await open('/runs/live', '.chart canvas')
    const other = await open('/models', '.empty')
    await context.setOffline(true)
    await list.waitForSelector('.lost', { timeout: 10_000 })
    // What was there stays, and nothing is an alarm.
    expect(await list.locator('.run-name').count()).toBeGreaterThan(2)
    expect(await list.locator('[role=alert]').count()).toBe(0)
    expect(await faultsOf(list)).toEqual([])
    // A view that was never loaded says that it waits.
    await other.keyboard.press('d')
    await other.waitForSelector('.empty:has-text("The server does not answer")')
    await other.waitForSelector('.lost')
    live.logMetric('speed', 777, { step: 1 })
    await live.flush()
    await finished(root, { experimentId: 'meanwhile', experimentName: 'meanwhile' })
    await context.setOffline(false)
    await list.waitForSelector('.lost', { state: 'detached', timeout: 10_000 })
    await list.waitForSelector('.run-name:text-is("meanwhile")')
    await other.waitForSelector('.contents tbody a', { timeout: 10_000 })
    await run.waitForSelector('.readout:has-text("777")', { timeout: 10_000 })
    await live.finishExperiment()
    await run.waitForSelector('.status-finished', { timeout: 10_000 })
    for (const page of [list, run, other]) await page.close()
  }, 60_000)

  test('a server that was ended and started again is found by the link of the new one', async () => {
    const tab = await open('/runs/one', '.chart canvas')
    await ui.stop()
    await tab.click('text=Models')
    await tab.waitForSelector('.lost', { timeout: 10_000 })
    ui = await servePage(root, '--port', new URL(ui.link).port)
    await tab.waitForSelector('text=This page is not signed in', { timeout: 10_000 })
    expect(await tab.locator('.lost').count()).toBe(0)
    const other = await context.newPage()
    await other.goto(ui.link)
    await other.waitForSelector('.run-name')
    // The first tab goes on where it was.
    await tab.waitForSelector('text=No models yet')
    await tab.close()
    await other.close()
  }, 60_000)
})
