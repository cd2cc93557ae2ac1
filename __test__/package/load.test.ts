import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { platformName } from '../../src/native/platform.ts'
import { VERSION } from '../../src/core/version.ts'

const folder = mkdtempSync(join(tmpdir(), 'lineaprint-load-'))
afterAll(() => rmSync(folder, { recursive: true }))
const here = platformName()

interface Refusal {
  readonly code?: string
  readonly message?: string
  readonly hint?: string
  readonly cause?: string
}

/** Loads the addon in a process of its own, with `addon` in its place. */
function refusal(addon: string, before = ''): Refusal {
  const program = `${before}
    const error = await import('./src/native/load.ts').then(() => ({}), (thrown) => thrown)
    const { code, message, hint, cause } = error
    console.log(JSON.stringify({ code, message, hint, cause: cause?.message }))`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: addon },
  })
  return JSON.parse(stdout) as Refusal
}

test('a file that does not exist is reported as missing, with the cause', () => {
  const path = join(folder, 'absent.node')
  expect(refusal(path)).toEqual({
    code: 'ERR_LINEAPRINT_ADDON',
    message: expect.stringContaining(`the binary for ${here} is missing: tried ${path} (`) as unknown,
    hint: expect.stringContaining('NAPI_RS_NATIVE_LIBRARY_PATH') as unknown,
    cause: expect.stringContaining('Cannot find module') as unknown,
  })
})

test('a file that the system refuses is called so, with its reason', () => {
  const path = join(folder, 'broken.node')
  writeFileSync(path, 'no library')
  const { code, message, hint } = refusal(path)
  expect(code).toBe('ERR_LINEAPRINT_ADDON')
  expect(message).toContain(`the binary for ${here} does not load: tried ${path}`)
  expect(hint).toContain(`npm install @lineaprint/binding-${here}@${VERSION}`)
})

test('a platform without a binary is named, and so are those that have one', () => {
  const { code, message, hint } = refusal(
    join(folder, 'absent.node'),
    "Object.defineProperty(process, 'platform', { value: 'sunos' });",
  )
  expect(code).toBe('ERR_LINEAPRINT_ADDON')
  expect(message).toContain(`there is no binary for sunos-${process.arch}: tried `)
  expect(hint).toMatch(/^there are binaries for linux-x64-gnu, .*win32-arm64-msvc; elsewhere, build /)
})

test.each([
  ["exports.version = () => '0.0.1'", '0.0.1'],
  ['exports.digest = () => 1', 'none'],
])('an addon of another version is refused: %s', (text, received) => {
  const path = join(folder, `${received}.cjs`)
  writeFileSync(path, text)
  expect(refusal(path)).toMatchObject({
    code: 'ERR_LINEAPRINT_ADDON',
    message: expect.stringContaining(`(expected ${VERSION}, received ${received})`) as unknown,
  })
})
