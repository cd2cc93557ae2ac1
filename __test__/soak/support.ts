/** What the short runs of the long rounds share. */
import type { Outcome } from '../../soak/support/round.ts'

/** A seed of its own for each run, named by the failures that depend on it; and no lines in between. */
export const quietly: { readonly seed: number; readonly progress: (line: string) => void } = {
  seed: Math.floor(Math.random() * 1e9),
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
