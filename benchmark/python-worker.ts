/** Python programs that stay, so that neither their start nor their imports are measured. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import type { Interface } from 'node:readline'

const SCRIPT = fileURLToPath(new URL('hash-tensors.py', import.meta.url))

/** A library that loads models. */
export type Library = 'safetensors' | 'torch' | 'gguf' | 'numpy' | 'h5py' | 'ztensor'

/** `benchmark/hash-tensors.py`, started when it is needed for the first time and ended with {@link stop}. */
export class PythonWorker {
  readonly #args: readonly string[]
  readonly #python: string
  #open:
    | { readonly child: ChildProcess; readonly lines: AsyncIterator<string>; readonly reader: Interface }
    | undefined
  #cpuSeconds = 0
  /** The most memory of the program so far, in MiB. */
  peakMiB = 0

  constructor(python: string, library: Library, what: 'hash' | 'load' | 'list', path: string) {
    this.#python = python
    this.#args = [SCRIPT, library, what, path]
  }

  /** Processor time of all answers so far, in milliseconds. */
  get cpuMs(): number {
    return this.#cpuSeconds * 1000
  }

  /** Start the program, if it does not run. */
  async start(): Promise<void> {
    if (this.#open) return
    const child = spawn(this.#python, this.#args, { stdio: ['pipe', 'pipe', 'inherit'] })
    const reader = createInterface({ input: child.stdout })
    this.#open = { child, reader, lines: reader[Symbol.asyncIterator]() }
    await this.#line()
  }

  /** Load the model, and hash it or list it where that was asked. */
  async ask(): Promise<string> {
    await this.start()
    this.#open?.child.stdin?.write('\n')
    const [answer = '', seconds, peak] = (await this.#line()).split(' ')
    this.#cpuSeconds += Number(seconds)
    this.peakMiB = Number(peak)
    return answer
  }

  /** End the program. */
  stop(): void {
    this.#open?.child.stdin?.end()
    this.#open?.reader.close()
    this.#open = undefined
  }

  async #line(): Promise<string> {
    const next = await this.#open?.lines.next()
    if (next === undefined || next.done === true)
      throw new Error(`${this.#args.join(' ')} ended without an answer`)
    return next.value
  }
}
