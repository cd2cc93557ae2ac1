/** Puts the entry of a case together: contestants whose programs are there, and the names of those missing. */
import { setTimeout } from 'node:timers/promises'
import { runProgram } from '../measure.ts'
import type { Contestant, Entry } from '../measure.ts'
import type { Peer, PeerName } from '../peers.ts'

/** A contestant that is a program, or several. */
export interface Program {
  readonly name: string
  /** What must be installed; the first is what `command` starts. */
  readonly needs: readonly PeerName[]
  readonly args: readonly string[]
  /** What its output must equal, and how it is read. */
  readonly check?: { readonly label: string; parse(output: string): string }
}

/** What every case gets. */
export type Peers = ReadonlyMap<PeerName, Peer>

/** The contestants in order, ours first. */
export function entry(
  bytes: number,
  ours: readonly Contestant[],
  programs: readonly Program[],
  peers: Peers,
  last: readonly Contestant[] = [],
): Entry {
  const present = programs.filter(({ needs }) => needs.every((need) => peers.has(need)))
  const missing = programs.flatMap(({ name, needs }) => {
    const absent = needs.filter((need) => !peers.has(need))
    return absent.length > 0 ? [`${name} (no ${absent.join(', ')})`] : []
  })
  const contestants = present.map((program) =>
    fromProgram(program, peers.get(program.needs[0] ?? 'sh')?.path ?? ''),
  )
  return { bytes, contestants: [...ours, ...contestants, ...last], missing }
}

function fromProgram({ name, args, check }: Program, command: string): Contestant {
  const contestant: Contestant = {
    name,
    role: 'peer',
    child: true,
    run: async () => {
      await runProgram(command, args)
      return undefined
    },
  }
  if (!check) return contestant
  const read = async (): Promise<string> => check.parse(await runProgram(command, args, true))
  return { ...contestant, check: { label: check.label, read } }
}

const TOUCH_AND_FORGET = `
import mmap, os, sys
paths = [os.path.join(folder, name) for folder, _, names in os.walk(sys.argv[1]) for name in names]
free = os.sysconf('SC_AVPHYS_PAGES') * mmap.PAGESIZE
length = min(2 * sum(map(os.path.getsize, paths)), free // 2)
with mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
    memory.madvise(mmap.MADV_HUGEPAGE)
    for place in range(0, length, mmap.PAGESIZE):
        memory[place] = 1
for path in paths:
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)
`

/**
 * How long nothing becomes free before the files are forgotten. Linux hands free memory of a virtual machine back to the
 * host, two seconds after some became free, and whoever is given such memory waits for the host longer than for a fast
 * disk. After a pause of that length it does so after the measurement and not in the midst of it. What it has handed back
 * already is touched, twice as much as the files need, so that no contestant finds it.
 *
 * Contestants in the same alternation with a program that maps files, as b3sum does, came out some hundredths slower all
 * the same, not all of them alike.
 */
const PAUSE_MS = 2500

/** The same contestants, each of whom finds the files beneath `folder` on the disk and not in the page cache. */
export function uncached(given: Entry, folder: string, peers: Peers): Entry {
  // What Node itself has no function for.
  const python = peers.get('python3')
  if (!python) return { ...given, contestants: [], missing: ['all (no python3)'] }
  const before = async (): Promise<void> => {
    await setTimeout(PAUSE_MS)
    await runProgram(python.path, ['-c', TOUCH_AND_FORGET, folder])
  }
  return { ...given, contestants: given.contestants.map((contestant) => ({ ...contestant, before })) }
}

/** Reads `hex  path` lines as `hex path`, sorted by path and without the part of it that all share. */
export function sumLines(output: string, root = ''): string {
  const pairs = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => /^([0-9a-f]{64}) [ *](.*)$/.exec(line))
    .map((match) => ({ hex: match?.[1] ?? 'no digest', path: match?.[2] ?? '' }))
    .map(({ hex, path }) => ({ hex, path: path.startsWith(root) ? path.slice(root.length) : path }))
  return fileLines(pairs)
}

/** The same form, of digests that are there as values. */
export function fileLines(files: readonly { readonly hex: string; readonly path: string }[]): string {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return sorted.map(({ hex, path }) => `${hex} ${path}`).join('\n')
}

/** The first word of the output: the digest of a program that prints one. */
export function firstWord(output: string): string {
  return output.trim().split(/\s/)[0] ?? ''
}
