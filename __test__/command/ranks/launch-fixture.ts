/** The start of two ranks, as rank 0 sees it. */
import type { Launch } from '../../../src/command/ranks/launch.ts'

export const LAUNCH: Launch = {
  launcher: 'torchrun',
  group: 'a',
  rank: 0,
  localRank: 0,
  size: 2,
  node: 'n',
  parent: 'p',
}
