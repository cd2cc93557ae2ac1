/** The page is small: all that a browser loads of it, compressed. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'

const FOLDER = 'dist/web'

/** Bytes of all files together. */
const LIMIT = 150_000

test.skipIf(!existsSync(join(FOLDER, 'index.html')))('the page has at most 150 kB, compressed', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(?:html|js|css|svg)$/.test(name),
  )
  expect(files.filter((name) => name.endsWith('.js')).length).toBeGreaterThan(0)
  const sizes = files.map((name) => gzipSync(readFileSync(join(FOLDER, name))).length)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(LIMIT)
})
