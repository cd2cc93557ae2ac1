/** The pictures of the page: values that are hard to draw, zoom, axes, and the lines of many runs. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../../scripts/page/browser.mjs'
import { IS_POSSIBLE, servePage } from '../support/page.ts'
import { finished } from '../tracking/support.ts'
import type { Browser, Page } from 'playwright-core'
import type { Served } from '../support/page.ts'

/** Metrics by the values of steps 0, 1, 2 and so on. */
const ODD: Readonly<Record<string, readonly number[]>> = {
  mixed: Array.from({ length: 50 }, (_, step) => step - 10),
  negative: [-1, -2, -3],
  nan: [1, NaN, 3, Infinity, 5],
  'nan only': [NaN, NaN],
  constant: [0.5, 0.5, 0.5],
  tiny: [1e-30, 2e-30, 3e-30],
  both: [1e-30, 1e30, 1e-30],
  greatest: [1.7e308, -1.7e308, 1.7e308],
  smallest: [5e-324],
  close: [100_000, 100_000.0001, 100_000.0002],
  one: [3.25],
}

/** Number of compared runs. */
const RUNS = 30

describe.skipIf(!IS_POSSIBLE)('the pictures of the page', () => {
  let root: string
  let ui: Served
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    await finished(root, { experimentId: 'odd' }, (tracker) => {
      for (const [name, values] of Object.entries(ODD))
        for (const [step, value] of values.entries()) tracker.logMetric(name, value, { step })
    })
    for (let run = 0; run < RUNS; run++)
      await finished(root, { experimentId: `run-${run}`, runName: `variant ${run}` }, (tracker) => {
        for (let step = 0; step < 20; step++) tracker.logMetric('loss', run + 1 / (step + 1), { step })
      })
    ui = await servePage(root)
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    page.on('pageerror', (error: Error) => errors.push(error.message))
    await page.goto(ui.link)
    await page.waitForSelector('.run-name')
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await ui.stop()
    rmSync(root, { recursive: true, force: true })
  })

  async function open(path: string): Promise<void> {
    await page.goto(new URL(path, ui.link).href)
    await page.waitForSelector('.chart canvas')
  }

  /** Return the pictures by their titles: what is said above each, and in it. */
  async function pictures(): Promise<Record<string, string>> {
    const said: Record<string, string> = {}
    for (const chart of await page.locator('.chart').all()) {
      const title = (await chart.locator('.chart-title').innerText()).trim()
      const note = (await chart.locator('.chart-note').allInnerTexts()).join()
      said[title] =
        `${(await chart.locator('.readout').innerText()).trim()}${note === '' ? '' : ` | ${note}`}`
    }
    return said
  }

  /** Return the pixels of a picture that have the colour of its first line, and are not pale. */
  async function inkOf(title: string): Promise<number> {
    return page.evaluate<number>(`(() => {
      const chart = [...document.querySelectorAll('.chart')].find((one) =>
        one.querySelector('.chart-title').textContent.trim() === ${JSON.stringify(title)})
      const canvas = chart.querySelector('canvas')
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      const probe = document.createElement('p')
      probe.style.color = 'var(--line-0)'
      document.body.append(probe)
      const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number)
      probe.remove()
      let ink = 0
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 128 && Math.abs(data[at] - r) + Math.abs(data[at + 1] - g) + Math.abs(data[at + 2] - b) < 24) ink++
      return ink
    })()`)
  }

  test('values that are hard to draw are drawn, and what is not is said', async () => {
    await open('/runs/odd')
    expect(await pictures()).toEqual({
      mixed: '39',
      negative: '-3',
      nan: '2 NaN or ∞ 5',
      'nan only': '2 NaN or ∞ | No finite value',
      constant: '0.5',
      tiny: '3e-30',
      both: '1e-30',
      greatest: '1.7e308',
      smallest: '4.941e-324',
      close: '100,000',
      one: '3.25',
    })
    await page.waitForTimeout(300)
    for (const title of Object.keys(ODD))
      expect([title, (await inkOf(title)) > 5]).toEqual([title, title !== 'nan only'])
    expect(errors).toEqual([])
  })

  test('a log scale says what it leaves out', async () => {
    await open('/runs/odd?log=true')
    const said = await pictures()
    expect(said['mixed']).toBe('11 ≤ 0 left out 39')
    expect(said['negative']).toBe('3 ≤ 0 left out -3 | No value above 0: a log scale has no place for it')
    expect(said['greatest']).toBe('1 ≤ 0 left out 1.7e308')
    expect(said['constant']).toBe('0.5')
    expect(said['nan only']).toBe('2 NaN or ∞ | No finite value')
    await page.waitForTimeout(300)
    for (const title of ['mixed', 'both', 'tiny', 'smallest', 'one'])
      expect([title, (await inkOf(title)) > 5]).toEqual([title, true])
    expect(errors).toEqual([])
  })

  test('a drag zooms, the address has the range, and a key shows all again', async () => {
    await open('/runs/odd')
    await page.waitForTimeout(300)
    const picture = page.locator('.chart:has(.chart-title:text-is("mixed")) .u-over')
    await picture.scrollIntoViewIfNeeded()
    const box = await picture.boundingBox()
    if (box === null) throw new Error('there is no picture')
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => page.url()).toContain('from=')
    const { searchParams } = new URL(page.url())
    expect(Number(searchParams.get('from'))).toBeCloseTo(49 * 0.25, 0)
    expect(Number(searchParams.get('to'))).toBeCloseTo(49 * 0.5, 0)
    await page.keyboard.press('0')
    await expect.poll(() => page.url()).not.toContain('from=')
    await page.click('button:text-is("time")')
    await expect.poll(() => page.url()).toContain('axis=time')
    expect(errors).toEqual([])
  })

  test('the lines of thirty runs differ, and each can be brought out and hidden', async () => {
    const runs = Array.from({ length: RUNS }, (_, run) => `run=run-${run}`).join('&')
    await open(`/compare?${runs}`)
    const looks = await page.evaluate<readonly string[]>(
      `[...document.querySelectorAll('.legend-run svg')].map((svg) =>
        getComputedStyle(svg).color + ' ' + svg.firstChild.getAttribute('stroke-dasharray'))`,
    )
    expect(new Set(looks).size).toBe(RUNS)
    await page.waitForTimeout(300)
    const all = await inkOf('loss')
    await page.locator('.legend-run').nth(5).hover()
    // The others are pale.
    await expect.poll(async () => inkOf('loss')).toBeLessThan(all / 2)
    await page.locator('.legend-run').first().click()
    await page.mouse.move(5, 5)
    await page.waitForTimeout(200)
    expect(await page.locator('.legend-run').first().getAttribute('aria-pressed')).toBe('false')
    expect(await inkOf('loss')).toBeLessThan(all)
    expect(errors).toEqual([])
  })
})
