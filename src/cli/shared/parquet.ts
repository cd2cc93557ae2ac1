/** Parquet on stdout. */
import { LineaprintError } from '../../core/errors.ts'
import { isTerminal, printBytes } from './output.ts'

/**
 * Write a file of Parquet to stdout.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT at a terminal, which its bytes would confuse.
 */
export async function printParquet(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
  if (isTerminal())
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'Parquet is not for a terminal', {
      field: '--format',
      expected: 'a file or a pipe as stdout, as in "lineaprint list --format parquet > runs.parquet"',
      received: 'a terminal',
    })
  for await (const piece of pieces) await printBytes(piece, signal)
}
