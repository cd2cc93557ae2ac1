/** How programs find the bridge, also where it cannot be opened. */
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Bridge } from '../../../src/command/python-bridge/bridge.ts'
import { folderOf } from '../../support/folder.ts'
import { startedRecorder } from '../../tracking/support.ts'

/** Variables of a run in whose program this one was started. */
const OUTER = { LINEAPRINT_BRIDGE: '/outer/bridge', LINEAPRINT_SCRATCH: '/outer', LINEAPRINT_PARENT: '1:0' }

/** The folder of the package that programs import. */
const PYTHON = resolve('python')

async function opened(environment: Record<string, string>, root: string = folderOf()): Promise<Bridge> {
  const recorder = await startedRecorder(root)
  const bridge = await Bridge.open(recorder, { argv: ['python'], environment })
  onTestFinished(async () => {
    await bridge.close(new AbortController().signal)
    await recorder.finish()
  })
  return bridge
}

test('where programs cannot connect, they find the package, and not the bridge of another run', async () => {
  const platform = vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
  onTestFinished(() => platform.mockRestore())
  expect((await opened({})).variables).toEqual({ PYTHONPATH: PYTHON })
  expect((await opened({ ...OUTER, PYTHONPATH: '/own' })).variables).toEqual({
    PYTHONPATH: `${PYTHON}${delimiter}/own`,
    LINEAPRINT_BRIDGE: '',
    LINEAPRINT_SCRATCH: '',
    LINEAPRINT_PARENT: '',
  })
})

test('a temporary folder in which nothing can be created is passed over', async () => {
  const root = folderOf()
  // Not even root creates a folder there.
  vi.stubEnv('TMPDIR', '/proc/self')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { variables } = await opened(OUTER, root)
  const path = variables['LINEAPRINT_BRIDGE'] ?? ''
  expect(existsSync(path)).toBe(true)
  expect(dirname(path)).toBe(variables['LINEAPRINT_SCRATCH'])
  expect(path.startsWith('/proc')).toBe(false)
  expect(variables['LINEAPRINT_PARENT']).toBe('')
})

test('the package consists of a part for every start, and one that programs import', () => {
  // The folder is on the path of programs, so nothing else in it may be imported.
  const names = readdirSync(PYTHON, { withFileTypes: true })
    .filter((entry) => (entry.isDirectory() && entry.name !== '__pycache__') || entry.name.endsWith('.py'))
    .map(({ name }) => name)
  expect(names.toSorted()).toEqual(['_lineaprint', 'lineaprint', 'sitecustomize.py'])
  expect(existsSync(join(PYTHON, 'lineaprint', '__init__.py'))).toBe(true)
})
