/** Archives for tests, written byte by byte so that they can lie. */
import { crc32, deflateRawSync } from 'node:zlib'

/** A member of a tar. */
export interface TarMember {
  readonly name: string | Uint8Array
  readonly data?: string | Uint8Array
  /** The type flag. @default '0' */
  readonly type?: string
  /** The target of a link. */
  readonly link?: string
  /** The size that the header states. @default that of the data */
  readonly size?: number
  /** The magic. @default that of ustar */
  readonly magic?: string
}

/** Return a tar with these members and the zeros at its end. */
export function tarOf(...members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map((member) => tarMember(member)), Buffer.alloc(1024)])
}

/** Return the header and the data of one member. */
export function tarMember({
  name,
  data = '',
  type = '0',
  link = '',
  size,
  magic = 'ustar\x0000',
}: TarMember): Buffer {
  const content = Buffer.from(data as Uint8Array)
  const header = Buffer.alloc(512)
  Buffer.from(name as Uint8Array).copy(header, 0)
  header.write(`${(size ?? content.length).toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.fill(' ', 148, 156)
  header.write(type, 156, 'latin1')
  header.write(link, 157, 'latin1')
  header.write(magic, 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)])
}

/** Return a header of extended attributes. */
export function paxHeader(values: Readonly<Record<string, string>>, type = 'x'): TarMember {
  const lines = Object.entries(values).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`)
    let length = rest + 1
    while (rest + String(length).length > length) length++
    return `${length} ${key}=${value}\n`
  })
  return { name: 'pax', type, data: lines.join('') }
}

/** A member of a zip. */
export interface ZipMember {
  readonly name: string
  readonly data?: string | Uint8Array
  /** True if the data is compressed. @default false */
  readonly deflated?: boolean
  /** The name in the local header. @default the same */
  readonly localName?: string
  /** The CRC-32 in both headers. @default that of the data */
  readonly crc?: number
  /** The length that both headers state. @default that of the data */
  readonly length?: number
  /** The mode of Unix in the directory. @default none */
  readonly mode?: number
  /** The flags in both headers. @default those of a name in UTF-8 */
  readonly flags?: number
}

/** Return a zip with these members. `at` moves the local header that the directory states of the last one. */
export function zipOf(members: readonly ZipMember[], { at = 0 }: { readonly at?: number } = {}): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let position = 0
  for (const [index, member] of members.entries()) {
    const { name, data = '', deflated = false, mode } = member
    const { localName = name, flags = 0x800 } = member
    const content = Buffer.from(data as Uint8Array)
    const { crc = crc32(content), length = content.length } = member
    const stored = deflated ? deflateRawSync(content) : content
    const sizes = Buffer.alloc(12)
    sizes.writeUInt32LE(crc, 0)
    sizes.writeUInt32LE(stored.length, 4)
    sizes.writeUInt32LE(length, 8)
    const head = numbers([20, flags, deflated ? 8 : 0, 0, 0])
    const local = Buffer.from(localName)
    const before = Buffer.concat([Buffer.from('PK\x03\x04'), head, sizes, numbers([local.length, 0]), local])
    const own = Buffer.from(name)
    const entry = Buffer.alloc(46)
    entry.write('PK\x01\x02', 0, 'latin1')
    entry.writeUInt16LE(mode === undefined ? 20 : 0x31e, 4)
    head.copy(entry, 6)
    sizes.copy(entry, 16)
    entry.writeUInt16LE(own.length, 28)
    entry.writeUInt32LE(mode === undefined ? 0 : mode * 0x10000, 38)
    entry.writeUInt32LE(position + (index === members.length - 1 ? at : 0), 42)
    parts.push(before, stored)
    directory.push(entry, own)
    position += before.length + stored.length
  }
  const list = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(list.length, 12)
  end.writeUInt32LE(position, 16)
  return Buffer.concat([...parts, list, end])
}

function numbers(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) buffer.writeUInt16LE(value, index * 2)
  return buffer
}
