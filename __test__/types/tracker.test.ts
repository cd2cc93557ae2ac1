/** What the tracker takes, as the compiler sees it. `tsc` checks these lines; none of the calls is made. */
import { expect, expectTypeOf, test } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { Digest } from '../../src/core/digest.ts'
import type { JsonObject } from '../../src/core/json-value.ts'
import type { ModelReport } from '../../src/model/read.ts'
import type {
  EnvironmentCapture,
  GitCapture,
  MetricRecord,
  RunRecord,
  SeedsCapture,
} from '../../src/index.ts'

interface Config {
  readonly rate: number
  readonly layers?: readonly { readonly units: number }[]
}

test('metadata is what has a JSON form', () => {
  const tracker = new ExperimentTracker()
  const config = { rate: 0.1 } as Config
  const json = {} as JsonObject
  const unknown = 1 as unknown
  const calls = [
    () => tracker.addMetadata('a', 1),
    () => tracker.addMetadata('a', { config, at: new Date(0), digest: new Digest('blake3', 'a'.repeat(64)) }),
    () => tracker.addMetadata(config),
    () => tracker.addMetadata(json),
    () => tracker.addMetadata({ a: [1, null, 'x', undefined], unknown }),
    // @ts-expect-error: a function
    () => tracker.addMetadata('a', () => 1),
    // @ts-expect-error: a function inside
    () => tracker.addMetadata({ a: [{ b: Math.max }] }),
    // @ts-expect-error: a class
    () => tracker.addMetadata({ a: Digest }),
    // @ts-expect-error: a symbol
    () => tracker.addMetadata('a', Symbol('x')),
    // @ts-expect-error: a bigint
    () => tracker.addMetadata({ a: 1n }),
    // @ts-expect-error: a map
    () => tracker.addMetadata({ a: new Map() }),
  ]
  expect(calls).toHaveLength(11)
})

test('a model is a path or tensors', () => {
  const tracker = new ExperimentTracker()
  const calls = {
    path: () => tracker.trackModel('model', 'm', { weights: 'a.safetensors' }),
    tensors: () => tracker.trackModel({ w: { data: new Float32Array(1), shape: [1] } }, 'm'),
    // @ts-expect-error: tensors lie in no folder with several weights
    both: () => tracker.trackModel({ w: { data: new Float32Array(1), shape: [1] } }, 'm', { weights: 'a' }),
  }
  expectTypeOf(calls.path).returns.resolves.toEqualTypeOf<ModelReport | undefined>()
  expectTypeOf(calls.tensors).returns.resolves.toEqualTypeOf<Omit<ModelReport, 'path'> | undefined>()
  expect(Object.keys(calls)).toHaveLength(3)
})

test('records, captured values and metrics have types of their own', () => {
  expectTypeOf<RunRecord['metrics'][string]>().toExtend<MetricRecord>()
  expectTypeOf<EnvironmentCapture>().toExtend<JsonObject>()
  expectTypeOf<GitCapture>().toExtend<JsonObject>()
  expectTypeOf<SeedsCapture>().toExtend<JsonObject>()
  expect(true).toBe(true)
})
