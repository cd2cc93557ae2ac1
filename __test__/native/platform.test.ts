import { expect, test } from 'vitest'
import { PLATFORMS, packageFor, platformName } from '../../src/native/platform.ts'

test('the name of the platform is that of its package', () => {
  expect(platformName()).toMatch(/^(linux|darwin|win32)-(x64|arm64)(-gnu|-musl|-msvc)?$/)
  expect(PLATFORMS).toContain(platformName())
  expect(packageFor('linux-x64-gnu')).toBe('@lineaprint/binding-linux-x64-gnu')
})
