// Publish the tarballs of a folder: every platform first, the root last, so that nobody can install a root
// whose binaries are missing. It can be run again after a failure: packages that are already published with
// the same content are skipped, and the same version with other content is an error.
//
//   node scripts/release-publish.mjs [folder] [--without-provenance]
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { manifest, packageOf, platforms, tarballOf } from './package-names.mjs'

const { argv } = process
const folder = resolve(argv.slice(2).find((argument) => !argument.startsWith('--')) ?? 'dist-packages')
// Provenance requires a build service that can prove its identity.
const provenance = argv.includes('--without-provenance') ? [] : ['--provenance']
// A version such as 1.0.0-rc.1 must not become the default of `npm install`.
const tag = manifest.version.includes('-') ? 'next' : 'latest'

const names = [...platforms.map(packageOf), manifest.name]
const absent = names.filter((name) => !existsSync(join(folder, tarballOf(name))))
if (absent.length > 0) fail(`no tarball in ${folder} for ${absent.join(', ')}`)
for (const name of names) publish(name, join(folder, tarballOf(name)))

function publish(name, tarball) {
  const { status, stdout, stderr } = npm([
    'publish',
    tarball,
    '--access',
    'public',
    '--tag',
    tag,
    '--ignore-scripts',
    ...provenance,
  ])
  if (status === 0) return console.log(`published ${name}@${manifest.version}`)
  const localIntegrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`
  const publishedIntegrity = npm(['view', `${name}@${manifest.version}`, 'dist.integrity']).stdout.trim()
  if (publishedIntegrity === localIntegrity) return console.log(`already there: ${name}@${manifest.version}`)
  process.stderr.write(stdout + stderr)
  fail(
    publishedIntegrity === ''
      ? `${name} could not be published`
      : `${name}@${manifest.version} is there with other content: a version cannot be published twice`,
  )
}

function npm(args) {
  return spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' })
}

function fail(message) {
  console.error(`release-publish: ${message}`)
  process.exit(1)
}
