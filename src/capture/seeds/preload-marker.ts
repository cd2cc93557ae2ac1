/** The file by which a Node program reports to the run that its `Math.random` was replaced: empty, in the scratch folder. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Beginning of the name of the file. */
export const NODE_MARKER = 'node-'

/** Leave the file of this process. Outside of a run there is no folder for it. */
export function leaveMarker(): void {
  const scratch = process.env['LINEAPRINT_SCRATCH']
  if (scratch === undefined || scratch === '') return
  try {
    writeFileSync(join(scratch, `${NODE_MARKER}${process.pid}`), '')
  } catch (error) {
    // The run has ended and removed the folder, or the disk is full. The program is seeded all the same.
    if (process.env['NODE_DEBUG'] !== undefined) process.emitWarning(`lineaprint: ${String(error)}`)
  }
}
