import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PrefixMissing, readPrefixPackages } from '../../../../src/capture/environment/python/metadata.ts'
import { folderOf } from '../../../support/folder.ts'

const SITE = 'lib/python3.12/site-packages'
const head = (name: string, version: string): string =>
  `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nLong\n`

const FILES = {
  'pyvenv.cfg': 'home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.12.4\n',
  [`${SITE}/Py_Yaml.X-1.dist-info/METADATA`]: head('Py_Yaml.X', '1.0'),
  [`${SITE}/old.egg-info/PKG-INFO`]: head('old', '0.3'),
  [`${SITE}/older-0.1.egg-info`]: head('older', '0.1'),
  [`${SITE}/repo-2.dist-info/METADATA`]: head('repo', '2'),
  [`${SITE}/repo-2.dist-info/direct_url.json`]: '{"url":"https://example.org"}',
  [`${SITE}/broken-1.dist-info/METADATA`]: 'Version: 1\n\nName: broken\n',
  'lib/python3.9/site-packages/other-1.dist-info/METADATA': head('other', '1'),
}

test('packages are read from all forms of metadata of this version', async () => {
  expect(await readPrefixPackages(folderOf(FILES), '3.12.1', undefined)).toEqual({
    packages: [
      ['old', '0.3'],
      ['older', '0.1'],
      ['py-yaml-x', '1.0'],
      ['repo', '2'],
    ],
    direct: { repo: '{"url":"https://example.org"}' },
    version: '3.12.4',
    incomplete: undefined,
    broken: 1,
  })
})

test('nothing outside of the prefix is read, and nothing that is not a file', async () => {
  const outside = folderOf({
    'secret-9.dist-info/METADATA': head('secret', '9'),
    METADATA: head('secret', '8'),
  })
  const root = folderOf(FILES)
  const site = join(root, SITE)
  symlinkSync(join(outside, 'secret-9.dist-info'), join(site, 'secret-9.dist-info'))
  mkdirSync(join(site, 'linked-1.dist-info'))
  symlinkSync(join(outside, 'METADATA'), join(site, 'linked-1.dist-info/METADATA'))
  mkdirSync(join(site, 'fifo-1.dist-info'))
  execFileSync('mkfifo', [join(site, 'fifo-1.dist-info/METADATA')])
  const { packages, broken } = await readPrefixPackages(root, '3.12.1', undefined)
  expect({ names: packages.map(([name]) => name), broken }).toEqual({
    names: ['old', 'older', 'py-yaml-x', 'repo'],
    broken: 4,
  })
  rmSync(join(root, 'lib'), { recursive: true })
  mkdirSync(join(outside, 'python3.12/site-packages'), { recursive: true })
  symlinkSync(outside, join(root, 'lib'))
  await expect(readPrefixPackages(root, '3.12.1', undefined)).rejects.toThrow(/no packages of this Python/)
})

test('a Python that also uses other folders says so, and a prefix that is gone is told apart', async () => {
  const root = folderOf({ ...FILES, [`${SITE}/a.pth`]: '# comment\nimport os\n' })
  const reason = async (): Promise<string | undefined> =>
    (await readPrefixPackages(root, '3.12.1', undefined)).incomplete
  expect(await reason()).toBeUndefined()
  writeFileSync(join(root, SITE, 'b.pth'), '/elsewhere\n')
  expect(await reason()).toMatch(/\.pth file/)
  writeFileSync(join(root, 'pyvenv.cfg'), 'include-system-site-packages = true\n')
  expect(await reason()).toMatch(/user or the system/)
  await expect(readPrefixPackages(join(root, 'gone'), '3.12.1', undefined)).rejects.toBeInstanceOf(
    PrefixMissing,
  )
})
