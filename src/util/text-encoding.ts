/**
 * Text in files: UTF-8, with or without a byte order mark. Editors of Windows write the mark, and its shell writes
 * UTF-16, which is named instead of being read as something else.
 */
import { LineaprintError } from '../core/errors.ts'

/** First bytes of other encodings. UTF-32 comes first, because its mark begins with that of UTF-16. */
const OTHER_MARKS = [
  ['UTF-32', [0xff, 0xfe, 0, 0]],
  ['UTF-32', [0, 0, 0xfe, 0xff]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
] as const

const UTF8_BOM = [0xef, 0xbb, 0xbf] as const

/** Bytes that are looked at to recognise UTF-16 without a mark: every second one of ASCII text is zero. */
const PROBE = 64

/**
 * Return the bytes of a text file without the byte order mark of UTF-8.
 *
 * @param path The file they came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT for UTF-16 and UTF-32, which it names.
 */
export function withoutByteOrderMark(bytes: Uint8Array, path?: string): Uint8Array {
  const encoding = otherEncoding(bytes)
  if (encoding !== undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `it is ${encoding} text`, {
      path,
      expected: 'UTF-8',
      received: encoding,
      hint: `convert it: iconv -f ${encoding} -t UTF-8`,
    })
  }
  return startsWith(bytes, UTF8_BOM) ? bytes.subarray(UTF8_BOM.length) : bytes
}

/**
 * Decode a text file.
 *
 * @param path The file the bytes came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT for other encodings and for bytes that are not UTF-8.
 */
export function decodeText(bytes: Uint8Array, path?: string): string {
  const text = withoutByteOrderMark(bytes, path)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text)
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not UTF-8', { path, cause })
  }
}

function otherEncoding(bytes: Uint8Array): string | undefined {
  const [marked] = OTHER_MARKS.find(([, mark]) => startsWith(bytes, mark)) ?? []
  if (marked !== undefined) return marked
  const probe = bytes.subarray(0, Math.min(PROBE, bytes.length & ~1))
  if (probe.length < 4) return undefined
  const zeros = [0, 1].map((parity) => probe.every((byte, index) => index % 2 !== parity || byte === 0))
  if (zeros[0] === zeros[1]) return undefined
  return zeros[0] === true ? 'UTF-16BE' : 'UTF-16LE'
}

function startsWith(bytes: Uint8Array, mark: readonly number[]): boolean {
  return mark.every((byte, index) => bytes[index] === byte)
}
