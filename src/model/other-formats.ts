/** Files of models in formats that are not read: they are named, instead of the byte at which they are no safetensors. */
import { LineaprintError } from '../core/errors.ts'
import { headOf } from '../util/disguised.ts'

/** Nouns of formats, by their first bytes as Latin-1. */
const FORMATS: readonly (readonly [what: string, start: RegExp])[] = [
  ['a GGUF file', /^GGUF/],
  ['a GGML file', /^(?:lmgg|fmgg|tjgg)/],
  ['a zip file, as PyTorch, NumPy and Keras write them', /^PK\x03\x04/],
  ['a pickle, as older versions of PyTorch write it', /^\x80[\x02-\x05]/],
  ['an HDF5 file, as Keras writes it', /^\x89HDF\r\n\x1a\n/],
  ['a NumPy array', /^\x93NUMPY/],
  ['a TensorFlow Lite model', /^[^]{4}TFL3/],
  ['an ONNX model', /^\x08[\x01-\x20]\x12.{1,120}?(?:onnx|pytorch|tf2onnx|skl2onnx)/s],
  ['a Parquet file', /^PAR1/],
  ['an Arrow file', /^ARROW1/],
]

/** Text: no control characters but those that end or indent lines. */
const TEXT = /^[\t\n\f\r\x20-\x7e\x80-\xff]{9,}$/

/**
 * Refuse files whose first bytes are those of another format.
 *
 * @throws ERR_LINEAPRINT_FORMAT naming the first of them.
 */
export async function refuseOtherFormats(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const head = await headOf(path)
    const what = head && formatOf(head)
    if (what === undefined) continue
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', `this is ${what}`, {
      path,
      expected: 'a safetensors file',
      received: what,
      hint: 'lineaprint hash gives the digest of its bytes',
    })
  }
}

/** Return the noun of the format that begins with these bytes; `undefined` for safetensors and unknown formats. */
export function formatOf(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  // The length of a header of safetensors is far below 2^32: the bytes after it are zero.
  if (bytes.length < 8 || bytes.readUInt32LE(4) === 0) return undefined
  const text = bytes.toString('latin1')
  const [what] = FORMATS.find(([, start]) => start.test(text)) ?? []
  return what ?? (TEXT.test(text) ? 'text' : undefined)
}
