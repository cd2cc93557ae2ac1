/** The end of a log that is being written: a line without its end can be written over, as a progress bar is. */

/** Bytes of the longest line whose beginning is held back; a longer one is written in parts, which stay. */
export const OPEN_LINE_LIMIT: number = 128 << 10

const LINE_FEED = 0x0a

/**
 * Return how many bytes at the beginning of the last bytes of a growing log stay as they are: up to the end of the last line.
 *
 * @param bytes Bytes up to the present end of the log.
 */
export function lastingBytes(bytes: Uint8Array): number {
  const end = bytes.lastIndexOf(LINE_FEED) + 1
  return Math.max(end, bytes.length - OPEN_LINE_LIMIT)
}
