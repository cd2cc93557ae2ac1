/** The source `toolchain`: compilers that the folder or the command uses: Rust, C and C++, CUDA. */
import { errorText } from '../../../util/error-text.ts'
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { NotAvailable, NotApplicable } from '../../../util/not-available.ts'
import { redactArguments } from '../../../secrets/redact.ts'
import { isReachable } from '../../../util/fs.ts'
import { foldersUp } from '../files.ts'
import { findLockFiles } from '../lock-files/lock-files.ts'
import { queryProgram, recordMissingReason, recordNonexistent } from '../source.ts'
import { COMPILERS } from '../types.ts'
import type { Source, SourceContext } from '../source.ts'
import type { Compiler, CompilerName, ToolchainFindings } from '../types.ts'

/** A compiler: its version command, and the signs that it is used. */
interface Tool {
  /** Files of a project that uses it for its build. */
  readonly signs: readonly string[]
  /** Programs that use it. */
  readonly programs: readonly string[]
  /** Variable that holds the command. */
  readonly variable?: string
  readonly command: string
  readonly args: readonly string[]
}

const TOOLS: Readonly<Record<CompilerName, Tool>> = {
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

/** Source of the versions of the compilers in use, and of the lock file of Cargo. */
export const toolchainSource: Source<'toolchain'> = {
  name: 'toolchain',
  probe: async (context) => {
    const used = await findUsed(context)
    if (used.length === 0)
      throw new NotApplicable('neither the files of this folder nor the command name a compiler')
    const versions = await Promise.all(
      used.map(async (name) => [name, await version(name, context)] as const),
    )
    const compilers: ToolchainFindings = Object.fromEntries(versions)
    if (!used.includes('cargo')) return compilers
    const [lock] = await findLockFiles(context.directory, ['Cargo.lock'], context)
    const lockFile =
      lock === undefined
        ? absentLockFile(context)
        : `sha256:${createHash('sha256').update(lock.bytes).digest('hex')}`
    return { ...compilers, lockFile }
  },
}

/** Record why there is no digest of `Cargo.lock`. */
function absentLockFile(context: SourceContext): null {
  const reason = context.unseen.get('lockFiles.Cargo.lock')
  if (reason === undefined) return recordNonexistent(context, 'lockFile', 'there is no Cargo.lock')
  context.unseen.delete('lockFiles.Cargo.lock')
  return recordMissingReason<never>(context, 'lockFile', null, reason)
}

async function findUsed({
  directory,
  command,
  variables,
  inspection,
}: SourceContext): Promise<CompilerName[]> {
  // The recorded command only decides which compilers of the person are asked.
  const program = basename((command ?? inspection?.recordedCommand)?.[0] ?? '').replace(/\.exe$/i, '')
  const signs = new Set(Object.values(TOOLS).flatMap((tool) => tool.signs))
  const present = new Set<string>()
  for await (const folder of foldersUp(directory)) {
    await Promise.all(
      [...signs].map(async (name) => {
        if (await isReachable(join(folder, name))) present.add(name)
      }),
    )
  }
  return COMPILERS.flatMap((name) => {
    const tool = TOOLS[name]
    const isNamed = tool.variable !== undefined && (variables[tool.variable] ?? '') !== ''
    return isNamed || tool.programs.includes(program) || tool.signs.some((sign) => present.has(sign))
      ? [name]
      : []
  })
}

async function version(name: CompilerName, context: SourceContext): Promise<Compiler | null> {
  const tool = TOOLS[name]
  const given = tool.variable === undefined ? undefined : context.variables[tool.variable]
  // A variable such as CC may contain arguments, and a wrapper such as ccache before the compiler.
  const [command = tool.command, ...rest] =
    given === undefined || given === '' ? [] : given.trim().split(/\s+/)
  try {
    // rustup would install a version that a file of the folder names.
    const installs = context.inspection === undefined ? {} : { RUSTUP_AUTO_INSTALL: '0' }
    const output = await queryProgram(command, [...rest, ...tool.args], context, {
      environment: { ...context.variables, ...installs },
    })
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
    if (!(error instanceof NotAvailable)) throw error
    context.signal.throwIfAborted()
    const reason = errorText(error, 'first')
    if (error instanceof NotApplicable) return recordNonexistent(context, name, reason)
    context.unseen.set(name, reason)
    context.inspection?.reportUnchecked(`toolchain.${name}`, reason)
    return null
  }
}
