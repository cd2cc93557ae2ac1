/** Facts about a Linux machine, read from files: no program is started. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readHint } from '../files.ts'
import type { JsonObject } from '../../../core/json-value.ts'
import type { Machine } from './machine-facts.ts'

/**
 * Read `/proc`, `/sys` and `/etc/os-release`.
 *
 * @param root The folder to use as `/`, for tests.
 */
export async function readLinux(root = '/'): Promise<Machine> {
  const read = (path: string): Promise<string | undefined> => readHint(join(root, path))
  const [own, vendor, processors, memory, kernel, graphics] = await Promise.all([
    read('etc/os-release'),
    read('usr/lib/os-release'),
    read('proc/cpuinfo'),
    read('proc/meminfo'),
    read('proc/sys/kernel/osrelease'),
    readGraphics(join(root, 'sys/bus/pci/devices')),
  ])
  const names = assignments(own ?? vendor ?? '')
  const cores = [...(processors ?? '').matchAll(/^processor\s*:/gm)].length
  return {
    distribution: names.get('NAME'),
    release: names.get('VERSION_ID') ?? names.get('BUILD_ID'),
    kernel: kernel?.trim(),
    processor: field(processors, 'model name') ?? field(processors, 'CPU part'),
    cores: cores === 0 ? undefined : cores,
    physicalCores: physicalCores(processors ?? ''),
    cpuFlags: field(processors, 'flags') ?? field(processors, 'Features'),
    memoryTotal: kibibytes(memory, 'MemTotal'),
    memoryAvailable: kibibytes(memory, 'MemAvailable'),
    swapTotal: kibibytes(memory, 'SwapTotal'),
    graphics,
  }
}

/** Parse lines of the form `NAME="value"`, as in os-release. */
function assignments(text: string): Map<string, string> {
  const pairs = [...text.matchAll(/^([A-Z_]+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"']*))\s*$/gm)]
  return new Map(pairs.map(([, name = '', double, single, bare]) => [name, double ?? single ?? bare ?? '']))
}

function field(text: string | undefined, name: string): string | undefined {
  const value = new RegExp(`^${name}\\s*:[ \\t]*(.*)$`, 'm').exec(text ?? '')?.[1]?.trim()
  return value === '' ? undefined : value
}

function kibibytes(text: string | undefined, name: string): number | undefined {
  const value = /^(\d+) kB$/.exec(field(text, name) ?? '')?.[1]
  return value === undefined ? undefined : Number(value) * 1024
}

/** Count the different pairs of socket and core; virtual machines and ARM systems do not report them. */
function physicalCores(text: string): number | undefined {
  const cores = new Set<string>()
  for (const block of text.split('\n\n')) {
    const [socket, core] = [field(block, 'physical id'), field(block, 'core id')]
    if (socket !== undefined && core !== undefined) cores.add(`${socket} ${core}`)
  }
  return cores.size === 0 ? undefined : cores.size
}

/**
 * List the display controllers of the PCI bus, with the numbers of their vendors; `undefined` for a machine
 * without the bus.
 */
async function readGraphics(folder: string): Promise<JsonObject[] | undefined> {
  const names = await readdir(folder).catch(() => undefined)
  if (names === undefined) return undefined
  const devices = await Promise.all(
    names.map(async (name) => {
      const read = async (file: string): Promise<string | null> =>
        (await readHint(join(folder, name, file)))?.trim() ?? null
      // 03: display controllers; 12: processing accelerators.
      if (!/^0x(?:03|12)/.test((await read('class')) ?? '')) return undefined
      return { vendor: await read('vendor'), device: await read('device') }
    }),
  )
  return devices.filter((device) => device !== undefined)
}
