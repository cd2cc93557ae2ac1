/** Counts with their noun. */

/**
 * Return a count with its noun: `1 tensor`, `22,713,216 tensors`.
 *
 * @param noun The singular.
 * @param many The plural. @default the singular with an `s`
 */
export function plural(count: number, noun: string, many: string = `${noun}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? noun : many}`
}
