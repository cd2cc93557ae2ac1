/** Lists of the page that are open while runs change: whatever is on the screen is what the store has. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../../scripts/page/browser.mjs'
import { storeIn } from '../../src/store/store.ts'
import { recordOf, writeRun } from '../database/support.ts'
import { IS_POSSIBLE, servePage } from '../support/page.ts'
import { started } from '../tracking/support.ts'
import type { Browser, Page } from 'playwright-core'
import type { Served } from '../support/page.ts'

/** Runs that ended, in more than one part of a list. */
const RUNS = 160

describe.skipIf(!IS_POSSIBLE)('lists that are open while runs change', () => {
  let root: string
  let ui: Served
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    for (let run = 0; run < RUNS; run++) {
      const startedAt = new Date(Date.UTC(2026, 0, 1) + run * 1000).toISOString()
      writeRun(storeIn(root), recordOf(`run-${run}`, { startedAt, tags: [run % 2 === 0 ? 'even' : 'odd'] }))
    }
    ui = await servePage(root)
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await ui.stop()
    rmSync(root, { recursive: true, force: true })
  })

  test('a run in another part of the list than the first row of the screen', async () => {
    // The least ids come first, so this one is at the end.
    const tracker = await started(root, { experimentId: 'zz-goes-on' })
    tracker.logMetric('loss', 0.75, { step: 0 })
    await page.goto(ui.link)
    await page.waitForSelector('.run-name')
    await page.goto(new URL('/?sort=started&column=status&column=metrics.loss', ui.link).href)
    await page.waitForSelector('.run-name')
    await page.evaluate(`document.querySelector('.table-frame').scrollTop = 85 * 36`)
    await page.evaluate(`document.querySelector('.table-frame').scrollTop = 1e9`)
    const row = page.locator('tr', { has: page.locator('a[href*="zz-goes-on"]') })
    await row.waitFor()
    // Both parts are on the screen.
    await page.setViewportSize({ width: 1280, height: 3400 })
    await page.locator('a[href$="/runs/run-90"]').waitFor()
    await expect.poll(async () => row.textContent(), { timeout: 10_000 }).toContain('0.75')
    tracker.logMetric('loss', 0.25, { step: 1 })
    await expect.poll(async () => row.textContent(), { timeout: 10_000 }).toContain('0.25')
    await tracker.finishExperiment()
    await expect.poll(async () => row.textContent(), { timeout: 10_000 }).toContain('finished')
  }, 60_000)

  test('groups', async () => {
    await page.goto(new URL('/?group=status', ui.link).href)
    const groups = page.locator('.groups tbody')
    await groups.waitFor()
    expect(await groups.textContent()).toBe(`finished${RUNS + 1}`)
    const tracker = await started(root, { experimentId: 'in-a-group' })
    await expect
      .poll(async () => groups.textContent(), { timeout: 10_000 })
      .toBe(`finished${RUNS + 1}running1`)
    await tracker.finishExperiment()
    await expect.poll(async () => groups.textContent(), { timeout: 10_000 }).toBe(`finished${RUNS + 2}`)
  }, 60_000)
})
