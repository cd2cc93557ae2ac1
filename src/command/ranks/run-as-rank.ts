/** The command of a rank that is not the first on its machine. */
import { resolveConfiguration } from '../../config/sources.ts'
import { storeIn } from '../../store/store.ts'
import { runTracked } from '../lifecycle.ts'
import { runProcess } from '../process.ts'
import { bridgeVariables } from '../python-bridge/bridge.ts'
import { shellExit } from '../exit.ts'
import { runVariables } from '../run-variables.ts'
import { joinRun, leaveRun } from './follower.ts'
import type { Declared } from '../declared.ts'
import type { Configuration } from '../../config/options.ts'
import type { CommandOutcome, TrackedCommand } from '../lifecycle.ts'
import type { ProcessEnd } from '../process.ts'
import type { SignalRelay } from '../signals.ts'
import type { JoinedRun } from './follower.ts'
import type { Launch } from './launch.ts'

/** The result of a command whose rank reports to the run of the first one. */
export interface RankOutcome {
  /** Id of the run. */
  readonly joined: string
  readonly rank: number
  /** Exit code as a shell reports it. */
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
  readonly warnings: readonly string[]
}

/** A command of a rank. */
export type RankCommand = TrackedCommand & { readonly launch: Launch; readonly declared: Declared }

/**
 * Run a command as a rank of the run that the first rank on this machine makes. If there is none, the command gets a run
 * of its own, which names the launch.
 *
 * @throws The errors of {@link runTracked}.
 */
export async function runAsRank(
  command: RankCommand,
  relay: SignalRelay,
): Promise<CommandOutcome | RankOutcome> {
  const { launch, declared, settings, options, directory } = command
  const { configurationFile: file, defaults } = settings
  const configuration = await resolveConfiguration(options, { directory, file, defaults })
  const { root } = storeIn(configuration.outputDir)
  const run = await joinRun(root, launch, declared, relay.work)
  if ('reason' in run) {
    const warning = `rank ${launch.rank} has a run of its own: ${run.reason}`
    // Nobody joins this one.
    return runTracked({ ...command, isAlone: true, warning }, relay)
  }
  const end = await runIn(run, command, configuration, relay)
  const warning = await leaveRun(run, end)
  return {
    joined: run.id,
    rank: launch.rank,
    ...shellExit(end.exit),
    warnings: warning === undefined ? [] : [warning],
  }
}

async function runIn(
  { id, directory: runDirectory, scratch, logs, client }: JoinedRun,
  { argv, directory, targets, capture, environment: environmentOf, launch, onReady }: RankCommand,
  configuration: Configuration,
  relay: SignalRelay,
): Promise<ProcessEnd> {
  const environment = {
    ...environmentOf(configuration),
    ...runVariables(id, runDirectory, launch),
  }
  onReady?.()
  try {
    return await runProcess(
      {
        argv,
        directory,
        targets,
        capture,
        redact: configuration.redact,
        runDirectory: logs,
        environment: { ...environment, ...bridgeVariables(scratch, configuration, environment) },
      },
      relay,
    )
  } catch (error) {
    client.close()
    throw error
  }
}
