/** What the short runs of the long rounds share. */
import type { Outcome } from '../../soak/support/round.ts'

/** The same cases each time: what did not change gets the same answer. `npm run soak` draws others. No lines in between. */
export const quietly: { readonly seed: number; readonly progress: (line: string) => void } = {
  seed: 20_261_129,
  progress: () => undefined,
}

/** What speaks against a round: how its promise was broken, that nothing was tried, and controls that nobody saw. */
export function faultsOf({ rounds, failures, examples, controls }: Outcome): string[] {
  return [
    ...examples,
    ...(failures > examples.length ? [`${failures} failures in all`] : []),
    ...(rounds === 0 ? ['nothing was tried'] : []),
    ...controls.filter(({ caught }) => caught === 0).map(({ what }) => `nobody saw: ${what}`),
  ]
}
