/** `token`, `server`, `push` and `pull` as people call them. */
import { createServer } from 'node:http'
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { linesAtTerminal } from '../../support/terminal.ts'
import { finished } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam } from './support.ts'
import type { AddressInfo } from 'node:net'
import type { Outcome } from '../../support/program.ts'
import type { Databases, Team } from './support.ts'

/** A token of the right form that no server has. */
const UNKNOWN = `lp_${'z'.repeat(43)}`

test('without an address, a token or a run there is nothing to do', async () => {
  const root = folderOf()
  const codes = async (args: readonly string[], env: Record<string, string> = {}): Promise<string> => {
    const clean = { LINEAPRINT_SERVER: '', LINEAPRINT_TOKEN: '', LINEAPRINT_DATABASE: '', ...env }
    const { code, stderr } = await lineaprint(args, { cwd: root, env: clean })
    return `${code} ${stderr}`
  }
  expect(await codes(['push'])).toMatch(/^2 .*push needs runs, or --all/)
  expect(await codes(['push', 'a', '--all'])).toMatch(/^2 /)
  expect(await codes(['pull', 'a'])).toMatch(/^2 .*the address of the server is needed.*--from/)
  expect(await codes(['pull', 'a', '--from', 'http://127.0.0.1:1'])).toMatch(
    /^2 .*a token of the server is needed/,
  )
  const env = { LINEAPRINT_TOKEN: UNKNOWN }
  expect(await codes(['pull', 'a', '--from', 'ftp://x'], env)).toMatch(
    /^2 .*the address of the server is none/,
  )
  expect(await codes(['pull', 'a', '--from', 'http://u:geheim@x'], env)).not.toContain('geheim')
  expect(await codes(['pull', 'a', '--from', 'http://x'], { LINEAPRINT_TOKEN: 'secret' })).not.toContain(
    'secret',
  )
  expect(await codes(['token', 'list'])).toMatch(/^2 .*token needs --database/)
  expect(await codes(['server', '--objects', 'srv'])).toMatch(/^2 .*server needs a database/)
  expect(await codes(['server'])).toMatch(/^2 .*--objects/)
  expect(existsSync(join(root, 'srv'))).toBe(false)
})

test('what a hostile server answers reaches neither the terminal nor the store', async () => {
  const answers = [
    {
      error: {
        code: '\u001b]0;x\u0007',
        what: '\u001b[31m\u202eX',
        where: null,
        expected: null,
        received: null,
        do: null,
      },
    },
    { files: [{ path: '../../escape', bytes: 1, blake3: 'a'.repeat(64) }] },
    { files: [{ path: 'run.json', bytes: 1, blake3: 'a'.repeat(64) }] },
    { files: 1 },
  ]
  let answer: object = {}
  let status = 200
  const server = createServer((request, response) => {
    const isFiles = request.url?.endsWith('/files') === true
    response.writeHead(isFiles ? status : 200, { 'Content-Type': 'application/json' })
    response.end(
      isFiles
        ? JSON.stringify(answer)
        : request.url?.endsWith('/projects') === true
          ? '{"projects":[{"name":"vision","role":"reader"}]}'
          : 'x'.repeat(1000),
    )
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  try {
    const { port } = server.address() as AddressInfo
    const { TransferClient } = await import('../../../src/transfer/client.ts')
    const { pullRun } = await import('../../../src/transfer/pull.ts')
    const { storeIn } = await import('../../../src/store/store.ts')
    const root = folderOf()
    const client = new TransferClient({ url: `http://127.0.0.1:${port}`, token: UNKNOWN })
    const codes: string[] = []
    for (answer of answers) {
      status = 'error' in answer ? 400 : 200
      const error: unknown = await pullRun(client, storeIn(join(root, 'store')), 'run-1').catch(
        (caught: unknown) => caught,
      )
      codes.push((error as { code: string }).code)
    }
    expect(codes).toEqual([
      'ERR_LINEAPRINT_SERVICE',
      'ERR_LINEAPRINT_RECORD',
      'ERR_LINEAPRINT_RANGE',
      'ERR_LINEAPRINT_SERVICE',
    ])
    expect(readdirSync(root)).toEqual(['store'])
    expect(readdirSync(join(root, 'store/.lineaprint/runs'))).toEqual([])
    ;[answer] = answers as [object]
    status = 400
    const env = { LINEAPRINT_TOKEN: UNKNOWN, LINEAPRINT_SERVER: `http://127.0.0.1:${port}` }
    const { code, stdout, stderr } = await lineaprint(['pull', '--all', '--json'], { cwd: root, env })
    expect(code).toBe(3)
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u202e]/)
  } finally {
    server.close()
  }
})

describe.skipIf(!isInstalled)('with a server', { timeout: 120_000 }, () => {
  let databases: Databases
  let team: Team

  beforeAll(async () => {
    databases = await startDatabases()
    team = await startTeam(await databases.create())
  }, 120_000)

  afterAll(async () => {
    await team?.stop()
    await databases?.stop()
  }, 60_000)

  const call = async (cwd: string, args: readonly string[], token = ''): Promise<Outcome> =>
    lineaprint(args, {
      cwd,
      env: { LINEAPRINT_DATABASE: team.address, LINEAPRINT_SERVER: team.url, LINEAPRINT_TOKEN: token },
    })

  test('tokens are made, listed and revoked, and runs go there and back', async () => {
    const [root, other] = [folderOf(), folderOf()]
    const made = await call(root, [
      'token',
      'create',
      '--project',
      'vision',
      '--role',
      'writer',
      '--name',
      'ci',
    ])
    const token = made.stdout.trim()
    expect([made.code, /^lp_[\w-]{43}$/.test(token)]).toEqual([0, true])
    for (const [args, message] of [
      [['--project', 'vision', '--name', 'ci'], 'has a token of this name'],
      [['--project', '../x', '--name', 'ci'], 'invalid name of a project'],
      [['--project', 'vision', '--name', 'a\u001bb'], 'invalid name of a token'],
      [['--project', 'vision'], 'token needs --name'],
    ] as const) {
      const refused = await call(root, ['token', 'create', ...args])
      expect([refused.code === 0, refused.stderr.includes(message)], refused.stderr).toEqual([false, true])
    }
    for (const id of ['one', 'two']) await finished(root, { experimentId: id })
    for (const name of ['a.txt', 'b.txt']) writeFileSync(join(root, '.lineaprint/runs/one', name), name)
    const warned = await call(root, ['push', 'one'], token)
    expect(warned.stderr).toBe(
      'lineaprint: warning: one: 2 files are not listed in the record, and not sent: a.txt, b.txt\n',
    )
    const pushed = await call(root, ['push', '--all', '--json'], token)
    const states = (JSON.parse(pushed.stdout) as { runs: { id: string; state: string }[] }).runs
    expect(states.map(({ id, state }) => `${id} ${state}`)).toEqual(['one unchanged', 'two pushed'])
    writeFileSync(join(other, 'token'), `${token}\n`)
    const pulled = await call(other, ['pull', '@latest', 'one', '--token-file', 'token'])
    expect([pulled.code, pulled.stdout.split('\n').map((line) => line.slice(0, 11))]).toEqual([
      0,
      ['two  pulled', 'one  pulled', ''],
    ])
    const byVariable = await lineaprint(['pull', 'one'], {
      cwd: other,
      env: { LINEAPRINT_SERVER: team.url, LINEAPRINT_TOKEN: '', LINEAPRINT_TOKEN_FILE: join(other, 'token') },
    })
    expect([byVariable.code, byVariable.stdout]).toEqual([0, 'one  unchanged\n'])
    expect(statSync(join(other, '.lineaprint/runs/one')).mode & 0o077).toBe(0)
    const rows = (await call(root, ['token', 'list', '--project', 'vision'])).stdout.split('\n')
    expect(rows.map((row) => row.split('\t').map((cell) => cell.replace(/^[\d-]+T.*Z$/, 'time')))).toEqual([
      ['vision', 'ci', 'writer', 'time', 'time', 'in force'],
      [''],
    ])
    const env = { LINEAPRINT_DATABASE: team.address }
    for (const columns of [40, 80]) {
      const lines = linesAtTerminal(columns, ['token', 'list'], root, env)
      expect(lines[1]).toMatch(/^vision +ci +writer .*used/)
      expect(lines.filter((line) => line.length > columns)).toEqual([])
    }
    const listed = await call(root, ['token', 'list', '--project', 'vision', '--json'])
    expect(listed.stdout).toContain('"role": "writer"')
    expect(listed.stdout).not.toContain(token)
    expect((await call(root, ['token', 'revoke', '--project', 'vision', '--name', 'ci'])).code).toBe(0)
    const unknown = await call(root, ['push', 'one'], UNKNOWN)
    expect([unknown.code, unknown.stderr.includes(UNKNOWN)]).toEqual([3, false])
    expect(unknown.stderr).toContain('the token is not in force')
    expect((await call(root, ['pull', 'absent'], await team.token('reader'))).code).toBe(3)
    const empty = await call(root, ['pull', 'absent'], await team.token('reader', 'empty'))
    expect([empty.code, empty.stderr]).toEqual([
      3,
      expect.stringContaining('the project has no runs; send one there with "lineaprint push"') as unknown,
    ])
  })
})
