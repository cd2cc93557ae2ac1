/**
 * `lineaprint hash FILE…` of small files, without what only other calls need: options, a bar, signals, streams. Loading
 * those takes most of the time of such a call.
 */
import { statSync, writeSync } from 'node:fs'
import process, { cwd } from 'node:process'
import { LineaprintError } from '../../../core/errors.ts'
import { hashFiles } from '../../../hash/file.ts'
import { digestLines } from './lines.ts'
import type { AlgorithmChoice } from '../../../core/digest.ts'

/** Bytes of all files together. They are read before anybody could wait for a bar. */
const SIZE_LIMIT = 1 << 20

/** Bytes that one write to a pipe writes whole or not at all. */
const OUTPUT_LIMIT = 4096

/** The option that such a call may begin with. */
const ALGORITHM: ReadonlySet<string | undefined> = new Set(['-a', '--algorithm'])

/** Arguments that are no option, and that are printed and read the same everywhere. Devices are read as streams. */
const ORDINARY = /^(?!-|\/dev\/|\/proc\/)[ -~]+$/

/**
 * Hash small files and print their digests.
 *
 * @param given Arguments of the command.
 * @returns False if nothing was printed because this is not such a call, or not all of it can be done. The command then
 * does it, and says what is wrong; so it does after an error, before which nothing was printed.
 */
export async function hashSmall(given: readonly string[]): Promise<boolean> {
  const hasAlgorithm = ALGORITHM.has(given[0])
  const paths = hasAlgorithm ? given.slice(2) : given
  if (paths.length === 0 || !paths.every((path) => ORDINARY.test(path))) return false
  if (cwd().includes('\uFFFD') || !areSmall(paths)) return false
  const lines: string[] = []
  const algorithm = hasAlgorithm ? (given[1] as AlgorithmChoice) : undefined
  for (const result of await hashFiles(paths, { algorithm, threads: 1 })) {
    if (result instanceof LineaprintError) return false
    lines.push(...digestLines(result.path, result.digests))
  }
  return write(Buffer.from(`${lines.join('\n')}\n`))
}

function areSmall(paths: readonly string[]): boolean {
  let total = 0
  return paths.every((path) => {
    const info = statSync(path, { throwIfNoEntry: false })
    total += info?.size ?? 0
    // An empty file may be one that has content all the same, as those of the kernel.
    return info?.isFile() === true && info.size > 0 && total <= SIZE_LIMIT
  })
}

/** Write to stdout. Return false if nothing was written. */
async function write(bytes: Buffer): Promise<boolean> {
  if (bytes.length > OUTPUT_LIMIT) return false
  const written = writeSync(1, bytes)
  // Only a full disk takes a part. The stream reports it, and ends the process.
  if (written < bytes.length)
    await new Promise<void>((resolve) => {
      process.stdout.write(bytes.subarray(written), (error) => {
        if (!error) resolve()
      })
    })
  return written > 0
}
