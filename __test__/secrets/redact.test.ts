import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  REDACTED,
  redactArguments,
  redactText,
  redactTokens,
  redactUrl,
  redactValue,
} from '../../src/secrets/redact.ts'
import { judgeName } from '../../src/secrets/names.ts'
import { findSecret } from '../../src/secrets/shapes.ts'

const LETTERS = 'aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6kL9nP2rS5uV8xY1zA4cD7fG0iM3oR6tU9wX2'
const HEX = '0123456789abcdef'.repeat(4)

/** One made-up secret of each shape. */
const SECRETS: readonly (readonly [string, string])[] = [
  ['GitHub token', `ghp_${LETTERS.slice(0, 36)}`],
  ['GitHub token', `gho_${LETTERS.slice(0, 36)}`],
  ['GitHub token', `ghs_${LETTERS.slice(0, 36)}`],
  ['GitHub token', `github_pat_${LETTERS.slice(0, 22)}_${LETTERS.slice(0, 59)}`],
  ['GitLab token', `glpat-${LETTERS.slice(0, 20)}`],
  ['Hugging Face token', `hf_${LETTERS.slice(0, 34)}`],
  ['sk- key', `sk-${LETTERS.slice(0, 48)}`],
  ['sk- key', `sk-proj-${LETTERS.slice(0, 40)}_x-${LETTERS.slice(0, 40)}`],
  ['sk- key', `sk-ant-api03-${LETTERS.slice(0, 70)}-AA`],
  ['lineaprint token', `lp_${LETTERS.slice(0, 43)}`],
  ['Groq key', `gsk_${LETTERS.slice(0, 52)}`],
  ['Replicate token', `r8_${LETTERS.slice(0, 37)}`],
  ['Weights & Biases key', `wandb_v1_${LETTERS.slice(0, 60)}`],
  ['AWS access key', 'AKIAQWERTYUIOP234567'],
  ['AWS access key', 'ASIAQWERTYUIOP234567'],
  ['Slack token', `xoxb-123456789012-123456789012-${LETTERS.slice(0, 24)}`],
  ['Slack token', `xoxe.xoxp-1-${LETTERS.slice(0, 40)}`],
  ['Slack webhook', `hooks.slack.com/services/T00000000/B00000000/${LETTERS.slice(0, 24)}`],
  ['JSON web token', `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${LETTERS.slice(0, 43)}`],
  ['JSON web token', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.'],
  ['Google API key', `AIza${LETTERS.slice(0, 35)}`],
  ['Google token', `ya29.${LETTERS.slice(0, 60)}`],
  ['npm token', `npm_${LETTERS.slice(0, 36)}`],
  ['PyPI token', `pypi-${LETTERS}${LETTERS}`],
  ['Stripe key', `sk_live_${LETTERS.slice(0, 24)}`],
  ['Databricks token', `dapi${HEX.slice(0, 32)}`],
  ['DigitalOcean token', `dop_v1_${HEX}`],
  ['SendGrid key', `SG.${LETTERS.slice(0, 22)}.${LETTERS.slice(0, 43)}`],
  ['Vault token', `hvs.${LETTERS.slice(0, 24)}`],
]

describe('secrets known by their shape', () => {
  test.each(SECRETS)('%s %s', (name, secret) => {
    for (const text of [
      secret,
      `before ${secret} after`,
      `"${secret}"`,
      `(${secret})`,
      `x=${secret}\n`,
      `/${secret}/`,
    ]) {
      expect(findSecret(text)).toBe(name)
      expect(redactTokens(text)).not.toContain(secret)
      expect(redactText(text)).not.toContain(secret.slice(4))
    }
    expect(redactTokens(`before ${secret} after`)).toBe(`before ${REDACTED} after`)
  })

  test.each([
    'scikit-learn sk-learn-contrib-lightning-estimators',
    'a commit 3b20ab612e8ecbe57d1a08c642d945c774cffaf3',
    'hf_transfer hf_hub_download ghp_ npm_config_cache',
    'eyJ is how base64 of JSON starts',
    'task-sk-1 disk-0123456789012345678901',
    'the tokens of a sentence, max_tokens=512',
  ])('%s is left alone', (text) => {
    expect(redactTokens(text)).toBe(text)
    expect(findSecret(text)).toBeUndefined()
  })

  test('a private key goes with all its lines, the encrypted form too', () => {
    const key = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,AB\n\n${LETTERS}\n-----END RSA PRIVATE KEY-----`
    expect(redactText(`a\n${key}\nb`)).toBe(`a\n${REDACTED}\nb`)
    expect(redactText(`-----BEGIN OPENSSH PRIVATE KEY-----\n${LETTERS}`)).toBe(REDACTED)
    expect(findSecret(key)).toBe('private key')
  })
})

describe('addresses', () => {
  test.each([
    ['https://user:TOKEN@example.org/a/b.git', 'https://example.org/a/b.git'],
    ['https://TOKEN@example.org/a', 'https://example.org/a'],
    ['https://TOKEN:x-oauth-basic@example.org/a', 'https://example.org/a'],
    ['https://user:p@ss@example.org/a', 'https://example.org/a'],
    ['https://user:pa/ss@example.org/a', 'https://example.org/a'],
    ['https://user:pa?ss@example.org/a', 'https://example.org/a'],
    ['https://user:pa#ss@example.org/a', 'https://example.org/a'],
    ['https://user:pass%40example.org/a', 'https://<redacted>/a'],
    ['https://example.org:8443/a?token=secret&x=1#frag', 'https://example.org:8443/a'],
    ['https://[::1]:8080/a', 'https://[::1]:8080/a'],
    ['https://example.org/npm/@scope/name', 'https://example.org/npm/@scope/name'],
    ['http://localhost:4873/@scope/name', 'http://localhost:4873/@scope/name'],
    ['ssh://git@example.org:22/a.git', 'ssh://example.org:22/a.git'],
    ['git@example.org:a/b.git', 'example.org:a/b.git'],
    ['user:TOKEN@example.org:a/b.git', 'example.org:a/b.git'],
    ['git+https://TOKEN@example.org/a', 'git+https://example.org/a'],
    ['codecommit::us-east-1://profile@name', 'codecommit::us-east-1://name'],
    [
      'https://conda.example.org/t/xy-12345678-abcd/channel',
      'https://conda.example.org/t/<redacted>/channel',
    ],
    [`https://example.org/hf_${LETTERS.slice(0, 34)}/x`, 'https://example.org/<redacted>/x'],
    ['/srv/git/a b.git', '/srv/git/a b.git'],
    ['../other.git', '../other.git'],
    ['C:\\git\\a.git', 'C:\\git\\a.git'],
    ['file:///srv/a.git', 'file:///srv/a.git'],
    ['', ''],
  ])('%s', (address, clean) => {
    expect(redactUrl(address)).toBe(clean)
    expect(redactUrl(clean)).toBe(clean)
  })

  test('no user name or password of any address survives', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9:@._~!$&'()*+,;=%-]{1,20}$/)
    fc.assert(
      fc.property(part, fc.constantFrom('https', 'ssh', 'git+http', 'ftp'), (user, scheme) => {
        expect(redactUrl(`${scheme}://${user}@host.example/p`)).toBe(`${scheme}://host.example/p`)
        expect(redactText(`clone ${scheme}://${user}@host.example/p now`)).not.toContain(`${user}@host`)
      }),
    )
  })
})

describe('arguments', () => {
  test.each<[string[], string[]]>([
    [
      ['--token', 'abc'],
      ['--token', REDACTED],
    ],
    [['--token=abc'], [`--token=${REDACTED}`]],
    [
      ['--hf_token', 'abc', '--x'],
      ['--hf_token', REDACTED, '--x'],
    ],
    [
      ['-token', 'abc'],
      ['-token', REDACTED],
    ],
    [
      ['--api-key', 'abc'],
      ['--api-key', REDACTED],
    ],
    [['--apiKey=abc'], [`--apiKey=${REDACTED}`]],
    [
      ['--password', '-Xy12345678901234567890'],
      ['--password', REDACTED],
    ],
    [
      ['--token', '--verbose'],
      ['--token', '--verbose'],
    ],
    [
      ['WANDB_API_KEY=abc', 'python'],
      [`WANDB_API_KEY=${REDACTED}`, 'python'],
    ],
    [['+logger.api_key=abc'], [`+logger.api_key=${REDACTED}`]],
    [
      ['-H', 'Authorization: Bearer abc.def'],
      ['-H', `Authorization: Bearer ${REDACTED}`],
    ],
    [['--header=X-Api-Key: abc'], [`--header=X-Api-Key: ${REDACTED}`]],
    [
      ['-u', 'ada:secret'],
      ['-u', `ada:${REDACTED}`],
    ],
    [
      ['--config', '{"api_key": "abc", "lr": 1}'],
      ['--config', `{"api_key": "${REDACTED}", "lr": 1}`],
    ],
    [['postgres://u:p@host/db'], [`postgres://${REDACTED}@host/db`]],
    [
      ['https://s3/x?X-Amz-Signature=00ff00ff00ff00ff00ff00ff&y=1'],
      [`https://s3/x?X-Amz-Signature=${REDACTED}&y=1`],
    ],
    [
      ['--secret-key=', '--password=true'],
      ['--secret-key=', '--password=true'],
    ],
  ])('%j', (argv, clean) => {
    expect(redactArguments(argv)).toEqual(clean)
  })

  test.each([
    ['python', '-u', 'train.py', '--lr=0.1'],
    ['--max-tokens', '512', '--max_new_tokens=20', '--num-tokens', '7'],
    ['--eos-token', '</s>', '--pad_token_id', '0', '--mask-token=[MASK]', '--special-tokens', 'a'],
    ['--tokenizer', 'gpt2', '--token-file', '/x/y', '--api-key-env', 'NAME', '--password-file=/run/x'],
    [
      '--sort-key',
      'name',
      '--key',
      'value',
      '--passes',
      '3',
      '--multi-pass',
      'yes',
      '--use_auth_token',
      'True',
    ],
    ['docker', 'run', '-u', '1000:1000', '--user', '0:0'],
    ['-c', 'token = read(); print(token)'],
    ['PWD=/home/ada', 'data/t/2024-files/part', '--monkey', 'banana-0123456789'],
    ['--token=$HF_TOKEN', 'git@github.com:a/b'],
  ])('%j is left alone', (...argv) => {
    expect(redactArguments(argv)).toEqual(argv)
  })

  test('one argument stays one argument, and a second pass changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (argv) => {
        const once = redactArguments(argv)
        expect(once).toHaveLength(argv.length)
        expect(redactArguments(once)).toEqual(once)
      }),
    )
  })

  test.each(SECRETS)('%s is found in any argument', (_, secret) => {
    const argv = [
      secret,
      `--x=${secret}`,
      '--x',
      secret,
      `A=${secret}`,
      `https://h/${secret}`,
      `{"a":"${secret}"}`,
    ]
    expect(redactArguments(argv).join('\n')).not.toContain(secret)
  })
})

test('variables are judged by their name and by their look', () => {
  expect(redactValue('OPENAI_API_KEY', 'abc')).toBe(REDACTED)
  expect(redactValue('DB_PASS', 'abc')).toBe(REDACTED)
  expect(redactValue('OMP_NUM_THREADS', '4')).toBe('4')
  expect(redactValue('NODE_OPTIONS', '--import=./x.js --token=abc')).toBe(
    `--import=./x.js --token=${REDACTED}`,
  )
  expect(judgeName('AWS_SECRET_ACCESS_KEY')).toBe('secret')
  expect(judgeName('azure.storage.accountKey')).toBe('secret')
  expect(judgeName('EMBEDDING_DIM')).toBe('none')
})

test('no text makes it slow', () => {
  const started = performance.now()
  for (const piece of [
    'a',
    '@',
    ':',
    '=',
    'a://',
    'a://b:c/',
    'a:',
    'eyJ',
    'sk-',
    '-',
    '"',
    ';a=',
    'x@',
    '-----BEGIN PRIVATE KEY-----',
  ]) {
    redactText(piece.repeat(20_000))
    redactUrl(`https://${piece.repeat(20_000)}`)
  }
  expect(performance.now() - started).toBeLessThan(30_000)
})

describe('a telling name and its value in output', () => {
  const SECRET = ['a7Xk', '29QmLz81', 'TrPw0'].join('')

  test.each([
    `password=u'${SECRET}'`,
    `headers: {b'x-api-key': b'${SECRET}', 'Host': 'h'}`,
    `password='''${SECRET}'''`,
    `secret = """${SECRET}"""`,
    `{"password": ["${SECRET}", "b"], "lr": 0.1}`,
    `{"secret": {"a": {"value": "${SECRET}"}}, "lr": 0.1}`,
    `{'auth': ('user', '${SECRET}'), 'lr': 0.1}`,
    `{'auth': ("it's", '${SECRET}'), 'lr': 0.1}`,
    `password            : ${SECRET}`,
    `password =          ${SECRET}`,
    `--token       ${SECRET}`,
    `<config><password>${SECRET}</password></config>`,
    `<db:password kind="x">${SECRET}</db:password>`,
    `+ curl -u user:${SECRET} https://h`,
    `['curl', '--user', 'user:${SECRET}', 'https://h']`,
    `curl --proxy-user=user:${SECRET} https://h`,
    `[(b'authorization', b'${SECRET}'), (b'host', b'h')]`,
    `[["x-api-token", "${SECRET}"], ["host", "h"]]`,
    `[["host", "h"],["x-api-token", "${SECRET}"]]`,
    `{"name": "API_KEY", "value": "${SECRET}"}`,
    `{\\"key\\": \\"password\\", \\"value\\": \\"${SECRET}\\"}`,
    `name=password value=${SECRET}`,
    `Authorization: Token token="${SECRET}"`,
    `q=1%26password%3D${SECRET}`,
    `password2=${SECRET}`,
    `HF_TOKEN_2=${SECRET}`,
    `OPENAI_API_KEY_3: ${SECRET}`,
  ])('%s', (text) => {
    const clean = redactText(text)
    expect(clean).not.toContain(SECRET)
    expect(clean).toContain(REDACTED)
    expect(redactText(clean)).toBe(clean)
  })

  test.each([
    'name: loss, value: 0.5',
    '{"key": "lr", "value": "0.1"}',
    '<b>bold</b> <loss>0.25</loss>',
    '[("loss", "0.5"), ("user", "me")]',
    '["password", "username"]',
    'docker run -u 1000:1000 --user 0:0 -u http://h/x',
    '{"eos_token": {"content": "</s>"}, "special_tokens": ["<a>", "<b>"]}',
    'pass_1=0.5 pass@10: 0.75 tokens_2 = 3',
    'token_ids = [1, 2, 3]',
    'sort_key: ["name", "size"]',
  ])('%s is left alone', (text) => {
    expect(redactText(text)).toBe(text)
  })
})

test('a shape is found behind every escape of a string', () => {
  const token = ['h', 'f_', LETTERS.slice(0, 34)].join('')
  for (const escape of [
    '\\n',
    '\\x00',
    '\\xff',
    '\\u00e9',
    '\\U0001f600',
    '\\033[0m',
    '\\0',
    '\\e[1m',
    '%20',
  ])
    expect(redactTokens(`b"a${escape}${token}"`), escape).not.toContain(token)
  expect(redactTokens(`x${token}`)).toBe(`x${token}`)
})
