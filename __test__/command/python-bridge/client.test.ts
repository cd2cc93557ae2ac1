/** A command that reports to a run, against servers that do not behave. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Bridge } from '../../../src/command/python-bridge/bridge.ts'
import { BridgeClient, bridgeOf } from '../../../src/command/python-bridge/client.ts'
import { PROTOCOL, toFrame } from '../../../src/command/python-bridge/frames.ts'
import { readRun } from '../../../src/store/runs.ts'
import { folderOf } from '../../support/folder.ts'
import { startedRecorder } from '../../tracking/support.ts'
import type { Socket } from 'node:net'

const REPORTER = { call: 'reporter', protocol: PROTOCOL, pid: 1, rank: null }

/** The path of a socket behind which `serve` answers. */
async function serving(serve: (socket: Socket) => void): Promise<string> {
  const path = join(folderOf(), 'socket')
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    serve(socket)
  })
  onTestFinished(() => void server.close())
  await once(server.listen(path), 'listening')
  return path
}

const ENDED = { code: 'ERR_LINEAPRINT_STATE', message: expect.stringContaining('has ended') as string }

test('what a reporter may send is recorded, and what it may not send is refused', async () => {
  const recorder = await startedRecorder(folderOf())
  const bridge = await Bridge.open(recorder, { argv: ['sh'], environment: {} })
  const client = await BridgeClient.connect(bridgeOf(bridge.variables))
  await expect(client.call({ call: 'tags', tags: ['early'] })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STATE',
  })
  await client.call(REPORTER)
  await client.tell({ call: 'metrics', values: [['loss', 1]], step: 3 })
  await client.call({ call: 'parameter', name: 'rate', value: 0.1 })
  for (const [message, code] of [
    [{ call: 'metrics', values: [['__proto__', 1]] }, 'ERR_LINEAPRINT_ARGUMENT'],
    [{ call: 'output', name: 'a', path: '/etc/passwd' }, 'ERR_LINEAPRINT_ARGUMENT'],
    [{ call: 'checkpoint', name: 'a', generators: {} }, 'ERR_LINEAPRINT_ARGUMENT'],
    [{ call: 'parameter', name: 'x' }, 'ERR_LINEAPRINT_ARGUMENT'],
    [{ call: 'leave' }, 'ERR_LINEAPRINT_ARGUMENT'],
    [
      {
        call: 'join',
        protocol: PROTOCOL,
        pid: 1,
        rank: 1,
        localRank: 1,
        datasets: [],
        models: [],
        outputs: [],
        metricFiles: [],
      },
      'ERR_LINEAPRINT_STATE',
    ],
  ] as const)
    await expect(client.call(message), JSON.stringify(message)).rejects.toMatchObject({ code })
  client.close()
  await bridge.close(new AbortController().signal)
  const { warnings } = await recorder.finish()
  expect(warnings).toEqual([])
  const { record } = await readRun(recorder.runDirectory)
  expect(record.metrics).toMatchObject({ loss: { count: 1, lastStep: 3 } })
  expect(record.parameters).toEqual({ rate: { value: 0.1, sources: ['lineaprint'] } })
  // It is no Python program.
  expect(record.processes).toBeUndefined()
})

test('there is no server, or it goes away', async () => {
  await expect(BridgeClient.connect(join(folderOf(), 'none'))).rejects.toMatchObject(ENDED)
  const path = await serving((socket) => socket.once('data', () => socket.destroy()))
  const client = await BridgeClient.connect(path)
  const lost = new Promise((resolve) => client.onLost(resolve))
  await expect(client.call(REPORTER)).rejects.toMatchObject(ENDED)
  expect(await lost).toMatchObject(ENDED)
  await expect(client.call(REPORTER)).rejects.toMatchObject(ENDED)
  await expect(client.tell(REPORTER)).rejects.toMatchObject(ENDED)
})

test.each([
  ['no JSON', Buffer.from([0, 0, 0, 1, 0x7b])],
  ['a length beyond the limit', Buffer.from([255, 255, 255, 255])],
  ['the answer to another message', toFrame({ id: 77, result: null })],
])('%s as an answer ends the connection', async (_, answer) => {
  const path = await serving((socket) => socket.once('data', () => socket.write(answer)))
  const client = await BridgeClient.connect(path)
  await expect(client.call(REPORTER)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
})

test('signs of life are no answers', async () => {
  const path = await serving((socket) =>
    socket.once('data', () => {
      socket.write(toFrame({ id: 1, pending: true }))
      socket.write(toFrame({ id: 1, result: { run: 'x' } }))
    }),
  )
  const client = await BridgeClient.connect(path)
  expect(await client.call(REPORTER)).toEqual({ run: 'x' })
  client.close()
})

test('outside of a run there is no socket', () => {
  expect(() => bridgeOf({})).toThrow(/not a program of a run/)
  expect(() => bridgeOf({ LINEAPRINT_RUN_ID: 'x', LINEAPRINT_BRIDGE: '' })).toThrow(/takes no reports/)
  expect(bridgeOf({ LINEAPRINT_BRIDGE: '/x' })).toBe('/x')
})
