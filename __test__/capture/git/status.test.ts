import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStatus, splitNul } from '../../../src/capture/git/status.ts'

const OID = 'a'.repeat(40)
const OTHER = 'b'.repeat(40)

function byBytes(a: Buffer, b: Buffer): number {
  return Buffer.compare(a, b)
}

function status(...records: readonly string[]): ReturnType<typeof parseStatus> {
  return parseStatus(Buffer.from(records.map((record) => `${record}\0`).join('')))
}

describe('spaces at the start of the first record', () => {
  test('an unstaged change in the first record is unstaged', () => {
    const { changed } = status(`1 .M N... 100644 100644 100644 ${OID} ${OID} a.py`)
    expect(changed).toMatchObject([{ staged: null, unstaged: 'M', path: { text: 'a.py' } }])
  })

  test('spaces around a name belong to it', () => {
    const { changed, untracked } = status(`1 M. N... 100644 100644 100644 ${OID} ${OTHER}  a b `, '?  c ')
    expect(changed[0]?.path.text).toBe(' a b ')
    expect(untracked[0]?.text).toBe(' c ')
  })
})

test('headers', () => {
  expect(
    status(
      `# branch.oid ${OID}`,
      '# branch.head main',
      '# branch.upstream o/m',
      '# branch.ab +2 -3',
      '# stash 4',
    ),
  ).toMatchObject({ commit: OID, branch: 'main', upstream: { name: 'o/m', ahead: 2, behind: 3 }, stashes: 4 })
  expect(status('# branch.oid (initial)', '# branch.head main')).toMatchObject({
    commit: null,
    branch: 'main',
  })
  expect(status(`# branch.oid ${OID}`, '# branch.head (detached)')).toMatchObject({
    branch: null,
    upstream: null,
  })
  expect(status('# branch.upstream o/gone')).toMatchObject({ upstream: { ahead: null, behind: null } })
})

test('submodules, conflicts and renames', () => {
  const zero = '0'.repeat(40)
  const { changed } = status(
    `u UD N... 100644 100644 000000 100644 ${OID} ${OTHER} ${zero} both`,
    `1 .M SCMU 160000 160000 160000 ${OID} ${OID} lib`,
    `2 R. N... 100644 100644 100644 ${OID} ${OID} R100 to name`,
    'from name',
    '? last',
  )
  expect(changed).toMatchObject([
    { conflict: 'UD', stages: [{ blob: OID }, { blob: OTHER }, null], workTreeMode: '100644' },
    { submodule: { commit: true, modified: true, untracked: true } },
    { staged: 'R', path: { text: 'to name' } },
  ])
})

test.each([
  ['a record that is cut off', '1 .M N... 100644\0', 'too few fields'],
  ['a record of an unknown kind', 'z what\0', 'unexpected line'],
  ['an output that does not end', '? a', 'incomplete'],
])('%s is refused', (_, text, message) => {
  expect(() => parseStatus(Buffer.from(text))).toThrow(message)
})

test('any name comes through, byte for byte, in the order of the bytes', () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 12 })
    .filter((bytes) => !bytes.includes(0))
    .map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.uniqueArray(name, { selector: (bytes) => bytes.toString('hex') }), (names) => {
      const output = Buffer.concat(
        names.flatMap((bytes, index) => [
          Buffer.from(index % 2 === 0 ? '? ' : `1 .M N... 100644 100644 100644 ${OID} ${OID} `),
          bytes,
          Buffer.from([0]),
        ]),
      )
      const parsed = parseStatus(output)
      const found = [...parsed.untracked, ...parsed.changed.map(({ path }) => path)].map(({ bytes }) => bytes)
      expect(found.toSorted(byBytes)).toEqual(names.toSorted(byBytes))
      expect(parsed.untracked.map(({ bytes }) => bytes).toSorted(byBytes)).toEqual(
        parsed.untracked.map(({ bytes }) => bytes),
      )
    }),
  )
})

test('pieces between NULs', () => {
  expect(splitNul(Buffer.from('a\0\0b\0')).map(String)).toEqual(['a', '', 'b'])
  expect(splitNul(Buffer.alloc(0))).toEqual([])
})
