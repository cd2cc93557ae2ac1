/**
 * The canonical bytes of a whole document, without its value: the form in which a large JSON file enters a
 * digest.
 */
import { canonicalBytes } from '../json/canonical.ts'
import { parseJson } from '../json/parse.ts'
import { native } from '../native/load.ts'

/**
 * Return the bytes that {@link canonicalBytes} makes of the result of {@link parseJson}, about twenty times
 * as fast.
 *
 * The addon accepts the same documents as both of them. For a document it refuses, they produce the error
 * message.
 *
 * @param bytes UTF-8.
 * @param path The file it came from, for errors.
 */
export function canonicalDocument(bytes: Uint8Array, path?: string): Uint8Array {
  return native.canonicalDocument(bytes) ?? canonicalBytes(parseJson(bytes, path).value)
}
