/** A worker thread that hashes without end, in a given way. */
import { parentPort, workerData } from 'node:worker_threads'
import { digestBytes } from '../../src/hash/bytes.ts'
import { hashFile, hashFiles } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'

/** The input of a worker. */
export interface WorkerPlan {
  readonly way: (typeof WAYS)[number]
  /** Path of a large file. */
  readonly file: string
  /** Path of a folder of files. */
  readonly tree: string
  /** Memory that all workers hash and write to. */
  readonly shared: SharedArrayBuffer
}

/** The kinds of work of a worker. */
export const WAYS = ['file', 'threads', 'files', 'tree', 'shared', 'leave', 'throw'] as const

const { way, file, tree, shared } = (workerData ?? {}) as WorkerPlan

// Other files import only the names.
if (workerData !== null) {
  parentPort?.postMessage('started', [])
  while (true) await hash()
}

async function hash(): Promise<unknown> {
  switch (way) {
    case 'file':
      return hashFile(file, { onProgress: () => undefined })
    case 'threads':
      return hashFile(file, { threads: 3 })
    case 'files':
      return hashFiles([file, file], { algorithm: 'both' })
    case 'tree':
      return hashTree(tree, { list: true })
    case 'shared':
      new Uint8Array(shared).fill(Math.random() * 256)
      return digestBytes(shared)
    case 'leave':
      void hashFile(file)
      setImmediate(() => process.exit(0))
      return new Promise(() => undefined)
    case 'throw':
      void hashFile(file)
      throw new Error('the worker throws, as it should')
    default:
      throw new Error(`no such way: ${String(way satisfies never)}`)
  }
}
