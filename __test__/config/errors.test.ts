/** The error about an option that cannot be used: one case for each kind of thing a schema refuses. */
import { expect, test } from 'vitest'
import { OPTION_NAMES, checkOptions } from '../../src/config/options.ts'

/** The error about these options. */
function refusal(options: object): unknown {
  try {
    checkOptions({ label: 'test', options: { ...options }, folder: '/' })
    return undefined
  } catch (error) {
    return error
  }
}

const REFUSED = { name: 'LineaprintError', code: 'ERR_LINEAPRINT_CONFIGURATION', path: 'test' }

test.each([
  // Types.
  [{ experimentName: 1 }, 'experimentName', 'string', '1'],
  [{ experimentId: [] }, 'experimentId', 'string', 'an array'],
  [{ notes: null }, 'notes', 'string', 'null'],
  [{ notes: new Date(0) }, 'notes', 'string', 'an object'],
  [{ notes: Symbol('x') }, 'notes', 'string', 'Symbol(x)'],
  [{ saveToJson: 'yes' }, 'saveToJson', 'boolean', '"yes"'],
  [{ tags: { 0: 'a' } }, 'tags', 'array', 'an object'],
  [{ tags: ['a', null] }, 'tags.1', 'string', 'null'],
  [{ tags: [undefined] }, 'tags.0', 'string', 'undefined'],
  [{ git: null }, 'git', 'object', 'null'],
  [{ git: [] }, 'git', 'object', 'an array'],
  [{ git: { bundle: 1 } }, 'git.bundle', 'boolean', '1'],
  [{ environment: { timeoutMs: '1' } }, 'environment.timeoutMs', 'number', '"1"'],
  [{ environment: { timeoutMs: NaN } }, 'environment.timeoutMs', 'number', 'NaN'],
  [{ environment: { timeoutMs: 1.5 } }, 'environment.timeoutMs', 'int', '1.5'],
  // One of several.
  [{ algorithm: 'md5' }, 'algorithm', 'blake3, sha256, both', '"md5"'],
  [{ algorithm: 3 }, 'algorithm', 'blake3, sha256, both', '3'],
  // Bounds.
  [{ outputDir: '' }, 'outputDir', 'a non-empty string', '""'],
  [{ environment: { timeoutMs: 0 } }, 'environment.timeoutMs', 'at least 1', '0'],
  [{ environment: { timeoutMs: 3_600_001 } }, 'environment.timeoutMs', 'at most 3600000', '3600001'],
  [{ git: { untrackedLimit: -1 } }, 'git.untrackedLimit', 'at least 0', '-1'],
  [
    { git: { untrackedLimit: 2 ** 53 } },
    'git.untrackedLimit',
    'at most 9007199254740991',
    '9007199254740992',
  ],
  // A pattern.
  [{ environment: { variables: ['a-b'] } }, 'environment.variables.0', 'the name of a variable', '"a-b"'],
  // Own rules.
  [{ metadata: [] }, 'metadata', 'an object', 'an array'],
  [{ models: { sample: 'x' } }, 'models.sample', 'an object', '"x"'],
  [
    { systemMetrics: { intervalSeconds: 0 } },
    'systemMetrics',
    'true, false or { intervalSeconds: 0.1 to 86400 }',
    'an object',
  ],
  [{ trackers: [{}] }, 'trackers.0', 'an object with a name, capture() and compare()', 'an object'],
  [{ saveToWandb: 1 }, 'saveToWandb', 'true, false or an object', '1'],
  // Members of outputs, which are looked at apart.
  [{ saveToWandb: { project: 1 } }, 'saveToWandb.project', 'a non-empty string', 'number'],
  [{ saveToMlflow: { trackingUri: '' } }, 'saveToMlflow.trackingUri', 'a non-empty string', 'string'],
  [
    { saveToMlflow: { timeoutMs: 1.5 } },
    'saveToMlflow.timeoutMs',
    'whole milliseconds from 1 to 3600000',
    'number',
  ],
  [
    { saveToMlflow: { timeoutMs: 3_600_001 } },
    'saveToMlflow.timeoutMs',
    'whole milliseconds from 1 to 3600000',
    'number',
  ],
  [
    { saveToMlflow: { zzz: 1, yyy: 2 } },
    'saveToMlflow.zzz',
    'one of trackingUri, experiment, timeoutMs',
    '"zzz"',
  ],
] as const)('%j', (options, field, expected, received) => {
  expect(refusal(options)).toMatchObject({ ...REFUSED, field, expected, received })
})

test.each([
  [{ nots: 'x' }, 'nots', ['notes']],
  [{ zzz: 1, yyy: 2 }, 'zzz', OPTION_NAMES],
  [JSON.parse('{"__proto__":1}'), '__proto__', OPTION_NAMES],
  [{ git: { bundel: true } }, 'git.bundel', ['bundle']],
  [
    { environment: JSON.parse('{"__proto__":1}') as unknown },
    'environment.__proto__',
    ['variables', 'packages', 'timeoutMs'],
  ],
] as readonly (readonly [object, string, readonly string[]])[])(
  'of a key that nobody knows the near one or all known ones are named: %j',
  (options, field, names) => {
    const hint = expect.stringMatching(new RegExp(` ${names.join(', ')}\\??$`)) as string
    expect(refusal(options)).toMatchObject({ ...REFUSED, field, hint })
  },
)

test('of several mistakes the one at a known option is reported', () => {
  expect(refusal({ zzz: 1, notes: 3 })).toMatchObject({ ...REFUSED, field: 'notes', received: '3' })
})

test('the message contains source, option, expected and received', () => {
  expect(refusal({ notes: 3 })).toHaveProperty(
    'message',
    expect.stringMatching(/^test: the option notes .*\(expected string, received 3\)$/),
  )
})
