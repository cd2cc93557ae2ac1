import { chmodSync } from 'node:fs'
import { expect, test } from 'vitest'
import { GROUP_MODES, OWNER_MODES, modesIn } from '../../src/util/modes.ts'
import { folderOf } from '../support/folder.ts'

test.skipIf(process.platform === 'win32').each([
  [0o700, OWNER_MODES],
  [0o770, GROUP_MODES],
  [0o750, GROUP_MODES],
  // Everybody may enter: that is no folder of a group.
  [0o755, OWNER_MODES],
  [0o777, OWNER_MODES],
])('in a folder of mode %o', (mode, modes) => {
  const folder = folderOf()
  chmodSync(folder, mode)
  expect(modesIn(folder)).toEqual(modes)
})

test('in a folder that is not there, only the owner has access', () => {
  expect(modesIn('/nowhere/at/all')).toEqual(OWNER_MODES)
})
