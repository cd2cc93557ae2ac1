/** Tell whether the standard descriptors are one terminal, or stdout and stderr one file: then the command has one output. */
import { spawnSync } from 'node:child_process'
import { constants, fstatSync, readFileSync } from 'node:fs'
import { platform } from 'node:process'
import { isatty } from 'node:tty'
import { inherited } from './inherited.ts'
import type { Stats } from 'node:fs'

/** Descriptors for stdout and stderr of a command. */
type Targets = readonly [stdout: number, stderr: number]

const READ_ONLY = 0
const ACCESS_MODE: number = constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR

/**
 * Return whether stdin and both targets are one terminal. The command then gets one of its own. In a pipeline other
 * programs use the terminal at the same time, so the command gets the real one.
 */
export function isOneTerminal(targets: Targets): boolean {
  const numbers = [0, ...targets]
  if (platform !== 'linux' || !areOpen(numbers) || !numbers.every((number) => isatty(number))) return false
  const devices = numbers.map((number) => fstatSync(number).rdev)
  return devices.every((device) => device === devices[0])
}

/**
 * Return whether what is written to one target and what is written to the other come one after the other, as in
 * `> out 2>&1`. The command then gets one pipe for both, which keeps their order. False if it cannot be known.
 *
 * @param launcher The program that can compare two open files.
 */
export function isOneFile(targets: Targets, launcher: string): boolean {
  if (platform !== 'linux' || !areOpen(targets) || targets.some((number) => isatty(number))) return false
  try {
    const [stdout, stderr] = targets.map((number) => fstatSync(number))
    if (stdout === undefined || stderr === undefined) return false
    if (stdout.dev !== stderr.dev || stdout.ino !== stderr.ino) return false
    // Nothing keeps an order in /dev/null, and each stream has a log of its own then.
    if (stdout.isCharacterDevice()) return false
    const flags = targets.map((number) => flagsOf(number))
    // Both ends of a pipe have one number.
    if (flags.some((each) => (each & ACCESS_MODE) === READ_ONLY)) return false
    if (isQueue(stdout)) return true
    if (stdout.isFile() && flags.every((each) => (each & constants.O_APPEND) !== 0)) return true
  } catch {
    return false
  }
  // A file that was opened twice has two offsets: what is written to one replaces what was written to the other.
  const { status } = spawnSync(launcher, ['together'], {
    env: {},
    stdio: ['ignore', ...targets],
    windowsHide: true,
  })
  return status === 0
}

/** Return whether no descriptor was closed when this process was started: Node opens something in its place. */
function areOpen(numbers: readonly number[]): boolean {
  const open = inherited()?.open
  return open === undefined || numbers.every((number) => open.includes(number))
}

/** Return whether what is written comes out in that order, through whatever descriptor it went in. */
function isQueue(stats: Stats): boolean {
  return stats.isFIFO() || stats.isSocket()
}

function flagsOf(number: number): number {
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1')) ?? []
  if (flags === undefined) throw new Error('the system does not say how it was opened')
  return Number.parseInt(flags, 8)
}
