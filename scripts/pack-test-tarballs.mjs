// node scripts/pack-test-tarballs.mjs [folder]: install the tarballs of this platform in an empty folder and
// use them. It needs only Node and npm, so it runs on every platform of a release. Dependencies come from the
// configured registry of npm.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { localPlatform, manifest, packageOf, tarballOf } from './package-names.mjs'
import { root } from './setup.mjs'

const packages = resolve(process.argv[2] ?? 'dist-packages')
const name = localPlatform()
const folder = mkdtempSync(join(tmpdir(), 'lineaprint-tarballs-'))
try {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  const tarballs = [packageOf(name), manifest.name].map((each) => join(packages, tarballOf(each)))
  run('npm', ['install', '--no-audit', '--no-fund', ...tarballs])
  copyFileSync(join(root, 'scripts', 'pack-test-installed.mjs'), join(folder, 'check.mjs'))
  run(process.execPath, ['check.mjs'])
  run('npx', ['--no-install', 'lineaprint', 'doctor'])
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
console.log(`the packages of ${manifest.version} work on ${name} with Node ${process.versions.node}`)

function run(command, args) {
  const shell = process.platform === 'win32' && command !== process.execPath
  execFileSync(command, args, { cwd: folder, stdio: 'inherit', shell, timeout: 300_000 })
}
