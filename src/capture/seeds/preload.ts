/**
 * Module for `node --import`: replaces `Math.random` before a program starts, if `LINEAPRINT_SEED` holds a
 * seed.
 */
import { replaceMathRandom } from './math-random.ts'
import { leaveMarker } from './preload-marker.ts'
import { parseSeed } from './seed.ts'

try {
  const seed = parseSeed(process.env['LINEAPRINT_SEED'] ?? '')
  if (seed !== undefined) {
    replaceMathRandom(seed)
    leaveMarker()
  }
} catch (error) {
  // The program continues with the built-in generator.
  process.emitWarning(`lineaprint could not replace Math.random: ${String(error)}`)
}
