/** The number of tries of tests of random input, and random texts. */
import fc from 'fast-check'

const FACTOR = Number(process.env['TEST_ROUNDS'] ?? 1)

/** Return how often to try: a number for every day, times TEST_ROUNDS, which `npm run test:random` sets. */
export function rounds(daily: number): number {
  return Math.max(1, Math.round(daily * FACTOR))
}

/** Any code points but halves of pairs. The `binary` of fast-check is the same, and needs a second to get ready. */
export const ANY_TEXT_UNIT: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 0xff }),
    fc.integer({ min: 0, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  .map((codePoint) => String.fromCodePoint(codePoint))
