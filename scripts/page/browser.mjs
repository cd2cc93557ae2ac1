// The browser of the tests and pictures of the page: Debian's Chromium, or the one that CHROMIUM names.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Return the path of the browser; `undefined` if there is none. */
export function browserPath() {
  const own = process.env.CHROMIUM
  return own !== undefined && own !== '' ? own : PATHS.find((path) => existsSync(path))
}

/** Start the browser, without a window. */
export async function startBrowser() {
  const executablePath = browserPath()
  if (executablePath === undefined)
    throw new Error('there is no Chromium; scripts/setup-debian.sh installs it')
  // In a container the root user has no sandbox of its own.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({
    executablePath,
    args: [...args, '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  })
}
