/**
 * Element types of tensors, spelled as safetensors spells them (`Dtype` in version 0.8 of its reference crate). The
 * table of the addon (`dtype.rs`) and the lists of the Python side are held against this one by a test.
 */

/** One element type. */
export interface Dtype {
  /** Bits per element; below 8 the elements are packed. */
  readonly bits: number
  /** Names of the typed arrays that hold such elements; not there for a type that JavaScript has none for. */
  readonly arrays?: readonly string[]
  /** Name of the type in the head of a `.npy` file; only of types whose elements have a distance. */
  readonly numpy?: string
  /** True if the elements are floating-point numbers that are compared by their distance. */
  readonly hasDistance?: true
}

/** Every element type, by its name. */
export const DTYPES: Readonly<Record<string, Dtype>> = {
  BOOL: { bits: 8 },
  F4: { bits: 4 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  U8: { bits: 8, arrays: ['Uint8Array', 'Uint8ClampedArray'] },
  I8: { bits: 8, arrays: ['Int8Array'] },
  F8_E5M2: { bits: 8 },
  F8_E4M3: { bits: 8 },
  F8_E8M0: { bits: 8 },
  F8_E4M3FNUZ: { bits: 8 },
  F8_E5M2FNUZ: { bits: 8 },
  I16: { bits: 16, arrays: ['Int16Array'] },
  U16: { bits: 16, arrays: ['Uint16Array'] },
  F16: { bits: 16, arrays: ['Float16Array'], numpy: '<f2', hasDistance: true },
  BF16: { bits: 16, hasDistance: true },
  I32: { bits: 32, arrays: ['Int32Array'] },
  U32: { bits: 32, arrays: ['Uint32Array'] },
  F32: { bits: 32, arrays: ['Float32Array'], numpy: '<f4', hasDistance: true },
  C64: { bits: 64 },
  F64: { bits: 64, arrays: ['Float64Array'], numpy: '<f8', hasDistance: true },
  I64: { bits: 64, arrays: ['BigInt64Array'] },
  U64: { bits: 64, arrays: ['BigUint64Array'] },
}

/** Names of the types whose elements are whole bytes, in which a file of elements can be handed over. */
export const BYTE_DTYPES: readonly string[] = Object.entries(DTYPES).flatMap(([name, { bits }]) =>
  bits % 8 === 0 ? [name] : [],
)

/** Return the bytes of one element; `undefined` for a type that is not known, or whose elements are no whole bytes. */
export function elementBytes(dtype: string): number | undefined {
  return BYTE_DTYPES.includes(dtype) ? (DTYPES[dtype]?.bits ?? 0) / 8 : undefined
}

/** Return true if elements of a type are compared by their distance. */
export function hasDistance(dtype: string): boolean {
  return Object.hasOwn(DTYPES, dtype) && DTYPES[dtype]?.hasDistance === true
}

/** Names of typed arrays, each with the type of its elements. */
export const ARRAY_DTYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(DTYPES).flatMap(([name, { arrays = [] }]) => arrays.map((array) => [array, name] as const)),
)

/** Types whose elements have a distance: the name of NumPy, and the name here. */
export const NUMPY_DTYPES: ReadonlyMap<string, string> = new Map(
  Object.entries(DTYPES).flatMap(([name, { numpy }]) =>
    numpy === undefined ? [] : [[numpy, name] as const],
  ),
)
