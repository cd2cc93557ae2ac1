/** A long list in a real browser: only the rows on the screen exist, and only their parts are asked for. */
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { browserPath, startBrowser } from '../../scripts/page/browser.mjs'
import { storeIn } from '../../src/store/store.ts'
import { recordOf, writeRun } from '../database/support.ts'
import { PROGRAM } from '../support/program.ts'

const isPossible = browserPath() !== undefined && existsSync('dist/web/index.html')

const RUNS = 3000

test.skipIf(!isPossible)(
  'a list of thousands of runs has the rows of the screen',
  async () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
    for (let run = 0; run < RUNS; run++) {
      const startedAt = new Date(Date.UTC(2026, 0, 1) + run * 1000).toISOString()
      writeRun(storeIn(root), recordOf(`run-${run}`, { startedAt }))
    }
    const [node, main] = PROGRAM
    const server = spawn(node, [main, 'ui', '--no-open'], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    const link = await new Promise<string>((resolve) => {
      server.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()))
    })
    const browser = await startBrowser()
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
      const offsets = new Set<string>()
      page.on('request', (request) => {
        const url = new URL(request.url())
        if (url.pathname === '/api/v1/runs') offsets.add(url.searchParams.get('offset') ?? '')
      })
      await page.goto(link)
      const rows = page.locator('.runs tbody tr:not(.spacer)')
      await page.waitForSelector(`text=run-${RUNS - 1}`, { timeout: 60_000 })
      expect(await rows.count()).toBeLessThan(100)
      // The last row is reached, and the parts between were never asked for.
      await page.evaluate(`document.querySelector('.table-frame').scrollTop = 1e9`)
      await page.waitForSelector('.runs tbody a[href$="/runs/run-0"]')
      expect(await rows.count()).toBeLessThan(100)
      expect(offsets.size).toBeLessThan(6)
    } finally {
      await browser.close()
      server.kill()
      rmSync(root, { recursive: true })
    }
  },
  180_000,
)
