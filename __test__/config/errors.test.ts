/** What is said of an option that cannot be used, word for word: one case for each kind of thing a schema refuses. */
import { expect, test } from 'vitest'
import { OPTION_NAMES, checkOptions } from '../../src/config/options.ts'

function said(options: object): string {
  try {
    checkOptions({ label: 'test', options: { ...options }, folder: '/' })
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  }
}

test.each([
  // Types.
  [{ experimentName: 1 }, 'experimentName', 'expected string, received 1'],
  [{ experimentId: [] }, 'experimentId', 'expected string, received an array'],
  [{ notes: null }, 'notes', 'expected string, received null'],
  [{ notes: new Date(0) }, 'notes', 'expected string, received an object'],
  [{ notes: Symbol('x') }, 'notes', 'expected string, received Symbol(x)'],
  [{ saveToJson: 'yes' }, 'saveToJson', 'expected boolean, received "yes"'],
  [{ tags: { 0: 'a' } }, 'tags', 'expected array, received an object'],
  [{ tags: ['a', null] }, 'tags.1', 'expected string, received null'],
  [{ tags: [undefined] }, 'tags.0', 'expected string, received undefined'],
  [{ git: null }, 'git', 'expected object, received null'],
  [{ git: [] }, 'git', 'expected object, received an array'],
  [{ git: { bundle: 1 } }, 'git.bundle', 'expected boolean, received 1'],
  [{ environment: { timeoutMs: '1' } }, 'environment.timeoutMs', 'expected number, received "1"'],
  [{ environment: { timeoutMs: NaN } }, 'environment.timeoutMs', 'expected number, received NaN'],
  [{ environment: { timeoutMs: 1.5 } }, 'environment.timeoutMs', 'expected int, received 1.5'],
  // One of several.
  [{ algorithm: 'md5' }, 'algorithm', 'expected blake3, sha256, both, received "md5"'],
  [{ algorithm: 3 }, 'algorithm', 'expected blake3, sha256, both, received 3'],
  // Bounds.
  [{ outputDir: '' }, 'outputDir', 'expected text that is not empty, received ""'],
  [{ environment: { timeoutMs: 0 } }, 'environment.timeoutMs', 'expected at least 1, received 0'],
  [
    { environment: { timeoutMs: 3_600_001 } },
    'environment.timeoutMs',
    'expected at most 3600000, received 3600001',
  ],
  [{ git: { untrackedLimit: -1 } }, 'git.untrackedLimit', 'expected at least 0, received -1'],
  [
    { git: { untrackedLimit: 2 ** 53 } },
    'git.untrackedLimit',
    'expected at most 9007199254740991, received 9007199254740992',
  ],
  // A pattern.
  [
    { environment: { variables: ['a-b'] } },
    'environment.variables.0',
    'expected the name of a variable, received "a-b"',
  ],
  // Own rules.
  [{ metadata: [] }, 'metadata', 'expected an object, received an array'],
  [{ models: { sample: 'x' } }, 'models.sample', 'expected an object, received "x"'],
  [
    { systemMetrics: { intervalSeconds: 0 } },
    'systemMetrics',
    'expected true, false or { intervalSeconds: 0.1 to 86400 }, received an object',
  ],
  [
    { trackers: [{}] },
    'trackers.0',
    'expected an object with a name, capture() and compare(), received an object',
  ],
  [{ saveToWandb: 1 }, 'saveToWandb', 'expected true, false or an object, received 1'],
  // Members of outputs, which are looked at apart.
  [
    { saveToWandb: { project: 1 } },
    'saveToWandb.project',
    'expected text that is not empty, received number',
  ],
  [
    { saveToMlflow: { trackingUri: '' } },
    'saveToMlflow.trackingUri',
    'expected text that is not empty, received string',
  ],
  [
    { saveToMlflow: { timeoutMs: 1.5 } },
    'saveToMlflow.timeoutMs',
    'expected whole milliseconds from 1 to 3600000, received number',
  ],
  [
    { saveToMlflow: { timeoutMs: 3_600_001 } },
    'saveToMlflow.timeoutMs',
    'expected whole milliseconds from 1 to 3600000, received number',
  ],
  [
    { saveToMlflow: { zzz: 1, yyy: 2 } },
    'saveToMlflow.zzz',
    'expected one of trackingUri, experiment, timeoutMs, received "zzz"',
  ],
] as const)('%j', (options, field, words) => {
  expect(said(options)).toBe(`test: the option ${field} is not usable (${words})`)
})

test.each([
  [{ nots: 'x' }, 'unknown option "nots"; did you mean notes?'],
  [{ zzz: 1, yyy: 2 }, `unknown option "zzz"; known are ${OPTION_NAMES.join(', ')}`],
  [JSON.parse('{"__proto__":1}'), `unknown option "__proto__"; known are ${OPTION_NAMES.join(', ')}`],
  [{ git: { bundel: true } }, 'unknown option "git.bundel"; did you mean bundle?'],
  [
    { environment: JSON.parse('{"__proto__":1}') as unknown },
    'unknown option "environment.__proto__"; known are variables, packages, timeoutMs',
  ],
] as readonly (readonly [object, string])[])('a key that nobody knows: %j', (options, words) => {
  expect(said(options)).toBe(`test: ${words}`)
})

test('of several mistakes the one at a known option is told', () => {
  expect(said({ zzz: 1, notes: 3 })).toBe(
    'test: the option notes is not usable (expected string, received 3)',
  )
})
