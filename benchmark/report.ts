/** Output of the benchmark: the machine, versions, and a table per case. */
import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { native } from '../src/native/load.ts'
import { VERSION } from '../src/core/version.ts'
import { median } from './measure.ts'
import type { Case, Entry, Rounds } from './measure.ts'
import type { Peer, PeerName } from './peers.ts'

/** The machine of the measurements. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly fileSystem: string
  /** Runnable processes over the last minute, before the benchmark: above zero, others use the machine. */
  readonly loadBefore: number
}

/** Type numbers of `statfs`, from statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlay',
  0x2fc12fc1: 'zfs',
  0x1a: 'apfs',
}

/** Describe this machine. */
export async function describeMachine(directory: string): Promise<Machine> {
  const { type: number } = await statfs(directory)
  return {
    cpu: cpuName(),
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    fileSystem: FILE_SYSTEMS[number] ?? `type 0x${number.toString(16)}`,
    loadBefore: loadavg()[0] ?? 0,
  }
}

function cpuName(): string {
  const name = cpus()[0]?.model ?? 'unknown'
  if (process.platform !== 'linux') return name
  // Virtual machines hide the model's name; family and model still identify it.
  const info = readFileSync('/proc/cpuinfo', 'utf8')
  const field = (key: string): string => new RegExp(`^${key}\\s*: (.*)$`, 'm').exec(info)?.[1] ?? '?'
  return `${name} (family ${field('cpu family')}, model ${field('model')})`
}

/** Return the version of every contestant. */
export function versions(peers: ReadonlyMap<PeerName, Peer>): Record<string, string> {
  const own = {
    lineaprint: `${VERSION} (${native.instructionSets().join(', ')}; ${native.defaultThreads()} threads)`,
    node: `${process.version} (OpenSSL ${process.versions.openssl})`,
  }
  return { ...own, ...Object.fromEntries([...peers].map(([name, { version }]) => [name, version])) }
}

/** One case with its numbers. */
export interface CaseResult {
  readonly name: string
  readonly title: string
  readonly bytes: number
  readonly missing: readonly string[]
  /** Share of the processors that other programs used meanwhile. */
  readonly others: number | undefined
  readonly contestants: readonly ContestantResult[]
  /** Lines about what was measured beside the times. */
  readonly notes: readonly string[]
}

/** One row. */
export interface ContestantResult {
  readonly name: string
  readonly role: string
  readonly wallMs: readonly number[]
  readonly cpuMs: readonly (number | undefined)[]
  readonly min: number
  readonly median: number
  readonly max: number
  readonly gigabytesPerSecond: number
  readonly cpuMedian: number | undefined
  /** Median divided by the median of the first contestant: above 1 the first one is faster. */
  readonly ratio: number
  /** Median over the rounds of the same quotient within one round. */
  readonly pairedRatio: number
  /** The least ratio that is wanted. */
  readonly target?: number
}

/** Compute the rows of a case; the others are compared with the first contestant. */
export function summarise(
  { name, title }: Case,
  { bytes, missing, notes }: Entry,
  { measured, others }: Rounds,
): CaseResult {
  const base = measured[0]?.wallMs ?? []
  const contestants = measured.map(({ contestant, wallMs, cpuMs }) => {
    const cpu = cpuMs.filter((value) => value !== undefined)
    const middle = median(wallMs)
    return {
      name: contestant.name,
      role: contestant.role,
      wallMs,
      cpuMs,
      min: Math.min(...wallMs),
      median: middle,
      max: Math.max(...wallMs),
      gigabytesPerSecond: bytes / middle / 1e6,
      cpuMedian: cpu.length === cpuMs.length ? median(cpu) : undefined,
      ratio: middle / median(base),
      pairedRatio: median(wallMs.map((value, round) => value / (base[round] ?? NaN))),
      ...(contestant.target !== undefined && { target: contestant.target }),
    }
  })
  return { name, title, bytes, missing, others, contestants, notes: notes?.() ?? [] }
}

/** Share of the processors from which other programs disturb the times. */
const NOTABLE = 0.03

const NAME_WIDTH = 37
const HEAD = ['min ms', 'median', 'max', 'GB/s', 'cpu ms', 'ratio', 'paired']
const WIDTHS = [8, 8, 8, 6, 8, 7, 7, 7]

/** Return a table of at most 96 columns. */
export function table({ name, title, bytes, missing, others, contestants, notes }: CaseResult): string {
  const isTargeted = contestants.some(({ target }) => target !== undefined)
  const rows = contestants.map((result, index) => {
    const ratios = index === 0 ? ['', ''] : [result.ratio.toFixed(2), result.pairedRatio.toFixed(2)]
    if (result.target !== undefined) ratios.push(result.target.toFixed(2))
    return row(result.name, [
      ...[result.min, result.median, result.max].map(milliseconds),
      bytes === 0 ? '-' : result.gigabytesPerSecond.toFixed(result.gigabytesPerSecond < 100 ? 2 : 0),
      result.cpuMedian === undefined ? '-' : milliseconds(result.cpuMedian),
      ...ratios,
    ])
  })
  const lines = [
    `${name}: ${title}, ${(bytes / 1e6).toFixed(0)} MB`,
    row('', isTargeted ? [...HEAD, 'target'] : HEAD),
    ...rows,
  ]
  if (others !== undefined && others > NOTABLE) {
    lines.push(`disturbed: other programs took ${(others * 100).toFixed(0)} % of the processors meanwhile`)
  }
  return [
    ...lines,
    ...notes,
    ...missing.map((peer) => `left out: ${peer}; npm run bench:peers says what is missing`),
  ].join('\n')
}

function row(label: string, cells: readonly string[]): string {
  return label.padEnd(NAME_WIDTH) + cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 0)).join('')
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0)
}
