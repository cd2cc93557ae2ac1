import type { Browser } from 'playwright-core'

/** Return the path of the browser; `undefined` if there is none. */
export function browserPath(): string | undefined

/** Start the browser, without a window. */
export function startBrowser(): Promise<Browser>
