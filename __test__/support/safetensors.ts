/** Writes safetensors files by hand, also ones that no honest writer would make. */

/** One tensor to write. */
export interface TensorToWrite {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** A file with these tensors in the order given. */
export function safetensors(
  tensors: Readonly<Record<string, TensorToWrite>>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata }
  let offset = 0
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] }
    offset += data.byteLength
  }
  return fromHeader(JSON.stringify(header), ...Object.values(tensors).map(({ data }) => data))
}

/** A file with this text as its header. */
export function fromHeader(header: string, ...data: readonly Uint8Array[]): Uint8Array {
  const text = Buffer.from(header)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.byteLength))
  return Buffer.concat([length, text, ...data])
}

/** A tensor of 32-bit floats. */
export function floats(values: readonly number[], shape: readonly number[] = [values.length]): TensorToWrite {
  return { dtype: 'F32', shape, data: new Uint8Array(Float32Array.from(values).buffer) }
}
