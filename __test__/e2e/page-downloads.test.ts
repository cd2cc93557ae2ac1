/** Files of runs for the disk of the user. */
import { chmodSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Downloads } from '../../src/server/downloads.ts'
import { lineaprint } from '../support/program.ts'
import { folderOf } from '../support/folder.ts'
import { HOST, serverOf } from '../server/support.ts'
import type { DownloadBody, ErrorBody, RunListBody } from '../../src/server/api/types.ts'
import type { TestServer } from '../server/support.ts'

const MADE = '<script>alert(1)</script>'

async function made(): Promise<{ root: string; id: string; server: TestServer }> {
  const root = folderOf()
  const program = `require('fs').writeFileSync('out é.html', ${JSON.stringify(MADE)}); console.log('hello')`
  const words = ['run', '--keep', '--output', 'page=out é.html', '--', process.execPath, '-e', program]
  await lineaprint(words, { cwd: root })
  const server = serverOf(root)
  const { runs } = (await (await server.ask('/api/v1/runs')).json()) as RunListBody
  return { root, id: runs[0]?.id ?? '', server }
}

async function asked({ ask }: TestServer, id: string, body: unknown): Promise<Response> {
  return ask(`/api/v1/runs/${id}/downloads`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

test('a kept file is sent once, as it was kept, and never as a page', async () => {
  const { id, server } = await made()
  const response = await asked(server, id, { kind: 'kept', section: 'outputs', name: 'page', path: '' })
  expect(response.status, await response.clone().text()).toBe(200)
  const { download, size } = (await response.json()) as DownloadBody
  expect(size).toBe(MADE.length)
  // Without the key: a browser that saves a file sends none.
  const file = await server.ask(`/api/v1/downloads/${download}`, { headers: { Authorization: '' } })
  expect(await file.text()).toBe(MADE)
  expect(file.headers.get('Content-Type')).toBe('application/octet-stream')
  expect(file.headers.get('Content-Disposition')).toBe('attachment; filename="out%20%C3%A9.html"')
  expect(file.headers.get('X-Content-Type-Options')).toBe('nosniff')
  expect((await server.ask(`/api/v1/downloads/${download}`)).status).toBe(404)
  expect((await server.ask('/api/v1/downloads/toString')).status).toBe(404)
  const site = { Host: HOST, 'Sec-Fetch-Site': 'cross-site' }
  expect((await server.ask(`/api/v1/downloads/${download}`, { headers: site })).status).toBe(403)
})

test('a log is sent whole', async () => {
  const { id, server } = await made()
  const { download, name } = (await (
    await asked(server, id, { kind: 'log', name: 'stdout.log' })
  ).json()) as DownloadBody
  expect(name).toBe(`${id}-stdout.log`)
  expect(await (await server.ask(`/api/v1/downloads/${download}`)).text()).toBe('hello\n')
})

test('what the run did not keep, and names of strangers, are refused', async () => {
  const { id, server } = await made()
  for (const body of [
    { kind: 'log', name: '../../../../etc/passwd' },
    { kind: 'log', name: 'run.json' },
    { kind: 'kept', section: 'outputs', name: 'page', path: '../run.json' },
    { kind: 'kept', section: 'outputs', name: '__proto__', path: '' },
    { kind: 'kept', section: 'models', name: 'page', path: '' },
  ])
    expect([body, (await asked(server, id, body)).status]).toEqual([body, 404])
  expect((await asked(server, id, { kind: 'file', path: '/etc/passwd' })).status).toBe(400)
})

test('a damaged object is not sent', async () => {
  const { root, id, server } = await made()
  const folder = join(root, '.lineaprint/objects/blake3')
  for (const start of readdirSync(folder))
    for (const rest of readdirSync(join(folder, start))) {
      const path = join(folder, start, rest)
      if (readFileSync(path, 'utf8') !== MADE) continue
      chmodSync(path, 0o600)
      writeFileSync(path, MADE.replace('1', '2'))
    }
  const response = await asked(server, id, { kind: 'kept', section: 'outputs', name: 'page', path: '' })
  const { error } = (await response.json()) as ErrorBody
  expect([response.status, error.code]).toEqual([409, 'ERR_LINEAPRINT_CHANGED'])
})

test('only so many downloads wait', () => {
  const downloads = new Downloads()
  const file = { name: 'x', size: 0, blocks: async function* () {} }
  const first = downloads.add(file)
  for (let index = 0; index < 1000; index++) downloads.add(file)
  expect(() => downloads.take(first)).toThrow('too old')
})
