/** Entries of cases: the contestants whose programs are installed, and the names of the missing ones. */
import { setTimeout } from 'node:timers/promises'
import { runProgram } from '../measure.ts'
import type { Contestant, Entry } from '../measure.ts'
import type { Peer, PeerName } from '../peers.ts'

/** A contestant that consists of one or several programs. */
export interface Program {
  readonly name: string
  /** Required programs; `command` starts the first. */
  readonly needs: readonly PeerName[]
  readonly args: readonly string[]
  /** The label under which outputs must be equal, and how to parse them. */
  readonly check?: { readonly label: string; parse(output: string): string }
}

/** The installed peers. */
export type Peers = ReadonlyMap<PeerName, Peer>

/** Return the contestants in order, lineaprint first. */
export function entry(
  bytes: number,
  own: readonly Contestant[],
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
  return { bytes, contestants: [...own, ...contestants, ...last], missing }
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
 * Milliseconds to wait without freeing memory before the files are evicted. Linux returns free memory of a
 * virtual machine to the host two seconds after it was freed, and getting it back takes longer than a fast
 * disk. With this pause, the return happens after the measurement and not during it. Memory already returned
 * is touched, twice as much as the files need, so that no contestant pays for it.
 *
 * Contestants that alternate with a program that maps files, such as b3sum, were still some hundredths
 * slower, though not all of them equally.
 */
const PAUSE_MS = 2500

/** Return the same contestants, each run with the files below `folder` evicted from the page cache. */
export function uncached(given: Entry, folder: string, peers: Peers): Entry {
  // Node has no function for this.
  const python = peers.get('python3')
  if (!python) return { ...given, contestants: [], missing: ['all (no python3)'] }
  const before = async (): Promise<void> => {
    await setTimeout(PAUSE_MS)
    await runProgram(python.path, ['-c', TOUCH_AND_FORGET, folder])
  }
  return { ...given, contestants: given.contestants.map((contestant) => ({ ...contestant, before })) }
}

/** Convert `hex  path` lines to `hex path`, sorted by path and without their common prefix. */
export function sumLines(output: string, root = ''): string {
  const pairs = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => /^([0-9a-f]{64}) [ *](.*)$/.exec(line))
    .map((match) => ({ hex: match?.[1] ?? 'no digest', path: match?.[2] ?? '' }))
    .map(({ hex, path }) => ({ hex, path: path.startsWith(root) ? path.slice(root.length) : path }))
  return fileLines(pairs)
}

/** Return the same form for digests that are available as values. */
export function fileLines(files: readonly { readonly hex: string; readonly path: string }[]): string {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return sorted.map(({ hex, path }) => `${hex} ${path}`).join('\n')
}

/** Return the first word of the output, for a program that prints a digest. */
export function firstWord(output: string): string {
  return output.trim().split(/\s/)[0] ?? ''
}
