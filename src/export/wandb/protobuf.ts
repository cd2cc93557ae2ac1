/**
 * The parts of the protobuf wire format that a run file of W&B needs: integers, strings and messages.
 *
 * The rules are those of https://protobuf.dev/programming-guides/encoding/; the numbers of the fields stand in
 * `proto.ts`.
 */

/** A field of a message, encoded. */
export type Field = Buffer

/** Several fields after each other: a message. */
export function message(...fields: readonly Field[]): Buffer {
  return Buffer.concat(fields)
}

/**
 * A whole number of up to 64 bits; negative ones in two's complement, as `int32` and `int64` have them. 0 is what a
 * reader takes for a number that is not there, and is left out.
 */
export function integer(field: number, value: number | bigint): Field {
  return Number(value) === 0 ? Buffer.alloc(0) : Buffer.concat([tag(field, VARINT), variableLength(value)])
}

/** A text in UTF-8. */
export function text(field: number, value: string): Field {
  return bytes(field, Buffer.from(value))
}

/** A message inside a message. */
export function nested(field: number, ...fields: readonly Field[]): Field {
  return bytes(field, message(...fields))
}

/** Fields of `google.protobuf.Timestamp`, from `google/protobuf/timestamp.proto`. */
export const TIMESTAMP = { seconds: 1, nanos: 2 } as const

/** Wire types. */
const VARINT = 0
const LENGTH_DELIMITED = 2

/** A `google.protobuf.Timestamp`. */
export function timestamp(field: number, milliseconds: number): Field {
  const seconds = Math.floor(milliseconds / 1000)
  const nanoseconds = Math.round((milliseconds - seconds * 1000) * 1e6)
  return nested(field, integer(TIMESTAMP.seconds, seconds), integer(TIMESTAMP.nanos, nanoseconds))
}

function bytes(field: number, value: Buffer): Field {
  return Buffer.concat([tag(field, LENGTH_DELIMITED), variableLength(value.length), value])
}

function tag(field: number, wireType: typeof VARINT | typeof LENGTH_DELIMITED): Buffer {
  return variableLength((field << 3) | wireType)
}

/** Seven bits a byte, the lowest first. */
function variableLength(value: number | bigint): Buffer {
  // Nearly all are small, and large numbers are slow.
  if (value >= 0 && value < 0x80) return Buffer.of(Number(value))
  const result: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  while (rest > 0x7fn) {
    result.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  result.push(Number(rest))
  return Buffer.from(result)
}
