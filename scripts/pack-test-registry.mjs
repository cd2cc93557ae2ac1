// A registry on loopback for the test of the packages. It contains only what the test puts there, and has no
// upstream.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { runServer } from 'verdaccio'
import { readManifest } from './pack-test-tarball.mjs'
import { root } from './setup.mjs'

/** Start the registry on a free port. @returns its address, and a function that stops it */
export async function startRegistry(folder) {
  mkdirSync(folder)
  const app = await runServer({
    storage: join(folder, 'storage'),
    self_path: folder,
    configPath: join(folder, 'verdaccio.yaml'),
    web: { enable: false },
    uplinks: {},
    packages: { '**': { access: '$all', publish: '$all' } },
    max_body_size: '100mb',
    log: { type: 'stdout', format: 'pretty', level: 'fatal' },
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject))
  const url = `http://127.0.0.1:${server.address().port}/`
  return {
    url,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Upload a tarball directly, which is faster than one npm process per package. */
export async function put(url, tarball) {
  const bytes = readFileSync(tarball)
  const manifest = readManifest(tarball)
  const { name, version } = manifest
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
  const file = basename(tarball)
  const response = await fetch(`${url}${name.replace('/', '%2f')}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      _id: name,
      name,
      'dist-tags': { latest: version },
      versions: {
        [version]: {
          ...manifest,
          _id: `${name}@${version}`,
          dist: {
            integrity,
            shasum: createHash('sha1').update(bytes).digest('hex'),
            tarball: `${url}${name}/-/${file}`,
          },
        },
      },
      _attachments: {
        [file]: {
          content_type: 'application/octet-stream',
          data: bytes.toString('base64'),
          length: bytes.length,
        },
      },
    }),
  })
  if (!response.ok)
    throw new Error(`the registry refused ${name}: ${response.status} ${await response.text()}`)
}

/** List the folders of the runtime dependencies, as installed in this repository. */
export function runtimeDependencies() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  return (
    Object.entries(packages)
      .filter(([path, entry]) => path !== '' && !entry.dev && !entry.devOptional)
      .map(([path, { optional }]) => ({ folder: join(root, path), optional }))
      // Optional ones can be for another platform.
      .filter(({ folder, optional }) => !optional || existsSync(folder))
      .map(({ folder }) => folder)
  )
}
