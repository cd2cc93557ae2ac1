/** A command with a bridge for the programs that it starts. */
import { runProcess } from '../process.ts'
import { Bridge } from './bridge.ts'
import type { ProcessEnd, ProcessPlan } from '../process.ts'
import type { SignalRelay } from '../signals.ts'
import type { ExperimentTracker } from '../../tracking/tracker.ts'

/**
 * Runs a command to its end, and takes in what its programs said.
 *
 * @throws ERR_LINEAPRINT_COMMAND if it cannot be started.
 */
export async function runBridged(
  tracker: ExperimentTracker,
  plan: ProcessPlan,
  relay: SignalRelay,
): Promise<ProcessEnd> {
  const { argv, environment } = plan
  const bridge = await Bridge.open(tracker, { argv, environment })
  try {
    return await runProcess({ ...plan, environment: { ...environment, ...bridge.variables } }, relay)
  } finally {
    await bridge.close(relay.work)
  }
}
