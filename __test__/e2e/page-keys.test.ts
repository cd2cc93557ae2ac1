/** The page without a mouse, and for everybody: a whole tour by keys, where the focus is, and what axe finds. */
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../../scripts/page/browser.mjs'
import { IS_POSSIBLE, faultsOf, servePage } from '../support/page.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'
import type { Browser, Page } from 'playwright-core'
import type { Served } from '../support/page.ts'

/** What has the focus, and whether that is seen: a ring around it or around its row. */
const FOCUS = `(() => {
  const { activeElement } = document
  const row = activeElement.closest('tr')
  const drawn = [activeElement, ...(row === null ? [] : [row]), ...activeElement.querySelectorAll('rect')]
  const isSeen = drawn.some((element) => {
    const { outlineStyle, outlineWidth, strokeWidth } = getComputedStyle(element)
    if (element.localName === 'tr') return getComputedStyle(element.cells[2]).boxShadow.includes('2px')
    const isRing = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
    return isRing || (element.localName === 'rect' && parseFloat(strokeWidth) >= 3)
  })
  return { name: activeElement.localName, isSeen }
})()`

interface Focus {
  readonly name: string
  readonly isSeen: boolean
}

describe.skipIf(!IS_POSSIBLE)('the page by keys', () => {
  let root: string
  let ui: Served
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    writeFileSync(join(root, 'data.csv'), 'a,b\n1,2\n')
    for (let index = 0; index < 12; index++)
      await finished(
        root,
        {
          experimentId: `run-${index}`,
          experimentName: index < 10 ? 'sweep' : 'other',
          keep: { outputs: true },
        },
        async (tracker) => {
          for (let step = 0; step < 20; step++) tracker.logMetric('loss', index / (step + 1), { step })
          tracker.logMetric('score', index, { step: 0 })
          await tracker.trackDataset(join(root, 'data.csv'), 'data')
          writeFileSync(join(root, 'model.safetensors'), safetensors({ 'layers.0.w': floats([index]) }))
          await tracker.trackOutput(join(root, 'model.safetensors'), 'model')
        },
      )
    ui = await servePage(root)
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(ui.link)
    await page.waitForSelector('.run-name')
  }, 60_000)

  afterAll(async () => {
    await browser.close()
    await ui.stop()
    rmSync(root, { recursive: true, force: true })
  })

  async function press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await page.keyboard.press(key)
  }

  /** Wait for what a key leads to, and expect a focus that is seen. */
  async function arrived(ready: string, name: string): Promise<void> {
    await page.waitForSelector(ready)
    await expect
      .poll(async () => (await page.evaluate<Focus>(FOCUS)).name, { timeout: 3000 })
      .not.toMatch(/^(?:main|body)$/)
    expect([ready, await page.evaluate<Focus>(FOCUS)]).toEqual([ready, { name, isSeen: true }])
  }

  async function open(path: string, ready: string): Promise<void> {
    await page.goto(new URL(path, ui.link).href)
    await page.waitForSelector(ready)
  }

  test('a tour of all views needs no mouse, and the focus is always seen', async () => {
    await open('/', '.run-name')
    await press('/')
    await arrived('.filter input', 'input')
    await page.keyboard.type('name = "sweep"')
    await page.waitForSelector('text=10 of 12 runs')
    await press('Escape', 'j', 'j')
    await arrived('tr.cursor', 'a')
    await press('Enter')
    await arrived('.run-title h1', 'h1')
    expect(new URL(page.url()).pathname).toBe('/runs/run-8')
    // The list is as it was left.
    await page.goBack()
    await arrived('tr.cursor a[href="/runs/run-8"]', 'a')
    await press('x', 'j', 'x', 'c')
    await arrived('.reason', 'h1')
    expect(new URL(page.url()).searchParams.getAll('run')).toEqual(['run-8', 'run-7'])
    await page.goBack()
    await arrived('tr.cursor a[href="/runs/run-7"]', 'a')
    await press('Enter')
    await arrived('.run-title h1', 'h1')
    await press('l')
    await arrived('.node-start', 'a')
    await press('ArrowRight')
    await arrived('.node-models:focus, .node-outputs:focus', 'a')
    await press('m')
    await arrived('.contents tbody', 'div')
    await press('j', 'Enter')
    await arrived('.content-view h1', 'h1')
    await press('d')
    await arrived('.contents tbody', 'div')
    await press('j', 'o')
    await arrived('.content-view h1:has-text("data")', 'h1')
    await press('l')
    await arrived('.node-start', 'a')
    await press('g')
    await arrived('.run-name', 'div')
    await press('j', 'Enter')
    await arrived('.run-title h1', 'h1')
    await press('v')
    await page.waitForSelector('.verdict.good, .verdict.bad')
    expect(await page.evaluate<Focus>(FOCUS)).toEqual({ name: 'section', isSeen: true })
    await press('Tab', 'Tab', 'Enter')
    await arrived('main:not(:has(.verify))', 'h1')
    await page.goBack()
    await arrived('tr.cursor', 'a')
  }, 60_000)

  test('the cursor stays with its run when new ones come before it', async () => {
    await open('/', '.run-name')
    await press('j')
    await page.waitForSelector('tr.cursor a[href="/runs/run-11"]')
    await finished(root, { experimentId: 'newer', experimentName: 'newer' })
    await page.waitForSelector('a[href="/runs/newer"]', { timeout: 10_000 })
    await arrived('tr.cursor a[href="/runs/run-11"]', 'a')
    expect(await page.locator('tr.cursor').getAttribute('aria-rowindex')).toBe('3')
  }, 30_000)

  test('a button that goes with what it did passes the focus on', async () => {
    await open('/', '.run-name')
    await press('j', 'x')
    await page.locator('button:text-is("Clear")').focus()
    await press('Enter')
    await arrived('main:not(:has(button:text-is("Clear")))', 'a')
    await open('/?where=name+%3D+"none"', '.empty')
    await page.locator('button:text-is("Show all runs")').focus()
    await press('Enter')
    await arrived('.run-name', 'input')
    await open('/runs/run-1', '.chart canvas')
    await page.locator('button:text-is("whole range")').focus()
    await press('Enter')
    expect(await page.evaluate<Focus>(FOCUS)).toEqual({ name: 'button', isSeen: true })
  }, 30_000)

  test('the list of keys has every key that acts, and each acts', async () => {
    await open('/', '.run-name')
    await press('?')
    await page.waitForSelector('.help')
    const listed = (await page.locator('.help kbd').allTextContents()).toSorted()
    expect([...new Set(listed)]).toEqual(
      [
        '/',
        '0',
        '?',
        'c',
        'd',
        'enter',
        'esc',
        'g',
        'j',
        'k',
        'l',
        'm',
        'o',
        't',
        'tab',
        'v',
        'x',
        '←',
        '↑',
        '→',
        '↓',
      ].toSorted(),
    )
    // The page and the document list the same ones.
    const manual = readFileSync('docs/page.md', 'utf8')
    for (const key of listed) expect([key, manual.includes(`\`${key}\``)]).toEqual([key, true])
    await press('Escape')
    await page.waitForSelector('.help', { state: 'detached' })
    await press('k')
    await page.waitForSelector('tr.cursor[aria-rowindex="2"]')
    await press('ArrowDown')
    await page.waitForSelector('tr.cursor[aria-rowindex="3"]')
    await press('ArrowUp')
    await page.waitForSelector('tr.cursor[aria-rowindex="2"]')
    await press('t')
    await page.waitForSelector('button:text-is("light")')
    await press('t', 't')
    await page.waitForSelector('button:text-is("system")')
    await open('/runs/run-1?from=2&to=5', '.chart canvas')
    await press('0')
    await expect.poll(() => page.url()).not.toContain('from=')
  }, 30_000)

  test('axe finds nothing in any view and dialog, in both themes and on narrow and wide screens', async () => {
    await open('/models', '.contents tbody a')
    const model = (await page.locator('.contents tbody a').first().getAttribute('href')) ?? ''
    await open('/datasets', '.contents tbody a')
    const dataset = (await page.locator('.contents tbody a').first().getAttribute('href')) ?? ''
    const all = Array.from({ length: 12 }, (_, index) => `run=run-${index}`).join('&')
    const views: readonly (readonly [path: string, ready: string, keys?: readonly string[]])[] = [
      ['/', '.run-name', ['j', 'x', 'j', 'x']],
      ['/', '.run-name', ['?']],
      ['/', '.run-name', ['/', 's', 'c', 'o']],
      ['/?where=a+%3E%3E+1', '.filter-error'],
      ['/?where=name+%3D+"none"', '.empty'],
      ['/?group=name&range=metrics.loss', '.groups tbody tr'],
      ['/runs/run-1', '.chart canvas', ['v']],
      ['/runs/run-1?log=true&axis=time', '.chart canvas'],
      ['/runs/nobody', '.empty'],
      [`/compare?${all}`, '.chart canvas'],
      ['/compare', '.empty'],
      ['/models', '.contents tbody a', ['j']],
      [model, '#tensors'],
      ['/datasets?search=none', '.empty'],
      [dataset, '#columns'],
      ['/lineage', '.empty'],
      ['/lineage?of=run-1&as=run', '.node-start'],
    ]
    const faults: string[] = []
    for (const [colorScheme, width] of [
      ['light', 360],
      ['dark', 1280],
    ] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme })
      for (const [path, ready, keys = []] of views) {
        await open(path, ready)
        await press(...keys)
        if (keys.includes('v')) await page.waitForSelector('.verdict.good, .verdict.bad')
        const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
        if (wider === true) faults.push(`${path} ${width}: wider than the screen`)
        faults.push(
          ...(await faultsOf(page)).map(
            (fault) => `${path} ${keys.join('')} ${width} ${colorScheme}: ${fault}`,
          ),
        )
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.emulateMedia({ colorScheme: 'light' })
    await open('/', '.run-name')
    await page.click('summary:text-is("Columns")')
    faults.push(...(await faultsOf(page)))
    expect(faults).toEqual([])
  }, 120_000)
})
