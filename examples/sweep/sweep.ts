/**
 * Fit a line to points two hundred times, with other settings each time, and track every run.
 *
 *     node sweep.ts FOLDER
 *
 * The store of the runs is written to FOLDER; it keeps what each run fitted. docs/sweep.md looks through the runs.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { argv } from 'node:process'
import { ExperimentTracker } from 'lineaprint'

const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.8, 1, 1.2]
const MOMENTA = [0, 0.3, 0.6, 0.9, 0.95]
const DECAYS = [0, 0.001, 0.01, 0.1]
const STEPS = 20

/** Points near the line 2x + 1, the same every time. */
const POINTS = Array.from({ length: 40 }, (_, index) => {
  const x = index / 20 - 1
  return [x, 2 * x + 1 + (((index * 37) % 11) - 5) / 50] as const
})

interface Settings {
  readonly lr: number
  readonly momentum: number
  readonly decay: number
}

/** Fit by gradient descent. Calls `report` with the mean squared error after each step. */
function fit({ lr, momentum, decay }: Settings, report: (step: number, loss: number) => void): number[] {
  let [slope, shift, pace, drift] = [0, 0, 0, 0]
  for (let step = 1; step <= STEPS; step++) {
    let [towards, up] = [0, 0]
    for (const [x, y] of POINTS) {
      const error = slope * x + shift - y
      towards += (2 * error * x) / POINTS.length
      up += (2 * error) / POINTS.length
    }
    pace = momentum * pace - lr * (towards + decay * slope)
    drift = momentum * drift - lr * up
    slope += pace
    shift += drift
    const loss = POINTS.reduce((sum, [x, y]) => sum + (slope * x + shift - y) ** 2, 0) / POINTS.length
    report(step, loss)
  }
  return [slope, shift]
}

const folder = argv[2] ?? '.'
await mkdir(join(folder, 'fitted'), { recursive: true })
const settings = RATES.flatMap((lr) =>
  MOMENTA.flatMap((momentum) => DECAYS.map((decay): Settings => ({ lr, momentum, decay }))),
)
/** Track the run of one choice of settings. */
async function track(chosen: Settings, index: number): Promise<void> {
  const name = `line-${String(index).padStart(3, '0')}`
  const tracker = new ExperimentTracker({
    experimentName: 'line',
    experimentId: name,
    outputDir: folder,
    // All runs are of one program on one machine, and the captures of two hundred take a minute.
    enableEnvironmentTracking: false,
    enableGitTracking: false,
    enableSeedTracking: false,
  })
  await tracker.startExperiment()
  await tracker.run(async () => {
    tracker.logParameters({ ...chosen, steps: STEPS })
    const fitted = fit(chosen, (step, loss) => tracker.logMetric('loss', loss, { step }))
    const path = join(folder, 'fitted', `${name}.json`)
    await writeFile(path, `${JSON.stringify(fitted)}\n`)
    await tracker.trackOutput(path, 'line', { keep: true })
  })
}

// A run waits for the disk most of the time, so several go on side by side.
for (let first = 0; first < settings.length; first += 10)
  await Promise.all(settings.slice(first, first + 10).map((chosen, at) => track(chosen, first + at)))
console.log(`${settings.length} runs in ${folder}`)
