/** Files of `torch.save`, without the paths in them. What PyTorch really writes is read in `__test__/frameworks`. */
import { expect, test } from 'vitest'
import { stableMembers } from '../../src/compare/torch-file.ts'

/** A zip as PyTorch writes it: nothing compressed, with the records of zip64. */
function zip(members: Readonly<Record<string, string | Uint8Array>>, method = 0): Uint8Array {
  const [files, directory]: [Uint8Array[], Uint8Array[]] = [[], []]
  let offset = 0
  for (const [name, text] of Object.entries(members)) {
    const content = Buffer.from(text as string)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50)
    local.writeUInt16LE(name.length, 26)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50)
    central.writeUInt16LE(method, 10)
    central.writeUInt32LE(content.length, 20)
    central.writeUInt32LE(content.length, 24)
    central.writeUInt16LE(name.length, 28)
    // The offset is in the extra field.
    central.writeUInt32LE(0xffffffff, 42)
    central.writeUInt16LE(12, 30)
    const extra = Buffer.alloc(12)
    extra.writeUInt16LE(1)
    extra.writeUInt16LE(8, 2)
    extra.writeBigUInt64LE(BigInt(offset), 4)
    files.push(local, Buffer.from(name), content)
    directory.push(central, Buffer.from(name), extra)
    offset += 30 + name.length + content.length
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0)
  const [wide, locator, end] = [Buffer.alloc(56), Buffer.alloc(20), Buffer.alloc(22)]
  wide.writeUInt32LE(0x06064b50)
  wide.writeBigUInt64LE(BigInt(Object.keys(members).length), 32)
  wide.writeBigUInt64LE(BigInt(offset), 48)
  locator.writeUInt32LE(0x07064b50)
  locator.writeBigUInt64LE(BigInt(offset + size), 8)
  end.writeUInt32LE(0x06054b50)
  return Buffer.concat([...files, ...directory, wide, locator, end])
}

/** A pickle of protocol 2 of a list of texts. */
function pickle(...texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => {
    const head = Buffer.alloc(5, 'X')
    head.writeUInt32LE(Buffer.byteLength(text), 1)
    return Buffer.concat([head, Buffer.from(text)])
  })
  return Buffer.concat([Buffer.from('\x80\x02](', 'latin1'), ...parts, Buffer.from('e.')])
}

function stable(root: string, texts: readonly string[], data: string, id: string): unknown {
  const members = { 'a/data.pkl': pickle(...texts), 'a/data/0': data, 'a/.data/serialization_id': id }
  return stableMembers(zip(members), [root])
}

test('the output folder and times in texts do not count, everything else does', () => {
  const first = stable('/x', ['/x/2026-11-29_08-15-00/last.ckpt', '/x', '/xy', 'w'], 'data', '1')
  expect(first).toMatchObject([{ name: 'a/data.pkl' }, { name: 'a/data/0' }])
  const same = stable('/other', ['/other/2026-12-01_00-00-00/last.ckpt', '/other', '/xy', 'w'], 'data', '2')
  expect(same).toEqual(first)
  for (const [texts, data] of [
    [['/x/2026-11-29_08-15-00/last.ckpt', '/x', '/xy', 'v'], 'data'],
    [['/x/2026-11-29_08-15-00/last.ckpt', '/x', '/xz', 'w'], 'data'],
    [['/x/2026-11-29_08-15-00/best.ckpt', '/x', '/xy', 'w'], 'data'],
    [['/x/2026-11-29_08-15-00/last.ckpt', '/x', '/xy', 'w'], 'date'],
  ] as const)
    expect(stable('/x', texts, data, '1')).not.toEqual(first)
})

test('without such a text the bytes count', () => {
  expect(stable('/x', ['/y/a', 'w'], 'data', '1')).toBeUndefined()
})

test('every damaged file is one whose bytes count', () => {
  const whole = zip({ 'a/data.pkl': pickle('/x/a'), 'a/data/0': 'data' })
  expect(stableMembers(whole, ['/x'])).toHaveLength(2)
  for (let length = 0; length < whole.length; length++)
    expect(stableMembers(whole.subarray(0, length), ['/x'])).toBeUndefined()
  for (let at = 0; at < whole.length; at++) {
    const damaged = Uint8Array.from(whole)
    damaged[at] = 0xff
    const members = stableMembers(damaged, ['/x'])
    expect(members === undefined || members.length <= 2).toBe(true)
  }
})

test.each([
  ['compressed', zip({ 'a/data.pkl': pickle('/x/a') }, 8)],
  ['an unknown instruction', zip({ 'a/data.pkl': Buffer.concat([Buffer.from([0xfe]), pickle('/x/a')]) })],
  ['bytes after the end', zip({ 'a/data.pkl': Buffer.concat([pickle('/x/a'), Buffer.from('!')]) })],
  ['a text with the mark', zip({ 'a/data.pkl': pickle('/x/a', 'a\0b') })],
  ['half of a character', zip({ 'a/data.pkl': Buffer.from('X\x03\0\0\0\xed\xa0\x80.', 'latin1') })],
])('%s: the bytes count', (_, bytes) => {
  expect(stableMembers(bytes, ['/x'])).toBeUndefined()
})
