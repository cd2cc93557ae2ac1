import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KeyLines, LineFilter } from '../../src/secrets/lines.ts'
import { rounds } from '../support/random.ts'

const TOKEN = ['gh', 'p_', 'a1B2'.repeat(9)].join('')

/** Filters a text that arrives in these pieces. */
function filtered(text: string, cuts: readonly number[] = []): { text: string; filter: LineFilter } {
  const filter = new LineFilter()
  const bytes = Buffer.from(text)
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  let start = 0
  const pieces = ends.map((end) => {
    const piece = filter.push(bytes.subarray(start, end))
    start = end
    return piece
  })
  return { text: Buffer.concat([...pieces, filter.end()]).toString(), filter }
}

test.each([
  [`x ${TOKEN} y\n`, 'x <redacted> y\n'],
  [`password=abc def\r\n`, 'password=<redacted> def\r\n'],
  [`\u001b[31m${TOKEN}\u001b[0m`, '\u001b[31m<redacted>\u001b[0m'],
  [
    `\u001b[31mpassword\u001b[0m=\u001b[32m'a b'\u001b[0m`,
    "\u001b[31mpassword\u001b[0m=\u001b[32m'<redacted>'\u001b[0m",
  ],
  ['\u001b[1mpostgres://u:pw@h/x\n', '\u001b[1mpostgres://<redacted>@h/x\n'],
  ['10%\r20% token=abc1\r30%\n', '10%\r20% token=<redacted>\r30%\n'],
  ["{'api_key': 'a b', 'lr': 1}\n", "{'api_key': '<redacted>', 'lr': 1}\n"],
  [String.raw`{"text": "{\"password\": \"a b\"}"}`, String.raw`{"text": "{\"password\": \"<redacted>\"}"}`],
  ["Command '['t.py', '--token', 'abc']' failed\n", "Command '['t.py', '--token', '<redacted>']' failed\n"],
  ['ValueError: password=hunter2,lr=1\n', 'ValueError: password=<redacted>,lr=1\n'],
  ['run t.py --auth x1 --lr 1\n', 'run t.py --auth <redacted> --lr 1\n'],
  ['password: correct horse battery # ours\n', 'password: <redacted> # ours\n'],
  ['Cookie: a=b; c=d\n', 'Cookie: <redacted>\n'],
  ['token="abc\n', 'token="<redacted>\n'],
  ['é password=ü\n', 'é password=<redacted>\n'],
])('%j', (line, clean) => {
  expect(filtered(line).text).toBe(clean)
  expect(filtered(line).filter.redacted).toBe(1)
})

test.each([
  'step=1 loss=0.25 tokens/s=1200 eta: 00:12:01\n',
  'password = ask()\n',
  '    token = tokenizer.decode(ids)\n',
  'auth: basic, token: null, password: true\n',
  'pad_token=<pad> eos_token="</s>" max_tokens=512\n',
  'Epoch 3/10 ━━━━━ 100%|█████| 10/10\n',
  'a commit 3b20ab612e8ecbe57d1a08c642d945c774cffaf3 of git@github.com:a/b.git\n',
])('%j is left alone', (line) => {
  expect(filtered(line).text).toBe(line)
})

describe('a line that is longer than the buffer', () => {
  test.each([0, 1000, (1 << 18) - 20, 1 << 18, (1 << 18) + 5, (1 << 18) - (1 << 15) - 7, 700_000])(
    'a secret at %i is replaced',
    (at) => {
      const line = `${'ab '.repeat(Math.ceil(at / 3))} ${TOKEN} ${'cd '.repeat(150_000)}\nnext\n`
      expect(filtered(line, [7, at, at + 9, at + 25, at + 60]).text).toBe(line.replace(TOKEN, '<redacted>'))
    },
  )

  test('without a space, too', () => {
    const line = `${'ab.'.repeat(200_000)}/${TOKEN}/${'cd.'.repeat(200_000)}`
    expect(filtered(line).text).toBe(line.replace(TOKEN, '<redacted>'))
  })

  test('a value of any length is dropped', () => {
    const { text } = filtered(
      `password="${'x'.repeat(3_000_000)}" after password=${'y'.repeat(3_000_000)} end\n`,
    )
    expect(text).not.toMatch(/xx|yy/)
    expect(text.endsWith(' end\n')).toBe(true)
  })
})

test('a private key is replaced line by line, and what follows it is not', () => {
  const key = [
    '-----BEGIN RSA PRIVATE KEY-----',
    'Proc-Type: 4,ENCRYPTED',
    'MIIabc+/=',
    'xyz',
    '-----END RSA PRIVATE KEY-----',
  ]
  const hidden = `a <redacted>\n${'<redacted>\n'.repeat(4)}b\n`
  expect(filtered(`a ${key.join('\n')}\nb\n`).text).toBe(hidden)
  expect(filtered(`${key.slice(0, 3).join('\n')}\nno key, this text\nabc\n`).text).toBe(
    '<redacted>\n<redacted>\n<redacted>\nno key, this text\nabc\n',
  )
  const rank = key.map((line) => `[rank0]: ${line}\n`).join('')
  expect(filtered(`${rank}[rank0]: loss 1.5\n`).text).toBe(
    `${'[rank0]: <redacted>\n'.repeat(4)}<redacted>\n[rank0]: loss 1.5\n`,
  )
  expect(new KeyLines().filter('text')).toBeUndefined()
})

test('where the pieces are cut does not matter', () => {
  const text = `a ${TOKEN} b\r\npassword=abc\r12%\rX postgres://u:pw@h\n${'long '.repeat(90_000)}${TOKEN} end\n\n`
  const whole = filtered(text).text
  expect(whole).not.toContain(TOKEN)
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
      expect(filtered(text, cuts).text).toBe(whole)
    }),
    { numRuns: rounds(8) },
  )
})

test('bytes that are no text pass unchanged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const given = Buffer.from(bytes.map((byte) => (byte < 0x80 ? byte & 0x1f : byte)))
      const filter = new LineFilter()
      expect(Buffer.concat([filter.push(given), filter.end()])).toEqual(given)
    }),
  )
})

test.each([
  ['password='],
  ['a://b:'],
  ['token="'],
  ['token    '],
  ['--a "'],
  ['-----BEGIN PRIVATE KEY'],
  ['cookie: '],
  ['eyJ'],
  ['sk-ey.s.ghp_glpat-xoxhf_'],
  ["\\n'"],
  ['\u001b[0m'],
  ['a: #'],
  ['xoxb-1-'],
  ['pat.'],
  ['https://a.'],
  ['password=['],
  ['auth=("'],
  ['password="""'],
  ["secret='''"],
  ['<a>'],
  ["('a', '"],
  ['name: a value: '],
  ['-u a:'],
  ['password   '],
])('half a megabyte of %j takes seconds at most', { timeout: 60_000 }, (part) => {
  const start = performance.now()
  filtered(part.repeat(Math.ceil((1 << 19) / part.length)))
  // A bound that a slow machine keeps as well; expressions that backtrack take hours.
  expect(performance.now() - start).toBeLessThan(15_000)
})

const BODY = `${'QUJD'.repeat(16)}\n`
const BEGIN = '-----BEGIN RSA PRIVATE KEY-----\n'
const END = '-----END RSA PRIVATE KEY-----\n'

test.each([
  ['a key that goes on', 'x\n', `a\n${BEGIN}${BODY}`, '<redacted>\n'],
  ['a key that begins in the line before', 'x\n-----BEGIN RS', `A PRIVATE KEY-----\n${BODY}`, '<redacted>\n'],
  ['a key that began before', `${BEGIN}${BODY}`, BODY, '<redacted>\n'],
  ['a key that has ended', `${BEGIN}${BODY}`, `${BODY}${END}`, BODY],
  ['a whole key', 'x\n', `${BEGIN}${BODY}${END}b\n`, BODY],
  ['a key behind another', 'x\n', `${BEGIN}${BODY}${END}${BEGIN}`, '<redacted>\n'],
  ['a certificate behind a key', 'x\n', `${BEGIN}${END}-----BEGIN CERTIFICATE-----\n`, BODY],
  ['no key', 'x\n', 'a\n', BODY],
])('lines that are left out: %s', (_name, before, left, expected) => {
  const filter = new LineFilter()
  filter.push(Buffer.from(before))
  filter.skip(Buffer.from(left))
  expect(filter.push(Buffer.from(BODY)).toString()).toBe(expected)
})
