/**
 * Plots as PNG, drawn by the package `@resvg/resvg-js` with the fonts of the system. It is no dependency: it is native code of
 * 4 MB for one form of one command, so whoever wants that form installs it.
 */
import { LineaprintError } from '../../core/errors.ts'

/** Dots of the image for each dot of the SVG. */
const ZOOM = 2

/** Most dots of an image. Each takes four bytes of memory. */
const MOST_DOTS = 100_000_000

type Resvg = typeof import('@resvg/resvg-js')

/** The source of the fonts. */
export interface FontSource {
  /** True if the fonts of the system are used. @default true */
  readonly loadSystemFonts?: boolean
}

/**
 * Draw an SVG of {@link plotSvg} as PNG, as on a light page, with two dots for each of its dots.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED without `@resvg/resvg-js`, without fonts, and for a plot of more than 100 million dots.
 */
export async function plotPng(
  svg: string,
  signal?: AbortSignal,
  { loadSystemFonts = true }: FontSource = {},
): Promise<Uint8Array> {
  const { Resvg, renderAsync } = loadResvg()
  const font = { loadSystemFonts, defaultFontFamily: 'DejaVu Sans', sansSerifFamily: 'DejaVu Sans' }
  // Without a font, the texts would be left out, and nothing would say so.
  if (new Resvg(SAMPLE, { font }).getBBox() === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'there is no font to draw the texts of a PNG', {
      hint: 'install one, on Debian and Ubuntu fonts-dejavu-core, or write an SVG',
    })
  const { width, height } = new Resvg(svg, { font: { loadSystemFonts: false } })
  if (width * height * ZOOM * ZOOM > MOST_DOTS)
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'the plot is too large for a PNG', {
      expected: `at most ${MOST_DOTS} dots`,
      received: `${width * ZOOM} by ${height * ZOOM}`,
      hint: 'choose fewer metrics with --metric, or write an SVG',
    })
  signal?.throwIfAborted()
  const image = await renderAsync(svg, { font, fitTo: { mode: 'zoom', value: ZOOM } }, signal ?? null)
  return image.asPng()
}

const SAMPLE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="99" height="50"><text x="9" y="30" font-family="DejaVu Sans, sans-serif">Mg</text></svg>'

/**
 * Load the package that draws.
 *
 * @param from The module from which it is looked for.
 * @throws ERR_LINEAPRINT_UNSUPPORTED if it is not installed.
 */
export function loadResvg(from: string = import.meta.url): Resvg {
  try {
    // Not `import`: the program runs as compiled code, in which Node warns about that.
    return process.getBuiltinModule('node:module').createRequire(from)('@resvg/resvg-js') as Resvg
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'a PNG needs the package @resvg/resvg-js', {
      hint: 'install it beside lineaprint: npm install @resvg/resvg-js (with --global if lineaprint is), or write an SVG',
      cause,
    })
  }
}
