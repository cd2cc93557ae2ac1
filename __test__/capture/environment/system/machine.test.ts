/** The machine as Linux tells it, and the compilers that are used. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpus } from 'node:os'
import { describe, expect, test } from 'vitest'
import { probeSource } from '../../../../src/capture/environment/source.ts'
import { readLinux } from '../../../../src/capture/environment/system/linux.ts'
import { queryMachine } from '../../../../src/capture/environment/system/other.ts'
import { toolchainSource } from '../../../../src/capture/environment/system/toolchain.ts'
import { folderOf, programs } from '../fakes.ts'
import type { JsonObject } from '../../../../src/core/json-value.ts'

describe('Linux', () => {
  test('distribution, processor, memory and graphics', async () => {
    const root = folderOf({
      'etc/os-release': 'NAME="Debian GNU/Linux"\nVERSION_ID=\'12\'\nID=debian\nPRETTY_NAME="x"\n',
      'proc/cpuinfo': [0, 1, 2, 3]
        .map(
          (index) =>
            `processor\t: ${index}\nmodel name\t: Fast CPU @ 3.00GHz\nphysical id\t: 0\ncore id\t\t: ${index >> 1}\nflags\t\t: fpu avx2 avx512f\n`,
        )
        .join('\n'),
      'proc/meminfo': 'MemTotal:       16384 kB\nMemAvailable:    8192 kB\nSwapTotal:             0 kB\n',
      'proc/sys/kernel/osrelease': '6.1.0-test\n',
      'sys/bus/pci/devices/0000:01:00.0/class': '0x030000\n',
      'sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de\n',
      'sys/bus/pci/devices/0000:01:00.0/device': '0x2330\n',
      'sys/bus/pci/devices/0000:02:00.0/class': '0x020000\n',
    })
    expect(await readLinux(root)).toEqual({
      distribution: 'Debian GNU/Linux',
      release: '12',
      kernel: '6.1.0-test',
      processor: 'Fast CPU @ 3.00GHz',
      cores: 4,
      physicalCores: 2,
      cpuFlags: 'fpu avx2 avx512f',
      memoryTotal: 16384 * 1024,
      memoryAvailable: 8192 * 1024,
      swapTotal: 0,
      graphics: [{ vendor: '0x10de', device: '0x2330' }],
    })
  })

  test('a system that tells nothing', async () => {
    const machine = await readLinux(folderOf({}))
    expect(Object.values(machine).every((value) => value === undefined)).toBe(true)
  })

  test.skipIf(process.platform !== 'linux')('this machine', async () => {
    const machine = await readLinux()
    expect(machine.cores).toBe(cpus().length)
    expect(machine.kernel).toBe(execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim())
    expect(machine.memoryTotal).toBeGreaterThan(1 << 20)
  })

  test.skipIf(process.platform !== 'linux')('the files say what systeminformation says', async () => {
    const warnings: string[] = []
    const library = await queryMachine({
      directory: folderOf({}),
      variables: process.env,
      options: { variables: [], packages: false, timeoutMs: 60_000 },
      signal: new AbortController().signal,
      warnings,
      unseen: new Map(),
      nonexistent: new Set<string>(),
    })
    const files = await readLinux()
    expect(warnings).toEqual([])
    for (const field of ['release', 'kernel', 'cores', 'memoryTotal', 'swapTotal'] as const)
      expect(files[field], field).toBe(library[field])
    expect(files.distribution).toContain(library.distribution)
    expect(files.cpuFlags?.split(' ')).toEqual(expect.arrayContaining(library.cpuFlags?.split(' ') ?? ['?']))
    expect(library.graphics).toBeInstanceOf(Array)
  })
})

describe('compilers', () => {
  const look = async (
    files: Readonly<Record<string, string>>,
    variables: NodeJS.ProcessEnv,
    command?: readonly string[],
  ): Promise<JsonObject> => {
    const limits = {
      directory: folderOf(files),
      variables,
      command,
      options: { variables: [], packages: true, timeoutMs: 5000 },
    }
    return (await probeSource(toolchainSource, limits)).value
  }
  const RUST = `case "$2" in --verbose) printf 'rustc 1.90.0 (abc 2025-09-14)\\nbinary: rustc\\nhost: x86_64-unknown-linux-gnu\\nLLVM version: 20.1.8\\n';; esac`

  test('are asked where the folder uses them', async () => {
    const path = `${programs({ rustc: RUST, cargo: 'echo cargo 1.90.0' })}:/bin:/usr/bin`
    expect(await look({ 'Cargo.toml': '', 'Cargo.lock': 'x' }, { PATH: path })).toEqual({
      status: 'present',
      rustc: {
        command: 'rustc',
        version: 'rustc 1.90.0 (abc 2025-09-14)',
        host: 'x86_64-unknown-linux-gnu',
        llvm: '20.1.8',
      },
      cargo: { command: 'cargo', version: 'cargo 1.90.0' },
      lockFile: `sha256:${createHash('sha256').update('x').digest('hex')}`,
    })
  })

  test('or the command does, or a variable names one', async () => {
    const path = programs({ cargo: 'echo cargo 1.90.0', ccache: 'echo "my cc 9 of $1"' })
    expect(await look({}, { PATH: `${path}:/bin` }, ['cargo', 'run'])).toMatchObject({
      cargo: { version: 'cargo 1.90.0' },
      rustc: null,
      unseen: { rustc: 'rustc is not installed', lockFile: 'there is no Cargo.lock' },
    })
    expect(await look({}, { PATH: path, CC: 'ccache gcc-9' })).toMatchObject({
      cc: { command: 'ccache gcc-9', version: 'my cc 9 of gcc-9' },
    })
  })

  test('and are not started where nothing does', async () => {
    expect(await look({ 'train.py': '' }, { PATH: '/bin' }, ['python3', 'train.py'])).toEqual({
      status: 'absent',
      reason: 'neither the files of this folder nor the command name a compiler',
      exists: false,
    })
  })
})
