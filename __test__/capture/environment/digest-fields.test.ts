import { expect, test } from 'vitest'
import {
  environmentCapture,
  environmentDigestFields,
  parseEnvironmentCapture,
} from '../../../src/capture/environment/capture.ts'
import { toCaptured } from '../../../src/capture/to-captured.ts'
import type { Captured, Comparison } from '../../../src/core/component.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

const NONE = { status: 'absent', reason: 'not here', exists: false }
const UNREAD = { status: 'absent', reason: 'no answer within 5 s' }

/** An environment in which every source was searched for and does not exist, except those that are given. */
function environment(sources: JsonObject): Captured {
  const names = ['node', 'npm', 'system', 'gpu', 'conda', 'variables', 'toolchain', 'python', 'frameworks']
  const value = { ...Object.fromEntries(names.map((name) => [name, NONE])), ...sources }
  return toCaptured(
    'environment',
    environmentDigestFields(parseEnvironmentCapture(value)),
    value,
    [],
    'blake3',
  )
}

const compare = (before: JsonObject, after: JsonObject): Comparison =>
  environmentCapture.compare(environment(before), environment(after))

const conda = (version: string): JsonObject => ({
  status: 'present',
  packages: { numpy: { version, build: 'h1', channel: null } },
})
const python = (fields: JsonObject): JsonObject => ({
  status: 'present',
  version: '3.12.1',
  implementation: 'CPython',
  packages: { numpy: ['2.0.0'] },
  direct: {},
  lockFiles: {},
  ...fields,
})

test('what does not exist on either side is the same', () => {
  expect(compare({}, {})).toEqual({ status: 'same', differences: [] })
})

test.each(['node', 'npm', 'system', 'gpu', 'conda', 'variables', 'toolchain', 'python', 'frameworks'])(
  'the source %s is not checked if one side could not read it',
  (name) => {
    for (const [before, after] of [
      [UNREAD, UNREAD],
      [UNREAD, NONE],
      [NONE, UNREAD],
    ] as const) {
      expect(compare({ [name]: before }, { [name]: after })).toMatchObject({
        status: 'not-checked',
        differences: [],
        notChecked: [{ field: name, reason: 'no answer within 5 s' }],
      })
    }
  },
)

test('a source that only one side could read is not checked, and does not hide another difference', () => {
  expect(compare({ conda: conda('1.0') }, { conda: UNREAD }).status).toBe('not-checked')
  expect(compare({ conda: conda('1.0'), gpu: UNREAD }, { conda: conda('2.0'), gpu: UNREAD })).toMatchObject({
    status: 'changed',
    differences: [{ field: 'conda.numpy' }],
    notChecked: [{ field: 'gpu' }],
  })
})

test('a source that exists on one side only is a difference', () => {
  expect(compare({ conda: conda('1.0') }, {})).toMatchObject({
    status: 'changed',
    differences: [{ field: 'conda', before: 'present', after: 'absent: not here' }],
  })
})

test('a record that does not say whether a source exists leaves it not checked', () => {
  const old = { status: 'absent', reason: 'CONDA_PREFIX is not set and conda is not on PATH' }
  expect(compare({ conda: old }, {})).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'conda' }],
  })
})

test('packages that could not be listed are not checked, whatever the other side has', () => {
  const unlisted = python({ packages: null, unseen: { packages: 'this Python has no importlib.metadata' } })
  for (const [before, after] of [
    [unlisted, unlisted],
    [unlisted, python({})],
    [python({}), unlisted],
  ] as const) {
    expect(compare({ python: before }, { python: after })).toMatchObject({
      status: 'not-checked',
      notChecked: [{ field: 'python.packages', reason: 'this Python has no importlib.metadata' }],
    })
  }
  expect(compare({ python: unlisted }, { python: { ...unlisted, version: '3.13.0' } })).toMatchObject({
    status: 'changed',
    differences: [{ field: 'python.version' }],
  })
})

test('packages of which only some were listed are not the same', () => {
  const partly = python({ unseen: { 'packages.broken': '1 package has no readable name or version' } })
  expect(compare({ python: partly }, { python: partly })).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'python.packages' }],
  })
})

test('a value that does not exist is the same, one that could not be read is not checked', () => {
  const toolchain = (nonexistent: string[]): JsonObject => ({
    status: 'present',
    rustc: null,
    unseen: { rustc: 'rustc ended with 1' },
    ...(nonexistent.length > 0 && { nonexistent }),
  })
  expect(compare({ toolchain: toolchain(['rustc']) }, { toolchain: toolchain(['rustc']) }).status).toBe(
    'same',
  )
  expect(compare({ toolchain: toolchain([]) }, { toolchain: toolchain([]) })).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'toolchain.rustc' }],
  })
})

test('frameworks without an answer of Python are not checked', () => {
  const frameworks = { status: 'present', python: {}, unseen: { python: 'no answer' } }
  expect(compare({ frameworks }, { frameworks })).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'frameworks.python', reason: 'no answer' }],
  })
})

test('a lock file that cannot be read is not checked', () => {
  const unread = python({ unseen: { 'lockFiles.uv.lock': 'uv.lock cannot be read: EACCES' } })
  expect(compare({ python: unread }, { python: unread })).toMatchObject({
    status: 'not-checked',
    notChecked: [{ field: 'python.lockFiles.uv.lock' }],
  })
})
