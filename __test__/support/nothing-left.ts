/** Runs before the first test and after the last one: what tests make is in one temporary folder, and they leave nothing there. */
import { chmodSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { platform } from 'node:process'
import { setTimeout } from 'node:timers/promises'

/** Milliseconds that processes have to end, and to remove their folders. */
const PATIENCE = 20_000

/** Give the tests a temporary folder of their own. @returns what removes it, and fails if something was left. */
export function setup(): () => Promise<void> {
  // A short name: sockets lie in it, and their paths have a limit.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
  // PostgreSQL enters it, as a user of its own.
  chmodSync(folder, 0o711)
  process.env['TMPDIR'] = folder
  return async () => {
    const end = performance.now() + PATIENCE
    while (leftIn(folder).length > 0 && performance.now() < end) await setTimeout(100)
    const left = leftIn(folder)
    rmSync(folder, { recursive: true, force: true })
    if (left.length > 0) throw new Error(`the tests left ${left.join(', ')}`)
  }
}

/** Folders that Node names, and the list of a store. Programs of others leave what they like, which goes with the folder. */
const OWN = /-[A-Za-z0-9]{6}$|^\.annotated$/

/** Name what is left in the folder, and the processes whose temporary folder it is. */
function leftIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => OWN.test(name))
  return [...names.map((name) => join(folder, name)), ...processesOf(folder)]
}

function processesOf(folder: string): string[] {
  // Others do not show the variables of a process.
  if (platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        if (!variables.includes(`TMPDIR=${folder}`)) return []
        // The workers of vitest end after this.
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const parent = stat.slice(stat.lastIndexOf(')')).split(' ')[2]
        if (parent === String(process.pid)) return []
        return [
          `process ${pid}: ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`,
        ]
      } catch {
        // It has ended, or is of another user.
        return []
      }
    })
}
