/**
 * Tensors in the memory of a Python program, which this process digests: the program copies them, block by block, into a
 * file that both have open, the window. So no more than the window is held twice, whatever the size of the model.
 *
 * The program sends one line of JSON, the request, and a line with the number of bytes for each block; the blocks fill the
 * slots of the window in turn. A dot answers each block once its slot can be filled again, and a line of JSON the last one.
 */
import { read } from 'node:fs'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { primary } from '../core/digest.ts'
import { TensorSequence } from '../model/tensor-sequence.ts'
import { lazily } from '../util/schema.ts'
import type { Readable } from 'node:stream'
import type { SequenceDigests, SequenceTensor } from '../model/tensor-sequence.ts'

/** Version of the messages. */
const PROTOCOL = 1

/** Most bytes of a slot; the program chooses. */
const SLOT_LIMIT = 64 << 20

/** The request of the program. */
interface WindowRequest {
  readonly protocol: number
  readonly algorithm: 'blake3' | 'sha256'
  /** The descriptor of the window, which this process has inherited. */
  readonly descriptor: number
  /** Bytes of each slot, and their number. */
  readonly slot: number
  readonly slots: number
  /** Bytes before the first tensor. */
  readonly head: number
  /** True if the digest of all bytes is wanted. */
  readonly file: boolean
  readonly tensors: readonly SequenceTensor[]
}

/** The digests in written form. */
export interface WindowAnswer {
  readonly weights: string
  /** In the order of the request. */
  readonly tensors: readonly string[]
  readonly file?: string
}

const schema = lazily((): z.ZodMiniType<WindowRequest> => {
  const count = z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER))
  const tensor = z.strictObject({ name: z.string(), dtype: z.string(), shape: z.array(count), size: count })
  return z.strictObject({
    protocol: z.literal(PROTOCOL),
    algorithm: z.enum(['blake3', 'sha256']),
    descriptor: z.int().check(z.minimum(3)),
    slot: z.int().check(z.minimum(1024), z.maximum(SLOT_LIMIT), z.multipleOf(1024)),
    slots: z.int().check(z.minimum(2), z.maximum(64)),
    head: count,
    file: z.boolean(),
    tensors: z.array(tensor),
  })
})

/**
 * Digest the tensors that a program passes.
 *
 * @param input What the program sends.
 * @param answer Called with the dot for each block.
 * @throws ERR_LINEAPRINT_ARGUMENT for a message of another form, STATE if the program ends too early.
 */
export async function digestWindow(input: Readable, answer: (text: '.') => void): Promise<WindowAnswer> {
  const lines = createInterface({ input })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const line = await lines.next()
    if (line.done !== true) return line.value
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the program ended before all tensors had come')
  }
  const { algorithm, descriptor, slot, slots, head, file, tensors } = parseRequest(await next())
  const sequence = new TensorSequence(tensors, algorithm, head, file)
  const buffer = Buffer.allocUnsafeSlow(slot)
  let remaining = tensors.reduce((total, { size }) => total + size, head)
  for (let index = 0; remaining > 0; index = (index + 1) % slots) {
    const length = Number(await next())
    if (!Number.isSafeInteger(length) || length < 1 || length > Math.min(slot, remaining))
      throw refusal('a block')
    await readWhole(descriptor, buffer.subarray(0, length), index * slot)
    answer('.')
    remaining -= length
    sequence.update(buffer.subarray(0, length))
  }
  return written(sequence.finish())
}

function parseRequest(line: string): WindowRequest {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw refusal('a request', cause)
  }
  const parsed = schema().safeParse(value)
  if (parsed.success) return parsed.data
  throw refusal('a request', parsed.error)
}

function refusal(what: string, cause?: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `the program sent something else than ${what}`, {
    hint: 'the Python package and the command must be of one version',
    ...(cause !== undefined && { cause }),
  })
}

async function readWhole(descriptor: number, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.byteLength;) {
    const { bytesRead } = await promisify(read)(
      descriptor,
      buffer,
      done,
      buffer.byteLength - done,
      position + done,
    )
    if (bytesRead === 0) throw refusal('a window of its size')
    done += bytesRead
  }
}

function written({ weights, tensors, file }: SequenceDigests): WindowAnswer {
  return {
    weights: primary(weights).toString(),
    tensors: tensors.map((digests) => primary(digests).toString()),
    ...(file && { file: primary(file).toString() }),
  }
}
