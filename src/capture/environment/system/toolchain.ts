/** Compilers, where the folder or the command uses them: Rust, C and C++, CUDA. */
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { errorText } from '../../../util/error-text.ts'
import { Absent, NotThere } from '../../../util/not-available.ts'
import { redactArguments } from '../../../secrets/redact.ts'
import { isReachable } from '../../../util/fs.ts'
import { foldersUp } from '../files.ts'
import { findLockFiles } from '../lock-files/lock-files.ts'
import { ask, orUnseen } from '../source.ts'
import type { JsonObject } from '../../../core/json-value.ts'
import type { Source, SourceContext } from '../source.ts'

/** What is asked of a compiler, and what shows that it is used. */
interface Tool {
  /** Files of a project that is built with it. */
  readonly signs: readonly string[]
  /** Programs that use it. */
  readonly programs: readonly string[]
  /** Variable that names it. */
  readonly variable?: string
  readonly command: string
  readonly args: readonly string[]
}

const TOOLS: Readonly<Record<string, Tool>> = {
  rustc: {
    signs: ['Cargo.toml'],
    programs: ['cargo', 'rustc', 'maturin'],
    variable: 'RUSTC',
    command: 'rustc',
    args: ['--version', '--verbose'],
  },
  cargo: { signs: ['Cargo.toml'], programs: ['cargo'], command: 'cargo', args: ['--version'] },
  cc: {
    signs: ['CMakeLists.txt', 'Makefile', 'meson.build', 'configure.ac', 'binding.gyp'],
    programs: ['cc', 'gcc', 'clang', 'make', 'cmake', 'ninja'],
    variable: 'CC',
    command: 'cc',
    args: ['--version'],
  },
  'c++': {
    signs: ['CMakeLists.txt', 'Makefile', 'meson.build', 'binding.gyp'],
    programs: ['c++', 'g++', 'clang++', 'make', 'cmake', 'ninja'],
    variable: 'CXX',
    command: 'c++',
    args: ['--version'],
  },
  nvcc: { signs: [], programs: ['nvcc'], variable: 'CUDACXX', command: 'nvcc', args: ['--version'] },
}

/** Versions of the compilers that are used, and the lock file of Cargo. */
export const toolchainSource: Source = {
  name: 'toolchain',
  look: async (context) => {
    const used = await findUsed(context)
    if (used.length === 0)
      throw new NotThere('neither the files of this folder nor the command name a compiler')
    const found = await Promise.all(used.map(async (name) => [name, await version(name, context)] as const))
    if (!used.includes('cargo')) return Object.fromEntries(found)
    const [lock] = await findLockFiles(context.directory, ['Cargo.lock'], context.warnings)
    const digest = lock && `sha256:${createHash('sha256').update(lock.bytes).digest('hex')}`
    const lockFile = orUnseen(context, 'lockFile', digest, 'there is no Cargo.lock')
    return { ...Object.fromEntries(found), lockFile }
  },
}

async function findUsed({ directory, command, variables }: SourceContext): Promise<string[]> {
  const program = basename(command?.[0] ?? '').replace(/\.exe$/i, '')
  const signs = new Set(Object.values(TOOLS).flatMap((tool) => tool.signs))
  const there = new Set<string>()
  for await (const folder of foldersUp(directory)) {
    await Promise.all(
      [...signs].map(async (name) => {
        if (await isReachable(join(folder, name))) there.add(name)
      }),
    )
  }
  return Object.entries(TOOLS).flatMap(([name, tool]) => {
    const isNamed = tool.variable !== undefined && (variables[tool.variable] ?? '') !== ''
    return isNamed || tool.programs.includes(program) || tool.signs.some((sign) => there.has(sign))
      ? [name]
      : []
  })
}

async function version(name: string, context: SourceContext): Promise<JsonObject | null> {
  const tool = TOOLS[name]
  if (tool === undefined) return null
  const given = tool.variable === undefined ? undefined : context.variables[tool.variable]
  // A variable such as CC may hold arguments, and a program before the compiler, such as ccache.
  const [command = tool.command, ...rest] =
    given === undefined || given === '' ? [] : given.trim().split(/\s+/)
  try {
    const output = await ask(command, [...rest, ...tool.args], context)
    const lines = output.split('\n').filter((line) => line.trim() !== '')
    const line = (tool.command === 'nvcc' ? lines.find((text) => /release/.test(text)) : lines[0]) ?? ''
    const host = /^host: (.+)$/m.exec(output)?.[1]
    const llvm = /^LLVM version: (.+)$/m.exec(output)?.[1]
    return {
      command: redactArguments([command, ...rest]).join(' '),
      version: line.trim().slice(0, 200),
      ...(host !== undefined && { host }),
      ...(llvm !== undefined && { llvm }),
    }
  } catch (error) {
    if (!(error instanceof Absent)) throw error
    context.signal.throwIfAborted()
    context.unseen.set(name, errorText(error, 'first'))
    return null
  }
}
