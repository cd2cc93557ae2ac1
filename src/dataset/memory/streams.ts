/** Streams of bytes, recognised by their shape. */

/** Check whether a value is a stream of Node whose pieces are parts of one sequence of bytes. */
export function isNodeByteStream(value: object): value is AsyncIterable<Uint8Array | string> {
  if (!('pipe' in value) || typeof value.pipe !== 'function' || !(Symbol.asyncIterator in value)) return false
  return 'readableObjectMode' in value && value.readableObjectMode === false
}

/** Check whether a value is a stream of the web. */
export function isWebStream(value: object): value is ReadableStream<unknown> {
  return 'getReader' in value && typeof value.getReader === 'function' && 'locked' in value
}

/** Check whether a stream of the web is one of bytes by its type, as the body of a response is. */
export function isWebByteStream(stream: ReadableStream<unknown>): boolean {
  if (stream.locked) return false
  try {
    stream.getReader({ mode: 'byob' }).releaseLock()
    return true
  } catch {
    // Only a stream of bytes has such a reader.
    return false
  }
}
