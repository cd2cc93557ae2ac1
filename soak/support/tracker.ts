/** Options shared by the programs that track runs. */
import type { ExperimentOptions } from '../../src/config/options.ts'

/** Options without captures, which cost time and are tested elsewhere. */
export const NO_CAPTURES: ExperimentOptions = {
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
}
