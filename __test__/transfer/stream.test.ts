/** A run that is sent while it goes on: the copy is the file, byte by byte, and no server harms the run. */
import { once } from 'node:events'
import { appendFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { checkRunId } from '../../src/core/run-id.ts'
import { checkSeal } from '../../src/record/seal.ts'
import { OPEN_LINE_LIMIT } from '../../src/store/log-lines.ts'
import { readRun } from '../../src/store/runs.ts'
import { RunStream } from '../../src/transfer/stream.ts'
import { BAD_SERVERS, badServer } from '../export/mlflow/bad-servers.ts'
import { keptFolder } from '../support/kept-folder.ts'
import { NO_CAPTURES, startProgram, started } from '../tracking/support.ts'
import { liveServer } from './live-server.ts'
import type { ExperimentTracker } from '../../src/tracking/tracker.ts'

const TOKEN = `lp_${'aB3-_'.repeat(9).slice(0, 43)}`
const ID = checkRunId('run-1')

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20)
}

async function startedTo(server: string, options: object = {}): Promise<ExperimentTracker> {
  return started(
    keptFolder(),
    { server, serverTimeoutMs: 3000, ...options },
    { environment: { LINEAPRINT_TOKEN: TOKEN } },
  )
}

/** A folder of a run that goes on, whose files a test writes. */
function runFolder(): string {
  const folder = join(keptFolder(), ID)
  mkdirSync(folder)
  writeFileSync(join(folder, 'run.json'), '{"first":true}\n')
  writeFileSync(join(folder, 'events.jsonl'), 'first\n')
  return folder
}

function streamOf(url: string, folder: string, atEnd: (work: () => void) => void): RunStream {
  const stream = new RunStream({ url, token: TOKEN, project: undefined, timeoutMs: 1000 }, ID, folder)
  atEnd(() => stream.stop())
  return stream
}

describe.concurrent('the copy on the server', () => {
  test('has a line of a log once it has ended: a progress bar is written over', async ({
    onTestFinished,
  }) => {
    const server = await liveServer(onTestFinished)
    const folder = runFolder()
    const log = join(folder, 'stdout.log')
    writeFileSync(log, 'begin\n 10%|#    |')
    streamOf(server.url, folder, onTestFinished)
    const copy = (): string | undefined => server.files.get(`${ID}/stdout.log`)?.toString()
    await until(() => copy() !== undefined)
    expect(copy()).toBe('begin\n')
    writeFileSync(log, 'begin\n 20%')
    appendFileSync(join(folder, 'events.jsonl'), 'second\n')
    await until(() => server.files.get(`${ID}/events.jsonl`)?.toString() === 'first\nsecond\n')
    writeFileSync(log, 'begin\n100%|#####|\nend\n')
    await until(() => copy()?.endsWith('end\n') === true)
    expect(copy()).toBe('begin\n100%|#####|\nend\n')
    // Nobody writes over the beginning of a line without an end.
    const long = 'x'.repeat(OPEN_LINE_LIMIT + 1000)
    appendFileSync(log, long)
    await until(() => (copy()?.length ?? 0) > 1000)
    expect(readFileSync(log, 'utf8').startsWith(copy() ?? '-')).toBe(true)
  })

  test('is the journal and the logs, as they grow', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const server = await liveServer(onTestFinished)
    const folder = runFolder()
    streamOf(server.url, folder, onTestFinished)
    await until(() => server.files.get(`${ID}/events.jsonl`)?.toString() === 'first\n')
    expect(server.files.get(`${ID}/run.json`)?.toString()).toBe('{"first":true}\n')
    writeFileSync(join(folder, 'stdout.log'), 'hello\n')
    writeFileSync(join(folder, 'secret.txt'), 'not for the server\n')
    appendFileSync(join(folder, 'events.jsonl'), 'second\nand a par')
    await until(() => server.files.get(`${ID}/stdout.log`) !== undefined)
    appendFileSync(join(folder, 'events.jsonl'), 't\n')
    await until(() => server.files.get(`${ID}/events.jsonl`)?.toString() === 'first\nsecond\nand a part\n')
    expect([...server.files.keys()].toSorted()).toEqual(
      ['events.jsonl', 'run.json', 'stdout.log'].map((name) => `${ID}/${name}`),
    )
  })

  test(
    'is complete after the server was away, in pieces that are no larger than a piece',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const server = await liveServer(onTestFinished)
      const folder = runFolder()
      let failures = 0
      server.failing = (_, response) => {
        failures++
        if (failures % 2 === 0) response.destroy()
        else response.writeHead(500).end('{"error":"x"}')
      }
      streamOf(server.url, folder, onTestFinished)
      for (let line = 0; line < 30_000; line++)
        appendFileSync(join(folder, 'events.jsonl'), `${'x'.repeat(100)} ${line}\n`)
      await until(() => failures > 1)
      server.failing = undefined
      const whole = readFileSync(join(folder, 'events.jsonl'))
      expect(whole.length).toBeGreaterThan(3 << 20)
      await until(() => server.files.get(`${ID}/events.jsonl`)?.length === whole.length)
      expect(server.files.get(`${ID}/events.jsonl`)?.equals(whole)).toBe(true)
      expect(server.requests.filter((request) => request.includes('events.jsonl')).length).toBeGreaterThan(3)
    },
  )

  test('goes on at the position that the server names', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const server = await liveServer(onTestFinished)
    const folder = runFolder()
    // The answer to an earlier piece was lost.
    server.files.set(`${ID}/events.jsonl`, Buffer.from('first\n'))
    appendFileSync(join(folder, 'events.jsonl'), 'second\n')
    streamOf(server.url, folder, onTestFinished)
    await until(() => server.files.get(`${ID}/events.jsonl`)?.toString() === 'first\nsecond\n')
    expect(server.requests.at(-1)).toContain('from=6')
  })

  test(
    'is not sent again and again to a server that keeps nothing',
    { timeout: 60_000 },
    async ({ onTestFinished }) => {
      const server = await liveServer(onTestFinished)
      const folder = runFolder()
      server.failing = (request, response) => {
        request.resume()
        response.end(
          request.url?.includes('/live') === true
            ? '{"state":"elsewhere","size":0}'
            : '{"projects":[{"name":"vision","role":"writer"}]}',
        )
      }
      streamOf(server.url, folder, onTestFinished)
      await until(() => server.requests.some((request) => request.includes('events.jsonl')))
      // Two more turns would be over.
      await sleep(2500)
      expect(server.requests.filter((request) => request.includes('events.jsonl'))).toHaveLength(2)
    },
  )

  test('follows a link to no file outside', { timeout: 60_000 }, async ({ onTestFinished }) => {
    const server = await liveServer(onTestFinished)
    const folder = runFolder()
    const { symlinkSync } = await import('node:fs')
    symlinkSync('/etc/hostname', join(folder, 'stdout.log'))
    streamOf(server.url, folder, onTestFinished)
    await until(() => server.files.has(`${ID}/events.jsonl`))
    await sleep(1500)
    expect(server.files.has(`${ID}/stdout.log`)).toBe(false)
  })
})

// They wait for servers that do not answer, all at once.
test.concurrent.for(BAD_SERVERS)(
  'a %s server does not harm the run, whose record is as it was sealed',
  { timeout: 120_000 },
  async (kind, { onTestFinished }) => {
    const { url, requests } = await badServer(kind, onTestFinished)
    const tracker = await startedTo(url)
    for (let step = 0; step < 3000; step++) tracker.logMetric('loss', step, { step })
    await until(() => requests.length > 0)
    const summary = await tracker.finishExperiment()
    expect(summary.status).toBe('finished')
    expect(summary.warnings).toEqual([
      expect.stringMatching(
        new RegExp(
          `^the run was not fully sent to ${url}: .*; to complete it: lineaprint push ${summary.id} --to ${url}$`,
        ),
      ),
    ])
    const run = await readRun(tracker.runDirectory)
    expect(run.record).toMatchObject({ status: 'finished', warnings: [], seal: summary.seal })
    expect(checkSeal(run.record)).toBe('holds')
    for (const entry of readdirSync(run.folder, { recursive: true, withFileTypes: true }))
      expect(entry.isFile() && readFileSync(join(entry.parentPath, entry.name), 'utf8').includes(TOKEN)).toBe(
        false,
      )
  },
)

describe('the surroundings', () => {
  test.each([
    [
      {},
      'there is no token; set LINEAPRINT_TOKEN, or LINEAPRINT_TOKEN_FILE to the path of a file that holds it',
    ],
    [
      { LINEAPRINT_TOKEN: 'hunter2hunter2' },
      'the token has another form than those of "lineaprint token create": 14 characters',
    ],
    [
      { LINEAPRINT_TOKEN_FILE: '/no/such/file' },
      "the file that LINEAPRINT_TOKEN_FILE names cannot be read: ENOENT: no such file or directory, open '/no/such/file'",
    ],
  ])(
    'give the token: with %j the run goes on, and its summary says why nothing was sent',
    async (environment, reason) => {
      const tracker = await started(keptFolder(), { server: 'http://127.0.0.1:9/' }, { environment })
      expect((await tracker.finishExperiment()).warnings).toEqual([
        `the run was not fully sent to http://127.0.0.1:9: ${reason}; to complete it: lineaprint push ${tracker.id} --to http://127.0.0.1:9`,
      ])
    },
  )

  test('can name a file with the token', async () => {
    const path = join(keptFolder(), 'token')
    writeFileSync(path, `${TOKEN}\n`)
    const tracker = await started(
      keptFolder(),
      { server: 'http://127.0.0.1:9', serverTimeoutMs: 1 },
      { environment: { LINEAPRINT_TOKEN_FILE: path } },
    )
    expect((await tracker.finishExperiment()).warnings).toEqual([
      expect.stringContaining('it took longer than 1 ms; to complete it: lineaprint push ') as unknown,
    ])
  })

  test('may have no server: the end of a run waits shortly, whatever it may wait', async () => {
    const tracker = await startedTo('http://127.0.0.1:1', { serverTimeoutMs: 600_000 })
    // The time limit of the test is far below the ten minutes.
    expect((await tracker.finishExperiment()).warnings).toEqual([
      expect.stringMatching(
        /: the server cannot be reached: .*; to complete it: lineaprint push /,
      ) as unknown,
    ])
  }, 12_000)

  test('may have no such name: the run ends well', async () => {
    const tracker = await startedTo('http://no-such-host.invalid:9')
    expect(await tracker.finishExperiment()).toMatchObject({
      status: 'finished',
      warnings: [
        'http://no-such-host.invalid:9: http sends the token in clear; anybody on the way can read it',
        expect.stringContaining('the run was not fully sent to ') as unknown,
      ],
    })
  }, 60_000)
})

test(
  'a program that ends without finishing its run does not wait for a server that hangs',
  { timeout: 60_000 },
  async ({ onTestFinished }) => {
    const { url, requests } = await badServer('hanging', onTestFinished)
    const options = JSON.stringify({ ...NO_CAPTURES, server: url })
    const folder = keptFolder()
    const asked = join(folder, 'asked')
    const child = startProgram(
      `import { existsSync } from 'node:fs'
    process.env.LINEAPRINT_TOKEN = ${JSON.stringify(TOKEN)}
    const tracker = new ExperimentTracker(${options})
    await tracker.startExperiment()
    while (!existsSync(${JSON.stringify(asked)})) await new Promise((done) => setTimeout(done, 20))
    console.log('over')`,
      folder,
    )
    await until(() => requests.length > 0)
    writeFileSync(asked, '')
    await once(child.stdout, 'data')
    const begin = performance.now()
    const [code] = (await once(child, 'close')) as [number]
    expect(code).toBe(0)
    // A request may take ten seconds.
    expect(performance.now() - begin).toBeLessThan(8000)
  },
)
