/** The names of pictures that commands write. */
import { extname } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'

/** A format of a picture. */
export type PictureFormat = 'svg' | 'png'

/**
 * Return the format that the name of a file ends with. A name without an ending is an SVG.
 *
 * @param option The option that names the file, for errors.
 * @param formats The formats that the command can write.
 * @throws ERR_LINEAPRINT_ARGUMENT for another ending.
 */
export function pictureFormat(
  name: string,
  option: string,
  formats: readonly PictureFormat[],
): PictureFormat {
  const ending = extname(name).toLowerCase()
  const format = ending === '' ? 'svg' : formats.find((known) => ending === `.${known}`)
  if (format !== undefined) return format
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the picture has another format', {
    path: name,
    field: option,
    expected: `a name that ends in ${formats.map((known) => `.${known}`).join(' or ')}`,
    received: ending,
  })
}
