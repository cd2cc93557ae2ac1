/** Loaded by `node --import` before a program: replaces `Math.random` where `LINEAPRINT_SEED` says a seed. */
import { replaceMathRandom } from './math-random.ts'
import { parseSeed } from './seed.ts'

try {
  const seed = parseSeed(process.env['LINEAPRINT_SEED'] ?? '')
  if (seed !== undefined) replaceMathRandom(seed)
} catch (error) {
  // The program runs on, with the generator that it would have without us.
  process.emitWarning(`lineaprint could not replace Math.random: ${String(error)}`)
}
