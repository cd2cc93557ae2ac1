/**
 * The long rounds: each tests a promise of `docs/promises.md`, many thousand times.
 *
 * npm run soak -- [--quick] [--share PART] [--only NAME] [--seed N] [--json FILE]
 *
 * Exit code 1: a promise was broken, or a round could not have detected it.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine, versions } from '../benchmark/report.ts'
import { cacheRound } from './cache.ts'
import { cancelRound } from './cancel.ts'
import { changingRound } from './changing.ts'
import { formatsRound } from './formats.ts'
import { indexKillRound } from './index-kill.ts'
import { journalRound } from './journal.ts'
import { linearRound } from './linear.ts'
import { liveDelayRound } from './live-delay.ts'
import { liveRound } from './live.ts'
import { memoryRound } from './memory.ts'
import { metricsRound } from './metrics.ts'
import { modelsRound } from './models.ts'
import { objectsRound } from './objects.ts'
import { saveFaultRound } from './save-fault.ts'
import { saveKillRound } from './save-kill.ts'
import { scarceRound } from './scarce.ts'
import { secretsRound } from './secrets.ts'
import { storeRound } from './store.ts'
import { strangersRound } from './strangers.ts'
import { tablesRound } from './tables.ts'
import { isBroken, verdict } from './support/round.ts'
import { workersRound } from './workers.ts'
import { wrapperRound } from './wrapper.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

const USAGE = `usage: npm run soak -- [options]
  --quick        a hundredth of the counts and small inputs, to see that everything works
  --share PART   this part of the counts, for example 0.1
  --only NAME    only the round NAME; may be repeated
  --seed N       of everything random (default: drawn)
  --json FILE    where the numbers go as well
  --program FILE the command of the round wrapper (default: bin of package.json)
  --help         this text
Files go to the system's folder for temporary files and to /dev/shm.`

const GIB = 2 ** 30

/** Scaling of the full counts of a round. */
type Scaled = (full: number) => number

interface PlanOptions extends RoundOptions {
  /** The command that the round `wrapper` runs. */
  readonly program?: string | undefined
}

interface Plan {
  readonly name: string
  readonly run: (options: PlanOptions, of: Scaled, quick: boolean) => Promise<Outcome>
}

const PLANS: readonly Plan[] = [
  {
    name: 'cache',
    run: (options, of) => cacheRound({ ...options, rounds: of(100_000), batch: Math.min(5000, of(15_000)) }),
  },
  {
    name: 'changing',
    run: (options, of, quick) => changingRound({ ...options, rounds: of(10_000), turn: quick ? 500 : 3000 }),
  },
  { name: 'cancel', run: (options, of) => cancelRound({ ...options, rounds: of(2000) }) },
  {
    name: 'workers',
    run: (options, of) => workersRound({ ...options, workers: of(10_000), buffers: of(1000), batch: 250 }),
  },
  { name: 'journal', run: (options, of) => journalRound({ ...options, kills: of(1000) }) },
  { name: 'save-kill', run: ({ progress }, of) => saveKillRound({ progress, kills: of(400), passes: 4 }) },
  { name: 'save-fault', run: ({ progress }, of) => saveFaultRound({ progress, faults: of(400) }) },
  { name: 'index-kill', run: ({ progress }, of) => indexKillRound({ progress, kills: of(200) }) },
  {
    name: 'objects',
    run: (options, of) => objectsRound({ ...options, rounds: of(1000), writers: 8 }),
  },
  { name: 'scarce', run: ({ progress }, of) => scarceRound({ progress, saves: of(64) }) },
  { name: 'secrets', run: (options, of) => secretsRound({ ...options, secrets: of(4000) }) },
  { name: 'store', run: (options, of) => storeRound({ ...options, runs: of(10_000), processes: 8 }) },
  {
    name: 'live',
    run: (options, of) => liveRound({ ...options, live: of(200), short: of(10_000), kills: of(100) }),
  },
  {
    name: 'live-delay',
    run: ({ progress }, of) => liveDelayRound({ progress, live: of(200), seconds: 60, limit: 2000 }),
  },
  {
    name: 'metrics',
    run: ({ progress }, of) => metricsRound({ progress, values: of(10_000_000), pace: PACE }),
  },
  { name: 'formats', run: (options, of) => formatsRound({ ...options, executions: of(200_000) }) },
  { name: 'models', run: (options, of) => modelsRound({ ...options, executions: of(200_000) }) },
  {
    name: 'strangers',
    run: (options, of) => strangersRound({ ...options, cases: of(4000), programs: of(100) }),
  },
  {
    name: 'wrapper',
    run: (options, of) => wrapperRound({ ...options, commands: of(500), kills: of(200) }),
  },
  { name: 'tables', run: (options, of) => tablesRound({ ...options, executions: of(200_000) }) },
  {
    name: 'memory',
    run: (options, of, quick) =>
      memoryRound({
        ...options,
        bytes: quick ? GIB : 16 * GIB,
        files: of(1_000_000),
        records: of(10_000_000),
        lateMs: 20,
      }),
  },
  {
    name: 'linear',
    run: ({ progress }, of, quick) =>
      linearRound({
        progress,
        bytes: [2 ** 20, 2 ** 24, 2 ** 28, ...(quick ? [] : [4 * GIB, 16 * GIB])],
        files: [...new Set([10, 1000, of(100_000), of(1_000_000)])],
        calls: [...new Set([1000, of(10_000), of(100_000)])],
      }),
  },
]

/**
 * Limits for metrics: the wait of the caller per value, values on disk per second, and the time to read them.
 */
const PACE = { callerUs: 10, perSecond: 100_000, readSeconds: 1 }

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      share: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      json: { type: 'string' },
      program: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const share = values.quick ? 0.01 : Number(values.share)
  if (!(share > 0 && share <= 1)) throw new Error(`--share wants a number from 0 to 1, not ${values.share}`)
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`--seed wants a whole number, not ${values.seed}`)
  const unknown = values.only.filter((only) => !PLANS.some(({ name }) => name === only))
  if (unknown.length > 0)
    throw new Error(
      `no round is named ${unknown.join(', ')}; the rounds are ${PLANS.map(({ name }) => name).join(', ')}`,
    )
  const plans = PLANS.filter(({ name }) => values.only.length === 0 || values.only.includes(name))

  // Mounts and children of a round end with the process: see `support/folders.ts`.
  process.once('SIGINT', () => process.exit(130))
  const date = new Date().toISOString()
  const machine = await describeMachine(tmpdir())
  const programs = versions(new Map())
  const { cpu, cores, memoryGiB, system, fileSystem, loadBefore } = machine
  console.log(`${date}, seed ${seed}, ${share === 1 ? 'full counts' : `${share} of the full counts`}`)
  console.log(
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, ${fileSystem}, load ${loadBefore.toFixed(2)}`,
  )
  for (const [name, version] of Object.entries(programs)) console.log(`${name} ${version}`)

  const of: Scaled = (full) => Math.ceil(full * share)
  const results: unknown[] = []
  let broken = 0
  for (const { name, run } of plans) {
    console.log(`\n${name}`)
    const from = performance.now()
    const seconds = (): number => Math.round((performance.now() - from) / 1000)
    const progress = (line: string): void => console.log(`  ${String(seconds()).padStart(4)} s  ${line}`)
    try {
      const outcome = await run({ seed, progress, program: values.program }, of, values.quick)
      if (isBroken(outcome)) broken++
      results.push({ ...outcome, seconds: seconds() })
      console.log(shown(outcome, seconds()))
    } catch (error) {
      broken++
      results.push({ name, error: String(error) })
      console.log(`${name}: COULD NOT RUN: ${error instanceof Error ? error.stack : String(error)}`)
    }
    // Written after every round: a crash of the machine in a later one loses nothing.
    if (values.json !== undefined) {
      mkdirSync(dirname(values.json), { recursive: true })
      const record = { date, seed, share, machine, versions: programs, results }
      writeFileSync(values.json, `${JSON.stringify(record, undefined, 1)}\n`)
    }
  }
  console.log(`\n${plans.length - broken} of ${plans.length} rounds hold`)
  return broken === 0 ? 0 : 1
}

function shown(outcome: Outcome, seconds: number): string {
  const { name, promise, numbers, skipped, examples } = outcome
  return [
    `${name}: ${promise}`,
    ...Object.entries(numbers).map(([key, value]) => `  ${key}: ${value}`),
    ...skipped.map((what) => `  SKIPPED ${what}`),
    ...examples.map((example) => `  FAILURE ${example}`),
    `${name}: ${isBroken(outcome) ? 'BROKEN, ' : ''}${verdict(outcome)}; ${seconds} s`,
  ].join('\n')
}
