import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redactJson, redactMember, redactString, uniqueName } from '../../src/secrets/values.ts'
import type { JsonValue } from '../../src/core/json-value.ts'

const TOKEN = ['gh', 'p_', 'a1B2'.repeat(9)].join('')
const BY_NAME = { byName: true }

test.each<[JsonValue, JsonValue]>([
  [{ password: 'x' }, { password: '<redacted>' }],
  [{ db: { Password: 'x', port: 5432 } }, { db: { Password: '<redacted>', port: 5432 } }],
  [{ password: 12345 }, { password: '<redacted>' }],
  [{ api_keys: ['a', 'b'] }, { api_keys: ['<redacted>', '<redacted>'] }],
  [{ secrets: { a: { b: 'x', on: true } } }, { secrets: { a: { b: '<redacted>', on: true } } }],
  [
    { name: 'API_KEY', value: 'x' },
    { name: 'API_KEY', value: '<redacted>' },
  ],
  [
    { Name: 'password', Value: 'x' },
    { Name: 'password', Value: '<redacted>' },
  ],
  [
    { field: 'password', value: 'x' },
    { field: 'password', value: '<redacted>' },
  ],
  [
    {
      headers: [
        ['authorization', 'x'],
        ['host', 'h'],
      ],
    },
    {
      headers: [
        ['authorization', '<redacted>'],
        ['host', 'h'],
      ],
    },
  ],
  [
    { password2: 'x', HF_TOKEN_2: 'y' },
    { password2: '<redacted>', HF_TOKEN_2: '<redacted>' },
  ],
  [{ argv: ['--token', 'x', '--lr', '1'] }, { argv: ['--token', '<redacted>', '--lr', '1'] }],
  [{ url: 'redis://:pw@h' }, { url: 'redis://<redacted>@h' }],
  [
    { [TOKEN]: 1, [`${TOKEN}x`]: 2 },
    { '<redacted>': 1, '<redacted> 2': 2 },
  ],
  [[`a ${TOKEN}`], ['a <redacted>']],
  [{ cfg: '{"api_key": "x"}' }, { cfg: '{"api_key": "<redacted>"}' }],
])('%j', (value, clean) => {
  expect(redactJson(value, BY_NAME)).toEqual(clean)
})

test.each<[JsonValue]>([
  [{ token: 512, tokens: 3, pat: 5, max_tokens: 1 }],
  [{ token_1: 512, 'pass@1': 0.5, pass_1: 0.5, columns: ['password', 'name'] }],
  [{ password: null, auth: 'basic', secret: false, token: '' }],
  [{ pad_token: '<pad>', tokenizer: { eos_token: '</s>' } }],
  [{ digest: `dataset.v1:blake3:${'0a'.repeat(32)}`, commit: '3b20ab612e8ecbe57d1a08c642d945c774cffaf3' }],
  [{ optimizer: { lr: 0.1, betas: [0.9, 0.99] }, keys: ['a'] }],
])('%j is returned itself', (value) => {
  expect(redactJson(value, BY_NAME)).toBe(value)
})

test('without names, only texts count', () => {
  expect(redactJson({ password: 'x', text: TOKEN }, { byName: false })).toEqual({
    password: 'x',
    text: '<redacted>',
  })
  expect(redactMember('password', 'x', BY_NAME)).toBe('<redacted>')
})

test('the bytes of a text that was replaced are dropped', () => {
  expect(redactJson({ path: `${TOKEN}\\xff`, pathBytes: 'ff' }, BY_NAME)).toEqual({ path: '<redacted>\\xff' })
  expect(redactJson({ path: 'x', pathBytes: 'ff' }, BY_NAME)).toEqual({ path: 'x', pathBytes: 'ff' })
})

test('redacting twice changes nothing more', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('password', 'x', `k${TOKEN}`), (value, key) => {
      const once = redactJson({ [key]: value, text: `a ${TOKEN}` } as JsonValue, BY_NAME)
      expect(redactJson(once, BY_NAME)).toEqual(once)
    }),
  )
})

test('two names stay two', () => {
  expect(uniqueName('<redacted>', new Set())).toBe('<redacted>')
  expect(uniqueName('<redacted>', new Set(['<redacted>', '<redacted> 2']))).toBe('<redacted> 3')
})

test('a digest is no secret', () => {
  for (const text of ['ab'.repeat(32), `weights.v1:sha256:${'ab'.repeat(32)}`])
    expect(redactString(text)).toBe(text)
})
