/** The server's side alone: programs that break every rule. */
import { once } from 'node:events'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Bridge } from '../../../src/command/python-bridge/bridge.ts'
import { FRAME_LIMIT, FrameReader, toFrame } from '../../../src/command/python-bridge/frames.ts'
import { readRun } from '../../../src/store/runs.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { startedRecorder } from '../../tracking/support.ts'
import { HELLO } from './hello.ts'
import { rounds } from '../../support/random.ts'
import type { Socket } from 'node:net'
import type { ExperimentOptions } from '../../../src/config/options.ts'
import type { Recorder } from '../../../src/tracking/recorder.ts'

interface Opened {
  readonly bridge: Bridge
  readonly recorder: Recorder
  readonly path: string
  readonly scratch: string
  readonly root: string
}

async function open(options: ExperimentOptions = {}): Promise<Opened> {
  const root = folderOf({ 'data.txt': 'data' })
  const recorder = await startedRecorder(root, { enableSeedTracking: true, ...options })
  const bridge = await Bridge.open(recorder, { argv: ['python'], environment: {} })
  const { LINEAPRINT_BRIDGE: path = '', LINEAPRINT_SCRATCH: scratch = '' } = bridge.variables
  return { bridge, recorder, path, scratch, root }
}

async function end({ bridge, recorder }: Opened): Promise<readonly string[]> {
  await bridge.close(new AbortController().signal)
  return (await recorder.finish()).warnings
}

async function connect(path: string): Promise<Socket> {
  const socket = createConnection(path)
  socket.on('error', () => undefined)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

async function greeted(path: string): Promise<Socket> {
  const socket = await connect(path)
  socket.write(toFrame(HELLO))
  return socket
}

/** Sends a message and waits for the answer. */
async function ask(socket: Socket, message: object): Promise<Record<string, unknown>> {
  const reader = new FrameReader()
  socket.write(toFrame(message))
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    for (const frame of reader.push(chunk)) return JSON.parse(frame.toString()) as Record<string, unknown>
  }
}

function frameOf(body: string | Uint8Array): Buffer {
  const bytes = Buffer.from(body as string)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return Buffer.concat([head, bytes])
}

const LONG = Buffer.alloc(4)
LONG.writeUInt32BE(FRAME_LIMIT + 1)

test.each([
  ['no JSON', frameOf('{'), /not JSON/],
  ['no UTF-8', frameOf(Buffer.from([0x22, 0xff, 0x22])), /not JSON/],
  ['too deep', frameOf('['.repeat(1_000_000)), /not JSON|not an object/],
  ['no object', frameOf('7'), /not an object/],
  ['a length beyond the limit', LONG, /too long/],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), /too long/],
] as const)('%s closes the connection, with a warning', async (_, bytes, warning) => {
  const opened = await open()
  const socket = await connect(opened.path)
  const closed = once(socket, 'close')
  socket.write(bytes)
  await closed
  // Others are not touched by it.
  const other = await greeted(opened.path)
  expect(await ask(other, { call: 'flush', id: 5 })).toEqual({ id: 5, result: null })
  const warnings = await end(opened)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(warning)
})

test('an object that is no message is answered if it can be, and has a warning if not', async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  for (const message of [
    { call: 'eval' },
    { call: { toString: 1 } },
    {},
    { call: 'output', name: 'o', path: 'a\0b' },
    { call: 'output', name: 'o', path: 'x'.repeat(5000) },
    { call: 'flush', more: 1, __proto__: { call: 'x' } },
  ]) {
    const answer = await ask(socket, { ...message, id: 1 })
    expect(answer).toMatchObject(
      message.call === 'flush' ? { result: null } : { id: 1, error: { code: 'ERR_LINEAPRINT_ARGUMENT' } },
    )
  }
  const stranger = await connect(opened.path)
  for (const hello of [
    { ...HELLO, protocol: 2 },
    { ...HELLO, pid: -1 },
  ])
    stranger.write(toFrame(hello))
  expect(await ask(stranger, { call: 'checkpoint', id: 3, name: 'c', generators: {} })).toMatchObject({
    error: { code: 'ERR_LINEAPRINT_STATE' },
  })
  expect(await end(opened)).toEqual([
    expect.stringMatching(/the message "hello" cannot be used: protocol/) as string,
    expect.stringMatching(/the message "hello" cannot be used: pid/) as string,
  ])
})

test(
  'any fields of any kind: each message is answered, and the run can be finished',
  { timeout: 120_000 },
  async () => {
    const calls = [
      'hello',
      'seeds',
      'state',
      'checkpoint',
      'problem',
      'metrics',
      'metadata',
      'tags',
      'dataset',
      'model',
      'output',
      'digest',
      'flush',
      'bye',
    ]
    const good: Record<string, fc.Arbitrary<unknown>> = {
      name: fc.string(),
      path: fc.constantFrom('a', '/', '/proc/self/mem', '/dev/null', '../..', ''),
      file: fc.string(),
      descriptor: fc.constant([0, '1', '1']),
      dtype: fc.constantFrom('F32', 'F64', 'x', 'constructor'),
      shape: fc.array(fc.nat()),
      generators: fc.dictionary(fc.string(), fc.record({ algorithm: fc.string() })),
      values: fc.oneof(
        fc.array(fc.tuple(fc.string(), fc.double())),
        fc.dictionary(fc.string(), fc.jsonValue()),
      ),
      tags: fc.array(fc.string()),
      at: fc.constantFrom('start', 'end', '../x'),
      seed: fc.integer(),
      origin: fc.constantFrom('run', null),
      targets: fc.array(fc.jsonValue()),
      step: fc.double(),
      message: fc.string(),
      script: fc.string(),
    }
    const fields = fc.record(
      Object.fromEntries(Object.entries(good).map(([key, value]) => [key, fc.oneof(value, fc.jsonValue())])),
      { requiredKeys: [] },
    )
    const opened = await open()
    const socket = await greeted(opened.path)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...calls), fields, async (call, more) => {
        // The root would take a while to digest.
        const path = more['path'] === '/' || more['path'] === '../..' ? { path: 'a' } : {}
        const answer = await ask(socket, { ...more, ...path, call, id: 7 })
        expect(answer['id']).toBe(7)
        const { code } = (answer['error'] ?? {}) as { code?: string }
        expect(code).not.toBe('ERR_LINEAPRINT_INTERNAL')
      }),
      { numRuns: rounds(100) },
    )
    await end(opened)
    expect((await readRun(opened.recorder.runDirectory)).status).toBe('finished')
  },
)

test('a program that dies in the middle of a message', async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  const frame = toFrame({ call: 'metrics', values: [['loss', 1]] })
  socket.write(Buffer.concat([frame, frame.subarray(0, 9)]))
  socket.end()
  expect(await end(opened)).toEqual(['a program ended in the middle of a message'])
  expect(opened.recorder.summary().metrics['loss']?.count).toBe(1)
})

test('what was sent before the end is recorded, also by one that stays and says nothing more', async () => {
  const opened = await open()
  const sockets = await Promise.all(Array.from({ length: 40 }, () => greeted(opened.path)))
  for (const [index, socket] of sockets.entries()) {
    for (let step = 0; step < 50; step++)
      socket.write(toFrame({ call: 'metrics', values: [[`m${index}`, step]], step }))
    if (index % 2 === 0) socket.destroySoon()
  }
  expect(await end(opened)).toEqual([])
  const { metrics } = opened.recorder.summary()
  expect(Object.values(metrics).map(({ count, last }) => [count, last])).toEqual(
    Array.from({ length: 40 }, () => [50, 49]),
  )
})

test('one that never reads its answers does not hold the end up', async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  socket.pause()
  const message = toFrame({ call: 'output', id: 1, name: 'x'.repeat(1000), path: `/${'no/'.repeat(1000)}` })
  for (let count = 0; count < 400; count++) socket.write(message)
  await end(opened)
  expect(existsSync(dirname(opened.path))).toBe(false)
})

test('a program greets first, and what is wrong is answered and changes nothing', async () => {
  const opened = await open()
  const stranger = await connect(opened.path)
  expect(await ask(stranger, { call: 'output', id: 1, name: 'o', path: opened.root })).toMatchObject({
    error: { code: 'ERR_LINEAPRINT_STATE' },
  })
  const socket = await greeted(opened.path)
  const codes: unknown[] = []
  for (const message of [
    { call: 'dataset', id: 1, name: '__proto__', path: opened.root },
    { call: 'dataset', id: 2, name: 'missing', path: join(opened.root, 'missing') },
    { call: 'dataset', id: 3, name: 'nothing' },
    { call: 'dataset', id: 4, name: 'no shape', file: 'x' },
    { call: 'dataset', id: 5, name: 'a device', path: '/dev/zero' },
    { call: 'dataset', id: 6, name: 'closed', descriptor: [999_999, '1', '1'], dtype: 'F32', shape: [1] },
    { call: 'dataset', id: 6, name: 'other', descriptor: [0, '1', '1'], dtype: 'F32', shape: [1] },
    { call: 'dataset', id: 7, name: 'gone', file: 'gone', dtype: 'F32', shape: [1] },
    { call: 'checkpoint', id: 8, name: 'start', generators: {} },
    { call: 'checkpoint', id: 9, name: 'c', generators: { random: 'no state' } },
    { call: 'model', id: 10, name: 'm', path: join(opened.root, 'data.txt') },
  ])
    codes.push(
      ((await ask(socket, message))['error'] as { code: string }).code.replace('ERR_LINEAPRINT_', ''),
    )
  expect(codes).toEqual([
    'ARGUMENT',
    'NOT_FOUND',
    'ARGUMENT',
    'ARGUMENT',
    'NOT_REGULAR',
    'UNREADABLE',
    'UNREADABLE',
    'NOT_FOUND',
    'ARGUMENT',
    'ARGUMENT',
    'FORMAT',
  ])
  expect(await end(opened)).toEqual([])
  const { datasets, models } = opened.recorder.summary()
  expect(new Set([...Object.values(datasets), ...Object.values(models)])).toEqual(new Set([null]))
})

test('files are handed over by name, and no name leads out of their folder', async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  writeFileSync(join(opened.scratch, 'raw'), new Uint8Array(Float32Array.of(1, 2).buffer))
  writeFileSync(join(opened.scratch, 'model'), safetensors({ w: floats([1, 2]) }))
  symlinkSync(join(opened.root, 'data.txt'), join(opened.scratch, 'link'))
  const array = await ask(socket, {
    call: 'dataset',
    id: 1,
    name: 'a',
    file: 'raw',
    dtype: 'F32',
    shape: [2, 1],
  })
  expect(array).toMatchObject({ result: { kind: 'array', dtype: 'F32', shape: [2, 1], bytes: 8 } })
  const wrong = await ask(socket, {
    call: 'dataset',
    id: 2,
    name: 'b',
    file: 'raw',
    dtype: 'F64',
    shape: [2],
  })
  expect(wrong).toMatchObject({
    error: { message: expect.stringMatching(/the shape does not fit/) as string },
  })
  const model = await ask(socket, {
    call: 'model',
    id: 3,
    name: 'm',
    file: 'model',
    ignored: ['lr'],
    ignoredCount: 1,
  })
  expect(model).toMatchObject({ result: { tensorCount: 1 } })
  expect(model['result']).not.toHaveProperty('path')
  const outside = { call: 'dataset', id: 4, name: 'c', file: '../data.txt', dtype: 'U8', shape: [4] }
  expect(await ask(socket, outside)).toMatchObject({ error: { code: 'ERR_LINEAPRINT_ARGUMENT' } })
  await end(opened)
  expect(existsSync(opened.scratch)).toBe(false)
  const events = readFileSync(join(opened.recorder.runDirectory, 'events.jsonl'), 'utf8')
  expect(events).toContain('"ignored":["lr"]')
  expect(events).not.toContain(opened.scratch)
})

test('a program can make neither warnings nor saved states without end', { timeout: 60_000 }, async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  for (let count = 0; count < 100; count++)
    socket.write(toFrame({ call: 'problem', message: `problem ${count}` }))
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`g${at}`, { algorithm: 'x' }]))
  expect(await ask(socket, { call: 'checkpoint', id: 1, name: 'c', generators: many })).toMatchObject({
    error: { code: 'ERR_LINEAPRINT_ARGUMENT' },
  })
  expect((await end(opened)).length).toBe(20)
})

test('a program that waits for an answer gets signs of life', { timeout: 30_000 }, async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  const work = Promise.withResolvers<undefined>()
  vi.spyOn(opened.recorder, 'flush').mockReturnValueOnce(work.promise)
  expect(await ask(socket, { call: 'flush', id: 3 })).toEqual({ id: 3, pending: true })
  work.resolve(undefined)
  expect(await ask(socket, { call: 'flush', id: 4 })).toEqual({ id: 3, result: null })
  await end(opened)
})

/** What a program reports to two libraries: equal values, and secrets among the parameters. */
const REPORTS: readonly object[] = [
  {
    call: 'reported',
    source: 'wandb',
    instance: 1,
    values: [
      ['loss', 1, 0],
      ['__proto__', 1, 1],
      ['loss', { __float__: 'NaN' }, 1],
    ],
  },
  {
    call: 'reported',
    source: 'mlflow',
    instance: 3,
    values: [
      ['loss', 1, 0],
      ['loss', { __float__: 'NaN' }, 1],
    ],
  },
  {
    call: 'parameters',
    source: 'argparse',
    instance: 1,
    values: [
      ['db.password', 'hunter2hunter2'],
      ['url', 'https://user:hunter2hunter2@example.org/x'],
      ['__proto__', 1],
      ['lone', '\ud800'],
      ['deep', { a: [1, null] }],
    ],
  },
]

test('reported values are merged in the record, and secrets of parameters are replaced', async () => {
  const opened = await open()
  const socket = await greeted(opened.path)
  for (const report of REPORTS) socket.write(toFrame(report))
  await ask(socket, { call: 'flush', id: 1 })
  socket.destroy()
  // What cannot be in a record costs nothing else.
  expect(await end(opened)).toEqual([
    expect.stringMatching(/^"__proto__", as a program reported it, was not recorded: the name of a metric/),
    expect.stringMatching(/^"__proto__", as a program reported it, was not recorded: the name /),
    expect.stringMatching(/^"lone", as a program reported it, was not recorded/),
  ])
  const { record } = await readRun(opened.recorder.runDirectory)
  expect(record.metrics['loss']).toMatchObject({ count: 2, nanCount: 1, sources: ['wandb', 'mlflow 3'] })
  expect(Object.entries(record.parameters ?? {}).map(([name, { value }]) => [name, value])).toEqual([
    ['db.password', '<redacted>'],
    ['url', expect.not.stringContaining('hunter2')],
    ['deep', { a: [1, null] }],
  ])
})

test('what is switched off is not recorded, whatever a program sends', async () => {
  const opened = await open({ reported: { metrics: false, parameters: false } })
  expect(opened.bridge.variables['LINEAPRINT_OBSERVE']).toBe('none')
  const socket = await greeted(opened.path)
  for (const report of REPORTS) socket.write(toFrame(report))
  await ask(socket, { call: 'flush', id: 1 })
  socket.destroy()
  expect(await end(opened)).toEqual([])
  const { record } = await readRun(opened.recorder.runDirectory)
  expect([record.metrics, record.parameters]).toEqual([{}, undefined])
})
