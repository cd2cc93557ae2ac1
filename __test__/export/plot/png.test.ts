import { inflateSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { loadResvg, plotPng } from '../../../src/export/plot/png.ts'
import { plotSvg } from '../../../src/export/plot/svg.ts'
import { HAS_FONTS } from '../../support/fonts.ts'

function svgOf(title: string, rows: readonly string[][] = []): string {
  const points = [0, 1, 2].map((x) => ({ x, y: x }))
  return plotSvg({
    title,
    xLabel: 'step',
    legend: ['run'],
    panels: [{ title: 'loss', series: [{ points }] }],
    rows,
  })
}

/** Decode a PNG with eight bits for red, green, blue and alpha. */
function decoded(png: Uint8Array): { width: number; height: number; dots: Uint8Array } {
  const bytes = Buffer.from(png)
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG')
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)]
  expect([bytes[24], bytes[25], bytes[28]]).toEqual([8, 6, 0])
  const data: Buffer[] = []
  for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)))
  const raw = inflateSync(Buffer.concat(data))
  const row = width * 4
  const dots = new Uint8Array(row * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < row; x++) {
      const left = x < 4 ? 0 : (dots[y * row + x - 4] ?? 0)
      const above = y === 0 ? 0 : (dots[(y - 1) * row + x] ?? 0)
      const corner = x < 4 || y === 0 ? 0 : (dots[(y - 1) * row + x - 4] ?? 0)
      const guess = left + above - corner
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
      const paeth = a <= b && a <= c ? left : b <= c ? above : corner
      const filters = [0, left, above, (left + above) >> 1, paeth]
      dots[y * row + x] = (raw[y * (row + 1) + 1 + x] ?? 0) + (filters[raw[y * (row + 1)] ?? 0] ?? NaN)
    }
  return { width, height, dots }
}

/** Count dots that are darker than grey in some rows of an image, measured in dots of the SVG. */
function darkDots({ width, dots }: ReturnType<typeof decoded>, from: number, to: number): number {
  let count = 0
  for (let at = from * 2 * width * 4; at < to * 2 * width * 4; at += 4) if ((dots[at] ?? 255) < 100) count++
  return count
}

test.skipIf(!HAS_FONTS)('a PNG is drawn as on a light page, and its texts appear', async () => {
  const [titled, untitled] = [decoded(await plotPng(svgOf('MMMMMMMM'))), decoded(await plotPng(svgOf('')))]
  expect(titled.width).toBe(1760)
  expect([...titled.dots.subarray(0, 4)]).toEqual([255, 255, 255, 255])
  // Only the title differs, in the rows around its base line.
  expect(darkDots(untitled, 10, 34)).toBe(0)
  expect(darkDots(titled, 10, 34)).toBeGreaterThan(500)
})

test('without a font there is an error and no picture without texts', async () => {
  await expect(plotPng(svgOf('title'), undefined, { loadSystemFonts: false })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    message: expect.stringContaining('no font'),
  })
})

test.skipIf(!HAS_FONTS)('a plot that would take too much memory is refused', async () => {
  const rows = Array.from({ length: 2000 }, (_, index) => [`metric ${index}`, '1'])
  await expect(plotPng(svgOf('long', rows))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_UNSUPPORTED',
    received: expect.stringMatching(/^1760 by \d{5}$/),
  })
})

test('without the package, the error names it', () => {
  expect(() => loadResvg('file:///nowhere/module.js')).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_UNSUPPORTED',
      message: expect.stringContaining('npm install @resvg/resvg-js'),
    }),
  )
})
