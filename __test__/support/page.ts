/** The page of `lineaprint ui` in a real browser. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { browserPath } from '../../scripts/page/browser.mjs'
import { PROGRAM } from './program.ts'
import type { Page } from 'playwright-core'

/** True if there is a browser, and a page for it. */
export const IS_POSSIBLE: boolean = browserPath() !== undefined && existsSync('dist/web/index.html')

/** A server of the page. */
export interface Served {
  /** The link that signs in. */
  readonly link: string
  /** Ends the server, and waits until it has ended. */
  readonly stop: () => Promise<void>
}

/** Start `lineaprint ui` in a folder. */
export async function servePage(folder: string, ...words: string[]): Promise<Served> {
  const [node, main] = PROGRAM
  const server = spawn(node, [main, 'ui', '--no-open', ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => server.once('exit', resolve))
  const link = await new Promise<string>((resolve) => {
    server.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()))
  })
  const stop = async (): Promise<void> => {
    server.kill('SIGKILL')
    await ended
  }
  return { link, stop }
}

/** A script that notes in `window.moved` what moves on the page though nobody did anything. */
export const SHIFTS: string = `
  window.moved = []
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.moved.push(entry.sources.map(({ node, previousRect, currentRect }) =>
          (node?.className ?? node?.nodeName) + ' ' + previousRect.y + ' to ' + currentRect.y).join(', '))
  }).observe({ type: 'layout-shift', buffered: true })
`

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Return the faults that axe finds: the rules of WCAG 2.2 A and AA. */
export async function faultsOf(page: Page): Promise<string[]> {
  // The policy of the page forbids scripts that are added to it; those of the debugger are no part of it.
  await page.evaluate(AXE)
  const { violations } = await page.evaluate<AxeResults>(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })",
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes
      .slice(0, 3)
      .map(({ target, failureSummary = '' }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  )
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[]
  }[]
}
