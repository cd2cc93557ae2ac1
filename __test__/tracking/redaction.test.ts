import { expect, test } from 'vitest'
import { newRunId } from '../../src/core/run-id.ts'
import { Redaction } from '../../src/tracking/redaction.ts'
import type { EventBody } from '../../src/record/events.ts'

const TOKEN = ['gh', 'p_', 'a1B2'.repeat(9)].join('')
const DIGEST = `file:blake3:${'0a'.repeat(32)}`

/** Events of every type with a secret in each text that a program or a person gives. */
const EVENTS: readonly EventBody[] = [
  { type: 'started', id: newRunId(), name: `n ${TOKEN}` },
  {
    type: 'capture',
    component: 'git',
    result: { status: 'captured', digest: DIGEST, value: { branch: TOKEN }, warnings: [TOKEN] },
  },
  {
    type: 'capture',
    component: 'mine',
    result: { status: 'captured', digest: DIGEST, value: { [TOKEN]: { password: 'hunter2' } }, warnings: [] },
  },
  { type: 'capture', component: 'mine', result: { status: 'failed', reason: `password=hunter2 ${TOKEN}` } },
  {
    type: 'tracked',
    section: 'datasets',
    name: TOKEN,
    entry: { status: 'tracked', digest: DIGEST, path: `/d/${TOKEN}` },
  },
  { type: 'tracked', section: 'models', name: 'm', entry: { status: 'failed', reason: TOKEN, path: TOKEN } },
  { type: 'metric', name: `m/${TOKEN}`, value: 1 },
  { type: 'digest', name: TOKEN, digest: DIGEST },
  { type: 'metadata', values: { [TOKEN]: 1, api_key: 'hunter2', deep: [{ url: 'redis://:hunter2@h' }] } },
  { type: 'tags', tags: [TOKEN, 'password=hunter2'] },
  { type: 'notes', notes: `--auth hunter2 ${TOKEN}` },
  { type: 'warning', message: `x "${TOKEN}"` },
  { type: 'flag', flag: { kind: 'undeclared', name: TOKEN, path: TOKEN, paths: [TOKEN], message: TOKEN } },
  { type: 'failure', failure: { message: `password=hunter2 of ${TOKEN}` } },
  {
    type: 'command',
    exitCode: 0,
    signal: null,
    stdout: { status: 'not-captured', reason: TOKEN },
    stderr: { status: 'captured', file: 'stderr.log', bytes: 1, keptBytes: 1 },
  },
  { type: 'ended', status: 'finished' },
]

test.each(EVENTS.map((event) => [event.type, event] as const))(
  '%s: no secret is left, and no digest is changed',
  (_, event) => {
    const text = JSON.stringify(new Redaction({ redact: true }).event(event))
    expect(text).not.toMatch(new RegExp(`${TOKEN}|hunter2`))
    expect(text.includes(DIGEST)).toBe(JSON.stringify(event).includes(DIGEST))
    // With --no-redact, and without a secret, an event is itself.
    expect(new Redaction({ redact: false }).event(event)).toBe(event)
    const plain = JSON.parse(
      JSON.stringify(event)
        .replaceAll(TOKEN, 'plain')
        .replaceAll(/hunter2/g, 'true'),
    ) as EventBody
    expect(
      JSON.stringify(new Redaction({ redact: true }).event(plain)).match(/<redacted>/g) ?? [],
    ).toHaveLength(
      // An address has a password whatever it is, and so has an empty user name.
      JSON.stringify(event).includes('redis:') ? 1 : 0,
    )
  },
)

test('a name is the same in every event, and two names are two', () => {
  const redaction = new Redaction({ redact: true })
  const other = TOKEN.replace('a1', 'b2')
  const names = [TOKEN, other, 'loss', TOKEN, other].map((name) => redaction.name(name))
  expect(names).toEqual(['<redacted>', '<redacted> 2', 'loss', '<redacted>', '<redacted> 2'])
  expect(redaction.metadata({ [TOKEN]: 1 })).toEqual({ '<redacted>': 1 })
})

test('other tools get names without secrets, and addresses as they are', () => {
  const options = {
    saveToWandb: { project: TOKEN, entity: 'e', directory: undefined },
    saveToMlflow: { trackingUri: 'http://u:pw@h', experiment: TOKEN, timeoutMs: undefined },
  }
  expect(new Redaction({ redact: true }).outputs(options)).toEqual({
    saveToWandb: { project: '<redacted>', entity: 'e' },
    saveToMlflow: { trackingUri: 'http://u:pw@h', experiment: '<redacted>' },
  })
  expect(() => new Redaction({ redact: true }).checkId(TOKEN)).toThrow(/may contain a secret/)
  expect(() => new Redaction({ redact: false }).checkId(TOKEN)).not.toThrow()
})
