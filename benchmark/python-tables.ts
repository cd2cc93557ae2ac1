/**
 * Tables in the memory of a Python program: `lineaprint.track_dataset` beside the SHA-256 of
 * `pandas.util.hash_pandas_object`, which is what people compute there. `npm run bench:tables -- [--rows N] [--rounds N]`.
 *
 * Both work on the same table, in one process of a run and in turn. A table that is none of pandas becomes one first, as it
 * has to for `hash_pandas_object`. The digest of lineaprint comes with the statistics of the columns, as it does by default;
 * the last column is without them. Needs `npm run bench:peers`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './measure.ts'

/** Measures each table; writes for each of them the ms of every round, of pandas and of lineaprint. */
const DRIVER = `
import gc, hashlib, json, sys, time
import numpy, pandas, polars, pyarrow
import lineaprint
target, rows, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random = numpy.random.default_rng(0)
words = numpy.array(["%016x" % number for number in random.integers(0, 1 << 62, 1 << 16)], dtype=object)
numbers = {"n%d" % at: random.integers(0, 1 << 40, rows) if at % 2 == 0 else random.random(rows) for at in range(8)}
# Texts that are objects of their own, as a program reads them: not few that are named many times.
texts = {"t%d" % at: [word + str(at) for word in words[random.integers(0, len(words), rows)]] for at in range(4)}
mixed = {**dict(list(numbers.items())[:4]), **dict(list(texts.items())[:2])}
objects = lambda columns: pandas.DataFrame({name: pandas.Series(values, dtype=object) for name, values in columns.items()})
arrow = lambda columns: pandas.DataFrame({name: pandas.Series(values, dtype="str") if name[0] == "t" else values for name, values in columns.items()})
makers = {
    "pandas, numbers": lambda: pandas.DataFrame(numbers),
    "pandas, text of Arrow": lambda: arrow(texts),
    "pandas, text of objects": lambda: objects(texts),
    "pandas, mixed, of Arrow": lambda: arrow(mixed),
    "pyarrow, numbers": lambda: pyarrow.table(numbers),
    "pyarrow, text": lambda: pyarrow.table(texts),
    "pyarrow, mixed": lambda: pyarrow.table(mixed),
    "Polars, numbers": lambda: polars.DataFrame(numbers),
    "Polars, text": lambda: polars.DataFrame(texts),
    "Polars, mixed": lambda: polars.DataFrame(mixed),
}

def by_pandas(table):
    frame = table if isinstance(table, pandas.DataFrame) else table.to_pandas()
    return hashlib.sha256(pandas.util.hash_pandas_object(frame).values).hexdigest()

def measure(name, make):
    table = make()
    # The first call of each loads what it needs.
    by_pandas(table[:10])
    lineaprint.track_dataset(table[:10], "warm")
    times = [[], []]
    for round in range(rounds):
        works = [by_pandas, lambda table: lineaprint.track_dataset(table, name)["digest"]]
        for which in (0, 1) if round % 2 == 0 else (1, 0):
            gc.collect()
            start = time.perf_counter()
            works[which](table)
            times[which].append((time.perf_counter() - start) * 1000)
    return times

with open(target, "w") as file:
    json.dump({name: measure(name, make) for name, make in makers.items()}, file)
`

type Times = Readonly<Record<string, readonly [pandas: readonly number[], lineaprint: readonly number[]]>>

main()

function main(): void {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '5' } },
  })
  const python = resolve('.peers/row-diff/bin/python')
  if (!existsSync(python)) throw new Error('there is no .peers/row-diff: run npm run bench:peers')
  const { rows, rounds } = values
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${rows} rows, ${rounds} rounds\n`,
  )
  const root = mkdtempSync(join(process.env['LINEAPRINT_BENCH_DIRECTORY'] ?? tmpdir(), 'lineaprint-bench-'))
  try {
    const program = join(root, 'program.py')
    writeFileSync(program, DRIVER)
    const measured = [true, false].map((statistics): Times => {
      const target = join(root, 'times.json')
      writeFileSync(
        join(root, 'lineaprint.config.json'),
        JSON.stringify({
          enableEnvironmentTracking: false,
          enableGitTracking: false,
          datasets: { statistics },
        }),
      )
      const args = ['run', '--', python, program, target, rows, rounds]
      const { status, stderr } = spawnSync(process.execPath, [resolve('dist/cli/main.js'), ...args], {
        cwd: root,
        encoding: 'utf8',
      })
      if (status !== 0) throw new Error(`the program failed: ${stderr}`)
      return JSON.parse(readFileSync(target, 'utf8')) as Times
    })
    print(measured)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Return how many times as fast the second is, by the median of the rounds. */
function ratio(them: readonly number[], us: readonly number[]): string {
  return median(them.map((time, round) => time / (us[round] ?? NaN))).toFixed(1)
}

function print(measured: readonly Times[]): void {
  console.log(`${''.padEnd(26)}pandas ms  lineaprint ms   times as fast   without statistics`)
  for (const [name, [pandas, own]] of Object.entries(measured[0] ?? {})) {
    const [others, bare] = measured[1]?.[name] ?? [[], []]
    const columns = [
      median(pandas).toFixed(0).padStart(9),
      median(own).toFixed(0).padStart(15),
      ratio(pandas, own).padStart(16),
      ratio(others, bare).padStart(21),
    ]
    console.log(`${name.padEnd(26)}${columns.join('')}`)
  }
}
