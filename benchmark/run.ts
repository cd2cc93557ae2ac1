/**
 * Benchmark of lineaprint and its alternatives, on the same bytes in the same run.
 *
 * npm run bench -- [--quick] [--only NAME] [--rounds N] [--size BYTES] [--model-size BYTES] [--rows N] [--own] [--json FILE] [--keep]
 *
 * Exit code 1: two contestants disagree about a digest. Times are of reads from the page cache.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { freemem, tmpdir } from 'node:os'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { arrayCases } from './cases/array.ts'
import { captureCases } from './cases/capture.ts'
import { derivationCases } from './cases/derivation.ts'
import { keepCases } from './cases/keep.ts'
import { findCases } from './cases/find.ts'
import { teamCases } from './cases/find-team.ts'
import { largeCases } from './cases/large.ts'
import { lineageCases } from './cases/lineage.ts'
import { modelValueCases } from './cases/model-values.ts'
import { modelCases } from './cases/model.ts'
import { modelFormatCases } from './cases/model-formats.ts'
import { modelListingCases } from './cases/model-listing.ts'
import { pageCases } from './cases/page.ts'
import { pageAimCases } from './cases/page-aim.ts'
import { pageTeamCases } from './cases/page-team.ts'
import { pythonShimCases } from './cases/python-shim.ts'
import { storeCases } from './cases/store.ts'
import { tableCases } from './cases/table.ts'
import { tableRowCases } from './cases/table-rows.ts'
import { treeCases } from './cases/tree.ts'
import { Inputs } from './inputs.ts'
import { WrongDigest, alternate, spawnCost } from './measure.ts'
import { findPeers } from './peers.ts'
import { describeMachine, summarise, table, versions } from './report.ts'
import type { InputSizes } from './inputs.ts'
import type { Entry, Rounds } from './measure.ts'
import type { CaseResult } from './report.ts'

const USAGE = `usage: npm run bench -- [options]
  --quick         small inputs and 3 rounds, to see that everything works
  --only NAME     only the case NAME, or those whose names start so; may be repeated
  --rounds N      rounds after the warm-up (default 7)
  --size BYTES    length of the large file, also as 512M or 4G (default 2G, or 1G with less than 8G of free memory)
  --model-size BYTES  length of the model in every format (default 1G)
  --rows COUNT    rows of the tables (default 5000000)
  --own           leave out the peers, which can take minutes on large inputs
  --json FILE     where the numbers go (default benchmark/results/<date>.json)
  --keep          leave the inputs in place
  --help          this text
Inputs go to $LINEAPRINT_BENCH_DIRECTORY, or to the system's folder for temporary files.`

/** Bytes of the large file. Two copies in the page cache and one in memory must fit, with everything else. */
const LARGE = freemem() >= 8 * 2 ** 30 ? 2 ** 31 : 2 ** 30

const FULL: InputSizes = {
  largeBytes: LARGE,
  smallFiles: 20_000,
  hidden: 1536,
  modelBytes: 2 ** 30,
  manyTensors: 900_000,
  elements: 1_000_000,
  rows: 5_000_000,
}
const QUICK: InputSizes = {
  largeBytes: 64 << 20,
  smallFiles: 2_000,
  hidden: 384,
  modelBytes: 32 << 20,
  manyTensors: 20_000,
  elements: 1_000_000,
  rows: 200_000,
}

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      size: { type: 'string' },
      'model-size': { type: 'string' },
      rows: { type: 'string' },
      own: { type: 'boolean', default: false },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  const rounds = wholeNumber('--rounds', values.rounds ?? (values.quick ? '3' : '7'))
  const base = values.quick ? QUICK : FULL
  const { size, 'model-size': modelSize, rows } = values
  const sizes = {
    ...base,
    ...(size !== undefined && { largeBytes: byteCount('--size', size) }),
    ...(modelSize !== undefined && { modelBytes: byteCount('--model-size', modelSize) }),
    ...(rows !== undefined && { rows: wholeNumber('--rows', rows) }),
  }
  const date = new Date().toISOString()
  const json =
    values.json ?? fileURLToPath(new URL(`results/${date.replaceAll(':', '-')}.json`, import.meta.url))

  const inputs = new Inputs(process.env['LINEAPRINT_BENCH_DIRECTORY'] ?? tmpdir(), sizes, (message) => {
    if (process.stderr.isTTY) console.error(message)
  })
  const clean = (): void => {
    if (!values.keep) inputs.remove()
  }
  process.once('SIGINT', () => {
    clean()
    process.exit(130)
  })
  try {
    return await runAll(inputs, {
      date,
      rounds,
      quick: values.quick,
      only: values.only,
      own: values.own,
      json,
    })
  } finally {
    await inputs.end()
    clean()
    if (values.keep) console.log(`the inputs are in ${inputs.directory}`)
  }
}

interface Settings {
  readonly date: string
  readonly rounds: number
  readonly quick: boolean
  readonly only: readonly string[]
  /** True if peers are left out. */
  readonly own: boolean
  readonly json: string
}

async function runAll(inputs: Inputs, { date, rounds, quick, only, own, json }: Settings): Promise<number> {
  const peers = findPeers()
  const all = [
    ...largeCases(inputs, peers),
    ...modelCases(inputs, peers),
    ...modelFormatCases(inputs),
    ...modelListingCases(inputs),
    ...modelValueCases(inputs, peers),
    ...derivationCases(inputs, peers),
    ...treeCases(inputs, peers),
    ...arrayCases(inputs),
    ...tableCases(inputs),
    ...tableRowCases(inputs),
    ...captureCases(inputs),
    ...pythonShimCases(inputs),
    ...storeCases(inputs, quick),
    ...keepCases(inputs),
    ...findCases(inputs, quick),
    ...teamCases(inputs, quick),
    ...lineageCases(inputs, quick),
    ...pageCases(inputs, quick),
    ...pageAimCases(inputs, quick),
    ...pageTeamCases(inputs, quick),
  ]
  const names = new Set(all.map(({ name }) => name))
  const asked = (name: string, word: string): boolean =>
    name === word || (!names.has(word) && name.startsWith(word))
  const chosen = all.filter(({ name }) => only.length === 0 || only.some((word) => asked(name, word)))
  if (chosen.length === 0) throw new Error(`no case is named so; there are ${[...names].join(', ')}`)

  const machine = await describeMachine(inputs.directory)
  const spawnMs = await spawnCost()
  console.log(heading(machine, versions(peers), { rounds, spawnMs }))

  const results: CaseResult[] = []
  let wrong = 0
  for (const each of chosen) {
    try {
      const prepared = await each.prepare()
      const entry = own ? withoutPeers(prepared) : prepared
      const result = summarise(each, entry, await measured(entry, rounds))
      results.push(result)
      console.log(`\n${table(result)}`)
    } catch (error) {
      if (!(error instanceof WrongDigest)) throw error
      wrong++
      console.log(`\n${each.name}: WRONG DIGEST: ${error.message}`)
    }
  }
  mkdirSync(dirname(json), { recursive: true })
  const record = { date, quick, rounds, machine, versions: versions(peers), spawnMs, wrong, results }
  writeFileSync(json, `${JSON.stringify(record, undefined, 1)}\n`)
  console.log(`\nnumbers: ${relative('.', json)}`)
  return wrong === 0 ? 0 : 1
}

function withoutPeers(entry: Entry): Entry {
  return { ...entry, contestants: entry.contestants.filter(({ role }) => role !== 'peer') }
}

async function measured({ contestants, after }: Entry, rounds: number): Promise<Rounds> {
  try {
    return await alternate(contestants, rounds)
  } finally {
    await after?.()
  }
}

function heading(
  machine: Awaited<ReturnType<typeof describeMachine>>,
  programs: Readonly<Record<string, string>>,
  { rounds, spawnMs }: { readonly rounds: number; readonly spawnMs: number | undefined },
): string {
  const { cpu, cores, memoryGiB, system, fileSystem, loadBefore } = machine
  return [
    `machine    ${cpu}`,
    `           ${cores} cores, ${memoryGiB} GiB, ${system}, ${fileSystem}, load ${loadBefore.toFixed(2)} before`,
    ...Object.entries(programs).map(([name, version]) => `${name.padEnd(11)}${version}`),
    '',
    `${rounds} rounds, contestants in turn, after one warm-up each; files are read from the page cache.`,
    'ratio: median divided by that of the first row, above 1 the first row is faster; paired: the median',
    'of the same quotient within each round. GB are 10^9 bytes, at the median.',
    `Programs contain the cost of starting them: ${spawnMs?.toFixed(1) ?? '?'} ms for one that does nothing.`,
  ].join('\n')
}

function wholeNumber(option: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1)
    throw new Error(`${option} wants a whole number from 1, not ${text}`)
  return number
}

function byteCount(option: string, text: string): number {
  const match = /^([0-9]+)([KMG]?)$/.exec(text)
  if (!match) throw new Error(`${option} wants bytes like 512M or 4G, not ${text}`)
  return wholeNumber(option, match[1] ?? '') * 1024 ** ' KMG'.indexOf(match[2] || ' ')
}
