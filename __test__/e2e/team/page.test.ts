/** The page of a server in a real browser: signing in with a token, and what the page has not on a server. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserPath, startBrowser } from '../../../scripts/page/browser.mjs'
import { TeamAdministration } from '../../../src/database/team/administration.ts'
import { pushRun } from '../../../src/transfer/push.ts'
import { folderOf } from '../../support/folder.ts'
import { finished, started } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam, wayTo } from './support.ts'
import type { Browser, Page } from 'playwright-core'
import type { Databases, Team } from './support.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const PLANTED = '<img src=x onerror="window.planted=1"><script>window.planted=1</script>'

const isPossible = isInstalled && browserPath() !== undefined && existsSync('dist/web/index.html')

describe.skipIf(!isPossible)('the page of a server in Chromium', { timeout: 120_000 }, () => {
  let databases: Databases
  let team: Team
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    databases = await startDatabases()
    team = await startTeam(await databases.create())
    browser = await startBrowser()
    const context = await browser.newContext()
    page = await context.newPage()
  }, 120_000)

  afterAll(async () => {
    await browser?.close()
    await team?.stop()
    await databases?.stop()
  }, 60_000)

  test('a token signs in, a wrong one does not, and signing out forgets it', async () => {
    const run = await finished(
      folderOf(),
      { experimentId: 'shown.1', experimentName: PLANTED, runName: PLANTED, tags: [PLANTED] },
      (tracker) => tracker.logMetric('loss', 1),
    )
    await pushRun(await team.client('writer'), run)
    await page.goto(`${team.url}/`)
    await page.getByLabel('Token').waitFor()
    await page.evaluate(AXE)
    const violations = await page.evaluate(
      "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(({ violations }) => violations.map(({ id }) => id))",
    )
    expect(violations).toEqual([])
    const send = async (token: string): Promise<void> => {
      await page.getByLabel('Token').fill(token)
      await page.getByRole('button', { name: 'Sign in' }).click()
    }
    // No header can have this text: it is not sent.
    await send('tökén€')
    await page.getByText('this is no token').waitFor()
    await send(`lp_${'x'.repeat(43)}`)
    await page.getByText('the token is not in force').waitFor()
    await send(await team.token('reader'))
    await page.getByText('window.planted').first().waitFor()
    expect(await page.locator('header.top').textContent()).toContain('vision')
    await page.goto(`${team.url}/runs/shown.1`)
    await page.getByText('Sign out').waitFor()
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    expect(await page.getByRole('button', { name: 'Verify' }).count()).toBe(0)
    expect(await page.locator('dt', { hasText: /^folder$/ }).count()).toBe(0)
    expect(await page.locator('dt', { hasText: /^id$/ }).count()).toBe(1)
    expect(await page.evaluate('window.planted')).toBeUndefined()
    expect(await page.context().cookies()).toEqual([])
    // The address names the project, also after a click.
    await expect.poll(() => page.url()).toBe(`${team.url}/runs/shown.1?project=vision`)
    await page.getByRole('link', { name: 'Models' }).click()
    await expect.poll(() => page.url()).toBe(`${team.url}/models?project=vision`)
    // On a narrow screen all views can be seen.
    await page.setViewportSize({ width: 360, height: 740 })
    const cut = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.views'))`
    expect(await page.evaluate(cut)).toBe(0)
    expect((await page.getByLabel('Project').boundingBox())?.width).toBeGreaterThan(80)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await page.setViewportSize({ width: 1280, height: 800 })
    // A run that goes on: the page says which part of its logs comes now.
    const tracker = await started(folderOf(), { experimentId: 'goes-on' })
    tracker.logMetric('loss', 0.25)
    await tracker.flush()
    const writer = await team.client('writer')
    for (const file of ['run.json', 'events.jsonl'])
      await writer.live('goes-on', file, 0, new Uint8Array(readFileSync(join(tracker.runDirectory, file))))
    await writer.live('goes-on', 'stdout.log', 0, new TextEncoder().encode('first line\n'))
    await page.goto(`${team.url}/runs/goes-on`)
    await page.getByText('first line').waitFor()
    await page.getByText('of a long output the first 10 MiB').waitFor()
    await page.goto(`${team.url}/`)
    await page.getByText('0.25').first().waitFor()
    await tracker.finishExperiment()
    // Another tab is not signed in, and tells which token it needs.
    const other = await page.context().newPage()
    await other.goto(`${team.url}/runs/shown.1?project=vision`)
    await other.getByText('This link is of the project vision').waitFor()
    await other.getByLabel('Token').fill(await team.token('reader', 'sound'))
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.getByText('This link is of another project').waitFor()
    // Both tokens stay: the tab changes between the projects without signing in again.
    await other.getByRole('button', { name: 'Sign in to vision' }).click()
    await other.getByLabel('Token').fill(await team.token('reader'))
    await other.getByRole('button', { name: 'Sign in' }).click()
    await other.getByRole('heading', { level: 1 }).first().waitFor()
    const projects = other.getByLabel('Project')
    expect(await projects.locator('option').allTextContents()).toEqual([
      'sound',
      'vision',
      'another project…',
    ])
    await projects.selectOption('sound')
    await other.waitForURL(/project=sound/)
    await other.getByText('Sign out').waitFor()
    await projects.selectOption('another project…')
    await other.getByRole('button', { name: 'Cancel' }).click()
    expect(await projects.inputValue()).toBe('sound')
    await projects.selectOption('vision')
    await other.waitForURL(/project=vision/)
    await other.getByText('window.planted').first().waitFor()
    // Signing out forgets one, and shows the other.
    await other.getByText('Sign out').click()
    await other.waitForURL(/project=sound/)
    await expect
      .poll(async () => projects.locator('option').allTextContents())
      .toEqual(['sound', 'another project…'])
    await other.close()
    await page.getByText('Sign out').click()
    await page.getByLabel('Token').waitFor()
    expect(await page.evaluate('sessionStorage.length')).toBe(0)
    expect(team.problems).toEqual([])
  })

  test('what failed while the database was away comes by itself, and a revoked token is said', async () => {
    const way = await wayTo(await databases.create())
    const own = await startTeam(way.address)
    const tab = await browser.newPage()
    try {
      await pushRun(await own.client('writer'), await finished(folderOf(), { experimentId: 'kept.1' }))
      const administration = TeamAdministration.open(way.address)
      const { token } = await administration.createToken({ project: 'vision', role: 'reader', name: 'gone' })
      await tab.goto(`${own.url}/?project=vision`)
      await tab.getByLabel('Token').fill(token)
      await tab.getByRole('button', { name: 'Sign in' }).click()
      await tab.locator('a[href*="kept.1"]').first().waitFor()
      const away = tab.getByText('It is asked again by itself')
      for (const [view, ready] of [
        ['Models', 'No models yet'],
        ['Runs', '1 run'],
      ] as const) {
        way.cut()
        await tab.getByRole('link', { name: view, exact: true }).click()
        await away.first().waitFor({ timeout: 15_000 })
        way.mend()
        await tab.getByText(ready, { exact: true }).waitFor({ timeout: 15_000 })
        expect([view, await away.count()]).toEqual([view, 0])
      }
      for (const path of ['/lineage?of=kept.1&as=run&project=vision', '/?group=status&project=vision']) {
        way.cut()
        await tab.goto(own.url + path)
        await away.first().waitFor({ timeout: 15_000 })
        way.mend()
        await tab
          .locator('.groups th[scope=row], .lineage-graph, svg.graph, .lineage svg')
          .first()
          .waitFor({ timeout: 15_000 })
        await expect.poll(async () => away.count(), { timeout: 15_000 }).toBe(0)
      }
      await administration.revokeToken({ project: 'vision', name: 'gone' })
      await administration.close()
      await tab.getByText('the token is not in force').waitFor({ timeout: 20_000 })
      // A link of a project without a token: the tab offers the other one.
      await tab.getByLabel('Token').fill(await own.token('reader'))
      await tab.getByRole('button', { name: 'Sign in' }).click()
      await tab.locator('.groups th[scope=row]').waitFor()
      await tab.goto(`${own.url}/?project=sound`)
      await tab.getByText('This link is of the project sound').waitFor()
      expect(await tab.getByText('not in force').count()).toBe(0)
      await tab.getByRole('button', { name: 'vision', exact: true }).click()
      await tab.locator('a[href*="kept.1"]').first().waitFor()
    } finally {
      await tab.close()
      await own.stop()
      await way.close()
    }
  })
})
