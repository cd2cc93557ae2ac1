/**
 * The compiled code of this program, kept between its starts.
 *
 * The cache of Node holds what is compiled when a file is loaded: functions that run later are compiled at every start,
 * which took a fifth of the time of a short run. Here the code is kept at the end of the process, with all functions that
 * have run. The file of a command has that of every chunk it loads.
 *
 * V8 executes what it is given. So the folder belongs to this user alone, and the name of a file has all that the code
 * depends on: the build of this program, the version of Node, and the processor. A file is written whole or not at all, and
 * is trusted as the files of the program are: to load a checksum takes longer than it saves.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, env, pid, versions } from 'node:process'
import { Script, constants } from 'node:vm'
import { compileCacheFolder } from './compile-cache.ts'

/** The digest of all chunks, which the bundler puts here. */
const BUILD = 'unbundled'

/** V8 copies code that does not lie at a multiple of this. */
const ALIGNMENT = 8

/** Length of what comes before the list of chunks: the length of the file, and that of the list. */
const HEADER = 8

/** The last bytes of a file. */
const END = Buffer.from('complete')

/** Age after which the code of another build is removed. */
const OLD = 30 * 86_400_000

/** A chunk that was loaded. */
interface Chunk {
  readonly exports: unknown
}

/** A script of this process, to take its code at the end. */
interface Compiled {
  readonly name: string
  readonly script: Script
}

/** Chunks of the bundled program, loaded with the code of an earlier start. */
export class CompiledChunks {
  readonly #loaded = new Map<string, Chunk>()
  readonly #compiled: Compiled[] = []
  /** Code by the name of a chunk. */
  #known: ReadonlyMap<string, Buffer> = new Map()
  /** Path of the file that keeps the code; `undefined` if none does. */
  #file: string | undefined
  #isComplete = true

  /**
   * Use the code of a command, and keep it at the end of the process. Do nothing where there is no private folder, in
   * other runtimes than Node, and if `NODE_DISABLE_COMPILE_CACHE` is set.
   */
  open(command: string | undefined): void {
    if (versions['bun'] !== undefined || versions['deno'] !== undefined) return
    // Code that comes from a cache is counted less exactly.
    if (isSet('NODE_DISABLE_COMPILE_CACHE') || isSet('NODE_V8_COVERAGE')) return
    const parent = compileCacheFolder()
    if (parent === undefined) return
    // Whatever stands in the place of a command is no part of a path.
    const name = command !== undefined && /^[a-z-]{1,32}$/.test(command) ? command : 'other'
    const file = join(parent, `${BUILD}-${versions.node}-${versions.v8}-${arch}`, `${name}.bin`)
    this.#file = file
    this.#known = readCode(file)
    dropLoaderWarning()
    process.once('exit', () => {
      if (!this.#isComplete) keep(file, this.#compiled)
    })
  }

  /**
   * Load a chunk, as the `require` of a file would.
   *
   * @param require That of the file which asks.
   * @param request A path relative to that file.
   */
  load(require: NodeJS.Require, request: string): unknown {
    if (this.#file === undefined) return require(request)
    const path = require.resolve(request)
    // Some are loaded before the code is looked for.
    if (require.cache[path] !== undefined) return require(request)
    const before = this.#loaded.get(path)
    if (before !== undefined) return before.exports
    const chunk: { exports: unknown } = { exports: {} }
    // Before it runs: chunks may ask for each other.
    this.#loaded.set(path, chunk)
    const own = createRequire(path)
    const asked = Object.assign((id: string) => (id.startsWith('./') ? this.load(own, id) : own(id)), own)
    this.#function(path).call(chunk.exports, chunk.exports, asked, chunk, path, dirname(path))
    return chunk.exports
  }

  #function(path: string): (...values: readonly unknown[]) => void {
    const name = path.slice(dirname(path).length + 1)
    const cachedData = this.#known.get(name)
    const script = new Script(
      // The bundler leaves no character beyond ASCII, which is read and kept in half the space.
      `(function (exports, require, module, __filename, __dirname) {${readFileSync(path, 'latin1')}\n})`,
      {
        filename: path,
        cachedData,
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      },
    )
    this.#compiled.push({ name, script })
    if (cachedData === undefined || script.cachedDataRejected === true) this.#isComplete = false
    return script.runInThisContext() as (...values: readonly unknown[]) => void
  }
}

/**
 * Keep a warning of Node from users: that the way in which these chunks import a package, such as `pg`, may change. Every
 * supported version has it, and nobody but the developers of this program can act on it. Other warnings stay.
 */
function dropLoaderWarning(): void {
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  const emitWarning = process.emitWarning.bind(process)
  const value = (...warning: Parameters<typeof emitWarning>): void => {
    if (!String(warning[0]).startsWith('vm.USE_MAIN_CONTEXT_DEFAULT_LOADER ')) emitWarning(...warning)
  }
  if (own?.configurable === true) Object.defineProperty(process, 'emitWarning', { ...own, value })
}

function isSet(name: string): boolean {
  const value = env[name]
  return value !== undefined && value !== ''
}

/** Read the code of a command. There is none if the file is missing, damaged or cannot be read. */
function readCode(file: string): ReadonlyMap<string, Buffer> {
  const code = new Map<string, Buffer>()
  try {
    const bytes = readFileSync(file)
    if (bytes.length !== bytes.readUInt32LE(0) || !bytes.subarray(-END.length).equals(END)) return code
    const list = bytes.toString('latin1', HEADER, HEADER + bytes.readUInt32LE(4))
    let at = aligned(HEADER + list.length)
    for (const [name, length] of JSON.parse(list) as [string, number][]) {
      code.set(name, bytes.subarray(at, at + length))
      at = aligned(at + length)
    }
  } catch {
    // There is none, or not a whole one: the program starts a little later.
    code.clear()
  }
  return code
}

/** Keep the code of the scripts, for the next start of the same command. */
function keep(file: string, compiled: readonly Compiled[]): void {
  try {
    const folder = dirname(file)
    const isNew = mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined
    if (isNew) removeOld(dirname(folder))
    const code = compiled.map(({ name, script }) => ({ name, data: script.createCachedData() }))
    const list = Buffer.from(JSON.stringify(code.map(({ name, data }) => [name, data.length])))
    const length = code.reduce((sum, { data }) => aligned(sum + data.length), aligned(HEADER + list.length))
    const bytes = Buffer.alloc(length + END.length)
    bytes.writeUInt32LE(bytes.length, 0)
    bytes.writeUInt32LE(list.length, 4)
    list.copy(bytes, HEADER)
    let at = aligned(HEADER + list.length)
    for (const { data } of code) {
      data.copy(bytes, at)
      at = aligned(at + data.length)
    }
    END.copy(bytes, at)
    replace(file, bytes)
  } catch {
    // A full or read-only disk: the next start takes as long as this one.
  }
}

function replace(file: string, bytes: Uint8Array): void {
  const temporary = `${file}.${pid}.tmp`
  const descriptor = openSync(temporary, 'wx', 0o600)
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
    // Otherwise the name may survive a crash of the machine, and its content not.
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(temporary, file)
}

/** Remove the code of other builds that nobody has added to for a month. */
function removeOld(parent: string): void {
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name)
    if (Date.now() - statSync(folder).mtimeMs > OLD) rmSync(folder, { recursive: true, force: true })
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
