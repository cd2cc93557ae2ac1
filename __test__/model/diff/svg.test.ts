import { expect, test } from 'vitest'
import { layersSvg } from '../../../src/model/diff/svg.ts'

const layer = (name: string, relative: number | null, lost = 0) =>
  ({ name, tensors: 2, changed: relative === null ? 0 : 1, relative, lost }) as const

test('each layer has a bar of its share of the largest change, and names are escaped', () => {
  const svg = layersSvg('a → <b>', [layer('m.0', 0.5), layer('<m> & "1"', 1, 3), layer('m.2', null)])
  const widths = [...svg.matchAll(/class="(bar|lost)" x="230" y="\d+" width="([\d.]+)"/g)]
  expect(widths.map(([, kind, width]) => [kind, width])).toEqual([
    ['bar', '150'],
    ['lost', '300'],
  ])
  expect(svg).toContain('&lt;m&gt; &amp; &quot;1&quot;')
  expect(svg).toContain('<title>a → &lt;b&gt;</title>')
  expect(svg).toContain('3 more NaN or infinite')
  expect(svg).toContain('prefers-color-scheme: dark')
  expect(svg).not.toContain('NaN"')
})

test('a model without layers, and one with too many', () => {
  expect(layersSvg('none', [])).toMatch(/^<svg [^>]*height="88"/)
  const many = Array.from({ length: 600 }, (_, index) => layer(`m.${index}`, 1))
  expect(layersSvg('many', many)).toContain('and 100 more')
})
