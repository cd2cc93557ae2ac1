import { expect, test, vi } from 'vitest'
import { plotPng } from '../../../src/export/plot/png.ts'

vi.mock('@resvg/resvg-js', () => {
  throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
})

test('without the package, the error names it', async () => {
  await expect(plotPng('<svg/>')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    message: expect.stringContaining('npm install @resvg/resvg-js'),
  })
})
