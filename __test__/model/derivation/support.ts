/** The models of vectors/derivations, and copies of them with a fault. */
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { listModel } from '../../../src/model/read.ts'
import { folderOf } from '../../support/folder.ts'
import { ROOT } from '../../vectors/support.ts'
import type { TensorInfo } from '../../../src/model/read.ts'

const FOLDER = join(ROOT, 'vectors/derivations')

/** Return the path of a model of vectors/derivations. */
export function vector(name: string): string {
  return join(FOLDER, name)
}

/** A copy of a model whose bytes can be changed. */
export class Copy {
  readonly path: string
  readonly #folder: string
  readonly #tensors: ReadonlyMap<string, TensorInfo>

  private constructor(path: string, folder: string, tensors: ReadonlyMap<string, TensorInfo>) {
    this.path = path
    this.#folder = folder
    this.#tensors = tensors
  }

  /** Copy a file or folder of vectors/derivations. */
  static async of(name: string): Promise<Copy> {
    const folder = folderOf()
    const path = join(folder, basename(name))
    cpSync(vector(name), path, { recursive: true })
    const { tensors } = await listModel(path)
    const inside = statSync(path).isDirectory() ? path : folder
    return new Copy(path, inside, new Map(tensors.map((tensor) => [tensor.name, tensor])))
  }

  tensor(name: string): TensorInfo {
    const tensor = this.#tensors.get(name)
    if (tensor === undefined) throw new Error(`no tensor ${name}`)
    return tensor
  }

  /** Return the bytes of the elements of a tensor. */
  read(name: string): Buffer {
    const { file, start, end } = this.tensor(name)
    return readFileSync(join(this.#folder, file)).subarray(start, end)
  }

  /** Replace the bytes of the elements of a tensor. */
  write(name: string, bytes: Uint8Array): void {
    const { file, start = 0, end } = this.tensor(name)
    if (end !== start + bytes.length) throw new Error(`${bytes.length} bytes for ${name}`)
    const path = join(this.#folder, file)
    const content = readFileSync(path)
    content.set(bytes, start)
    writeFileSync(path, content)
  }

  /** Change the bytes of a tensor in place. */
  edit(name: string, change: (bytes: Buffer) => void): void {
    const bytes = Buffer.from(this.read(name))
    change(bytes)
    this.write(name, bytes)
  }
}

/** Return the rows of a matrix in another order. */
export function rowsInOrder(bytes: Uint8Array, rows: number, order: (row: number) => number): Uint8Array {
  const width = bytes.length / rows
  const moved = new Uint8Array(bytes.length)
  for (let row = 0; row < rows; row++) {
    const from = order(row) * width
    moved.set(bytes.subarray(from, from + width), row * width)
  }
  return moved
}
