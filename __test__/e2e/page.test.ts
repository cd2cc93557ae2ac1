/** The page in a real browser: what people see, press and read, and what strangers cannot do. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startBrowser } from '../../scripts/page/browser.mjs'
import { IS_POSSIBLE, SHIFTS, faultsOf, servePage } from '../support/page.ts'
import { recordOf, writeRun } from '../database/support.ts'
import { file } from '../lineage/support.ts'
import { storeIn } from '../../src/store/store.ts'
import { mapConcurrently } from '../../src/util/concurrency.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, started } from '../tracking/support.ts'
import type { Browser, Page } from 'playwright-core'
import type { Served } from '../support/page.ts'

/** Texts that a page would act on if it took them for more than texts. */
const PLANTED =
  '<img src=x onerror="window.planted=1"><script>window.planted=1</script>"\'`${window.planted=1}\u0000\u001b[31m\u202e{{7*7}}'

/** A text of 10 MB. */
const HUGE = '<b>'.repeat(3_333_333)

/** A model of which one layer was tuned. */
const TUNED = safetensors({ 'layers.0.w': floats([1]), 'layers.1.w': floats([3]) })

describe.skipIf(!IS_POSSIBLE)('the page in Chromium', () => {
  let root: string
  let ui: Served
  let link: string
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    writeFileSync(join(root, 'data.csv'), 'a,b\n1,2\n')
    writeFileSync(join(root, 'planted.csv'), `${JSON.stringify(PLANTED).replaceAll('\\"', '""')},b\n1,2\n`)
    for (let index = 0; index < 30; index++)
      await finished(
        root,
        {
          experimentId: `run-${index}`,
          experimentName: index < 25 ? 'sweep' : 'other',
          tags: [`t${index % 3}`],
        },
        async (tracker) => {
          for (let step = 0; step < 50; step++) tracker.logMetric('loss', index / (step + 1), { step })
          if (index === 29) tracker.logMetric('loss', 1000, { step: 20 })
          tracker.logMetric('score', index)
          if (index > 27) await tracker.trackDataset(join(root, 'data.csv'), 'data')
        },
      )
    await finished(
      root,
      { experimentId: 'planted', experimentName: PLANTED, runName: PLANTED, tags: [PLANTED], notes: PLANTED },
      async (tracker) => {
        tracker.addMetadata({ [PLANTED.slice(0, 40)]: PLANTED, long: HUGE })
        tracker.logMetric(PLANTED, 1)
        await tracker.trackDataset(join(root, 'planted.csv'), PLANTED)
        await tracker.trackOutput(join(root, 'planted.csv'), `out ${PLANTED}`)
      },
    )
    // The library records no such names; a record can come from elsewhere.
    writeRun(
      storeIn(root),
      recordOf('huge', {
        name: HUGE,
        runName: HUGE,
        tags: [HUGE],
        notes: HUGE,
        metadata: { p: HUGE },
        parameters: {
          [PLANTED]: { value: PLANTED, sources: [PLANTED] },
          huge: { value: HUGE, sources: ['x'] },
        },
        datasets: { [HUGE]: file('huge', HUGE) },
        warnings: [HUGE, PLANTED],
        flags: [{ kind: PLANTED, message: PLANTED }],
      }),
    )
    writeFileSync(
      join(root, 'base.safetensors'),
      safetensors({ 'layers.0.w': floats([1]), 'layers.1.w': floats([2]) }),
    )
    await finished(
      root,
      { experimentId: 'tuner', experimentName: 'tune', keep: { outputs: true } },
      async (tracker) => {
        await tracker.trackModel(join(root, 'base.safetensors'), 'base')
        writeFileSync(join(root, 'tuned.safetensors'), TUNED)
        await tracker.trackOutput(join(root, 'tuned.safetensors'), PLANTED)
      },
    )
    await finished(root, { experimentId: 'user', experimentName: 'use' }, async (tracker) => {
      await tracker.trackModel(join(root, 'tuned.safetensors'), 'model')
    })
    ui = await servePage(root)
    link = ui.link
    browser = await startBrowser()
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    page.on('pageerror', (error: Error) => errors.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Trusted/i.test(message.text()))
        errors.push(message.text())
    })
    await page.goto(link)
    // The first look makes the index, of a record of 60 MB too.
    await page.waitForSelector('.run-name', { timeout: 90_000 })
  }, 180_000)

  afterAll(async () => {
    await browser.close()
    await ui.stop()
    rmSync(root, { recursive: true, force: true })
  })

  beforeEach(() => {
    errors.length = 0
  })

  async function open(path: string, ready: string): Promise<void> {
    await page.goto(new URL(path, link).href)
    await page.waitForSelector(ready)
  }

  const VIEWS = [
    ['/', '.run-name'],
    ['/runs/run-29', '.chart canvas'],
    ['/runs/planted', '.run-title h1'],
    ['/compare?run=run-3&run=run-29', '.reason'],
    ['/models', '.contents'],
    ['/datasets', '.contents'],
    ['/lineage', '.empty'],
    ['/lineage?of=tuner&as=run', '.node-start'],
  ] as const

  test('the address loses its token, and the link is good once', async () => {
    expect(page.url()).toBe(`${new URL(link).origin}/`)
    const other = await browser.newContext()
    const stranger = await other.newPage()
    await stranger.goto(link)
    await stranger.waitForSelector('text=This page is not signed in')
    expect(await stranger.locator('.run-name').count()).toBe(0)
    await other.close()
  })

  test('a filter, an order and a choice of runs are made with keys, and are in the address', async () => {
    await open('/', '.run-name')
    expect(await page.locator('.counts').textContent()).toContain('34 runs')
    await page.keyboard.press('/')
    await page.keyboard.type('metrics.score >= 20 and name = "sweep"')
    await page.waitForSelector('text=5 of 34 runs')
    expect(new URL(page.url()).searchParams.get('where')).toBe('metrics.score >= 20 and name = "sweep"')
    await page.keyboard.press('Escape')
    await page.click('th button:has-text("score")')
    await page.waitForSelector('th[aria-sort="descending"]')
    expect(await page.locator('.run-cell a').first().getAttribute('href')).toBe('/runs/run-24')
    for (const key of ['j', 'x', 'j', 'x', 'c']) await page.keyboard.press(key)
    await page.waitForSelector('.reason')
    expect(new URL(page.url()).searchParams.getAll('run')).toEqual(['run-24', 'run-23'])
    await page.goBack()
    await page.waitForSelector('text=5 of 34 runs')
  })

  test('an error of the filter is at its column, and completion knows the fields', async () => {
    await open('/?where=metrics.score+%3E%3E+1', '.filter-error')
    expect(await page.locator('.filter-error p').textContent()).toContain('column 16:')
    expect(await page.locator('.filter-error pre').textContent()).toBe(`${' '.repeat(15)}▲`)
    await open('/', '.run-name')
    await page.keyboard.press('/')
    await page.keyboard.type('sco')
    expect(await page.locator('.choices li').allTextContents()).toEqual(['metrics.score'])
    await page.keyboard.press('Tab')
    expect(await page.inputValue('.filter input')).toBe('metrics.score ')
  })

  test('a run is opened with enter, and verified where it stands', async () => {
    await open('/?where=name+%3D+"other"', 'text=5 of 34 runs')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.run-title h1')
    expect(page.url()).toContain('/runs/run-29')
    writeFileSync(join(root, 'data.csv'), 'a,b\n1,3\n')
    await page.keyboard.press('v')
    await page.waitForSelector('.verdict.bad')
    expect(await page.locator('.finding-changed .finding-name').allTextContents()).toEqual(['data'])
    writeFileSync(join(root, 'data.csv'), 'a,b\n1,2\n')
  })

  test('a comparison begins with its reason, and marks the first step that differs', async () => {
    await open('/compare?run=run-3&run=run-29', '.reason')
    expect(await page.locator('.reason').textContent()).toBe('Most likely the data: datasets.data')
    expect(await page.locator('.divergence').textContent()).toContain('first step at which they differ is 0')
    await page.waitForSelector('.chart canvas')
    expect(await page.locator('.legend li').count()).toBe(2)
  })

  test('a model leads to the runs that made and used it, to its tensors, and to its lineage', async () => {
    await open('/models', '.contents')
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.content-view')
    expect(await page.locator('.run-list a').allTextContents()).toEqual(['tune', 'use'])
    expect(await page.locator('.layers li').allTextContents()).toEqual([
      'layers.01 the same',
      'layers.11 changed',
    ])
    expect(await page.locator('.health-note').textContent()).toContain('not in the records')
    await page.keyboard.press('l')
    await page.waitForSelector('.node-start')
    expect(await page.locator('.edge-inferred').count()).toBeGreaterThan(0)
    await page.locator('.node-start').first().focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.run-title h1:has-text("tune")')
  })

  test('what a run kept is saved as it was kept', async () => {
    await open('/runs/tuner', '.run-title h1')
    const saved = page.waitForEvent('download')
    await page.click('#data .small')
    const path = await (await saved).path()
    expect(readFileSync(path)).toEqual(Buffer.from(TUNED))
  })

  test('an error says each thing once', async () => {
    await open('/runs/none', '.empty')
    const text = (await page.locator('.empty').textContent()) ?? ''
    for (const part of [
      'no run has this id',
      'the id of a run of this store',
      '"none"',
      'it may have been removed',
    ])
      expect([part, text.split(part).length - 1]).toEqual([part, 1])
    await page.click('.empty a')
    await page.waitForSelector('text=34 runs')
  })

  test('the list is shown in groups, and a group leads to its runs', async () => {
    await open('/?where=name+%3D+"sweep"', 'text=25 of 34 runs')
    await page.selectOption('.group-choice select', 'tags')
    await page.selectOption('.group-choice label:nth-child(2) select', 'metrics.score')
    await page.waitForSelector('.groups tbody tr td:nth-child(5)')
    expect(await page.locator('.groups tbody tr').allTextContents()).toEqual([
      't09012.024',
      't18111.522',
      't28212.523',
    ])
    expect(new URL(page.url()).searchParams.get('group')).toBe('tags')
    await page.click('.groups .link >> nth=0')
    await page.waitForSelector('text=9 of 34 runs')
    expect(new URL(page.url()).searchParams.get('where')).toBe('name = "sweep" and tags has "t0"')
  })

  test('a picture says the values of the point under the pointer, and has an axis of epochs', async () => {
    await open('/runs/run-29', '.chart canvas')
    await page.waitForTimeout(300)
    const box = await page.locator('.u-over').first().boundingBox()
    if (box === null) throw new Error('there is no picture')
    await page.mouse.move(box.x + box.width * (20 / 49), box.y + 40)
    await page.mouse.move(box.x + box.width * (20 / 49) + 1, box.y + 30)
    await page.waitForSelector('.tip-box')
    expect(await page.locator('.tip-box').innerText()).toBe('1000 step 20')
    await page.click('.chart-tools button:has-text("epoch")')
    await page.waitForSelector('text=no metric is named epoch')
  })

  test('one of two runs is chosen, and the other one is compared with it', async () => {
    await open('/', '.run-name')
    await page.click('tbody tr:nth-child(3) input')
    await page.click('tbody tr:nth-child(4) .row-compare')
    await page.waitForSelector('.reason')
    expect(new URL(page.url()).searchParams.getAll('run')).toHaveLength(2)
  })

  test('a comparison of several runs says once, and beside each, why it differs', async () => {
    await open('/compare?run=run-3&run=run-4&run=run-5&run=run-6', '.reasons')
    const reasons = await page.locator('.reasons li').allTextContents()
    expect(reasons).toHaveLength(3)
    for (const reason of reasons) expect(reason).toContain('The results differ, and no recorded cause does')
    // Which run is "the first" and "the second" is said of two runs only.
    expect(await page.locator('.notice').allTextContents()).toEqual([])
    await page.click('.reasons li a')
    await page.waitForSelector('.notice')
    const notices = await page.locator('.notice').allTextContents()
    expect(new Set(notices).size).toBe(notices.length)
  })

  test('a comparison of several runs shows each value that is known, and no other', async () => {
    const command = (...argv: string[]) => ({ ...recordOf('x', {}).command, argv })
    const store = storeIn(root)
    writeRun(store, recordOf('argv-1', { command: command('python', 'a.py') }))
    writeRun(store, recordOf('argv-2', { command: command('python', 'b.py') }))
    writeRun(store, recordOf('argv-3', { command: command('python', 'c.py', '--more') }))
    await open('/compare?run=argv-1&run=argv-2&run=argv-3', '.reasons')
    const cells = async (field: string) =>
      page
        .locator('.differences tr', { has: page.locator(`code:text-is("${field}")`) })
        .locator('td')
        .allTextContents()
    expect(await cells('command.argv.1')).toEqual(['a.py', 'b.py', 'see command.argv'])
    expect(await cells('command.argv')).toEqual([
      '["python","a.py"]',
      'see command.argv.1',
      '["python","c.py","--more"]',
    ])
  })

  test('a run that goes on shows what it logs within two seconds', async () => {
    const tracker = await started(root, { experimentId: 'live', experimentName: 'live' })
    tracker.logMetric('speed', 1, { step: 0 })
    await tracker.flush()
    await open('/runs/live', '.status-running')
    await page.waitForSelector('.readout:has-text("1")')
    tracker.logMetric('speed', 777, { step: 1 })
    await tracker.flush()
    await page.waitForSelector('.readout:has-text("777")', { timeout: 2000 })
    await tracker.finishExperiment()
    await page.waitForSelector('.status-finished', { timeout: 4000 })
    expect(await page.locator('.live').count()).toBe(0)
  })

  test('planted texts are texts', async () => {
    const more = [
      ['/compare?run=run-3&run=planted', '.reason'],
      ['/compare?run=planted&run=huge', '.reason'],
      ['/runs/huge', '.run-title h1'],
      ['/?group=tags', '.groups tbody tr'],
      ['/?group=name&range=duration', '.groups tbody tr'],
      ['/lineage?of=planted&as=run', '.node-start'],
      ['/lineage?of=huge&as=run', '.node-start'],
      ['/datasets?search=img', '.contents'],
    ] as const
    await open('/datasets?search=img', '.contents')
    const planted = await page.locator('.contents tbody a').first().getAttribute('href')
    for (const [path, ready] of [...VIEWS, ...more, [planted ?? '', '.content-view'] as const]) {
      await open(path, ready)
      await page.waitForTimeout(300)
      expect([path, await page.evaluate("'planted' in window")]).toEqual([path, false])
      expect(await page.locator('#app script, #app img[onerror], #app iframe').count()).toBe(0)
      const text = await page.locator('#app').innerText()
      expect([path, /[\u0000\u001b\u202e]/.test(text)]).toEqual([path, false])
      // Nothing of 10 MB is in the page as a whole.
      expect(text.length).toBeLessThan(200_000)
    }
    expect(errors).toEqual([])
  }, 120_000)

  test('no view is wider than a narrow screen, and none has a fault of AA', async () => {
    const faults: string[] = []
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [360, 1280, 2560])
        for (const [path, ready] of VIEWS) {
          await page.setViewportSize({ width, height: 800 })
          await page.emulateMedia({ colorScheme })
          await open(path, ready)
          const wider = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
          expect([path, width, wider]).toEqual([path, width, false])
          if (width === 2560) continue
          faults.push(...(await faultsOf(page)).map((fault) => `${path} ${width} ${colorScheme}: ${fault}`))
        }
    await page.setViewportSize({ width: 1280, height: 800 })
    expect(faults).toEqual([])
  }, 120_000)

  test('a model with a long choice of others fits on a narrow screen', async () => {
    await page.setViewportSize({ width: 360, height: 800 })
    try {
      await open('/models', '.contents tbody a')
      const models = await page.locator('.contents tbody a').all()
      const addresses = await Promise.all(models.map(async (entry) => entry.getAttribute('href')))
      for (const address of addresses) {
        await open(address ?? '', '#tensors')
        const wider = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
        expect([address, wider]).toEqual([address, 0])
      }
      expect(addresses.length).toBeGreaterThan(1)
    } finally {
      await page.setViewportSize({ width: 1280, height: 800 })
    }
  })

  test('nothing moves while data arrives', async () => {
    await open('/models', '.contents tbody a')
    const model = (await page.locator('.contents tbody a').first().getAttribute('href')) ?? ''
    await open('/datasets?search=data', '.contents tbody a')
    const dataset = (await page.locator('.contents tbody a').first().getAttribute('href')) ?? ''
    const storageState = await page.context().storageState()
    const views = [
      ...VIEWS,
      ['/?group=status&range=metrics.loss', '.groups tbody tr'],
      ['/runs/tuner', '#changes'],
      [model, '.content-view'],
      [dataset, '.content-view'],
    ] as const
    for (const width of [360, 1280, 2560]) {
      // Each address in a page of its own, as somebody opens it. They wait for what may still come, some at once.
      const moves = await mapConcurrently(views, 4, async ([path, ready]) => {
        const other = await browser.newPage({ storageState, viewport: { width, height: 800 } })
        await other.addInitScript(SHIFTS)
        await other.goto(new URL(path, link).href)
        await other.waitForSelector(ready)
        await other.waitForTimeout(250)
        const moved = await other.evaluate<readonly string[]>('window.moved')
        await other.close()
        return moved.map((what) => [path, width, what])
      })
      expect(moves.flat()).toEqual([])
    }
  }, 240_000)

  test('an address of nonsense is answered with words, and never shows what it does not name', async () => {
    for (const [path, ready] of [
      ['/runs/nobody', '.empty'],
      ['/content?digest=no-digest', '.empty'],
      ['/content', '.empty'],
      ['/compare?run=nobody&run=run-3', '.empty'],
      ['/compare?run=run-3&run=run-3', '.empty'],
      ['/lineage?of=nobody&depth=-1', '.notice-bad'],
      ['/?where=%00&sort=-&column=%F0%9F', '.filter-error, .notice-bad'],
      ['/?group=nonsense&range=%22', '.notice-bad'],
      ['/models?search=%25', '.empty'],
    ] as const) {
      await page.goto(new URL(path, link).href)
      await page.waitForSelector(ready, { timeout: 20_000 }).catch(() => {
        throw new Error(`${path} shows no ${ready}`)
      })
    }
    expect(errors).toEqual([])
    for (const path of ['/runs/%E0%A4%A', '/runs/..%2f..%2fetc', '/runs/a%20%3Cb%3E', '/nonsense/a'])
      expect((await page.goto(new URL(path, link).href))?.status()).toBe(404)
    // Without loading the page again: what was shown before goes.
    await open('/models', '.contents tbody a')
    await page.locator('.contents tbody a').first().click()
    await page.waitForSelector('.content-view')
    await page.evaluate(`(() => {
      history.pushState(null, '', '/content?digest=no-digest')
      dispatchEvent(new PopStateEvent('popstate'))
    })()`)
    await page.waitForSelector('.empty')
    expect(await page.locator('.content-view').count()).toBe(0)
  })

  test('a link that is opened where the page is open already signs in, there and in other tabs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lineaprint-'))
    const context = await browser.newContext()
    const first = await servePage(folder)
    let second: Served | undefined
    try {
      const [tab, other] = [await context.newPage(), await context.newPage()]
      await tab.goto(first.link)
      await tab.waitForSelector('text=No runs yet')
      await first.stop()
      second = await servePage(folder, '--port', new URL(first.link).port)
      await other.goto(new URL('/models', first.link).href)
      for (const one of [tab, other]) {
        await one.reload()
        await one.waitForSelector('text=This page is not signed in')
      }
      // The path is the same: the browser loads nothing again.
      await tab.goto(second.link)
      await tab.waitForSelector('text=No runs yet')
      expect(new URL(tab.url()).hash).toBe('')
      await other.waitForSelector('text=No models yet')
      // A store of which nothing can be read is neither empty nor filtered.
      mkdirSync(join(folder, '.lineaprint/runs/damaged'), { recursive: true })
      writeFileSync(join(folder, '.lineaprint/runs/damaged/run.json'), '{}\n')
      await tab.waitForSelector('text=No run can be read', { timeout: 10_000 })
      expect(await tab.locator('.empty').innerText()).toContain('damaged/run.json')
    } finally {
      await first.stop()
      await second?.stop()
      await context.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }, 30_000)

  test('changes that nobody looked for are not said to be none', async () => {
    await open('/runs/run-29', '#changes .empty-title')
    expect(await page.locator('#changes .empty-title').innerText()).toBe('No changes are recorded')
  })

  test('what runs in the page is its own files alone', async () => {
    await open('/', '.run-name')
    const blocked = await page.evaluate(`(async () => {
      const script = document.createElement('script')
      try {
        script.textContent = 'window.inline = 1'
        document.head.append(script)
      } catch {
        // Trusted types refuse it before the policy does.
      }
      const loaded = await fetch('http://127.0.0.1:9/').then(() => true, () => false)
      return { inline: 'inline' in window, loaded, cookies: document.cookie }
    })()`)
    expect(blocked).toEqual({ inline: false, loaded: false, cookies: '' })
  })
})
