// node scripts/build-launcher.mjs [--target <target>] [-x]: build the program that starts commands, and put it beside
// the addon. With -x zig links it, as `napi build -x` does for the addon. Windows has none: Node starts commands there.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { LAUNCHER } from './package-names.mjs'
import { root } from './setup.mjs'

const { values } = parseArgs({ options: { target: { type: 'string' }, x: { type: 'boolean', short: 'x' } } })
const isWindows =
  values.target === undefined ? process.platform === 'win32' : values.target.includes('windows')
if (!isWindows) build(values.target, values.x === true)

function build(target, isCross) {
  const options = ['--profile', 'launcher', '--locked', '--package', LAUNCHER]
  const where = target === undefined ? [] : ['--target', target]
  try {
    execFileSync('cargo', [isCross ? 'zigbuild' : 'build', ...options, ...where], {
      cwd: root,
      stdio: 'inherit',
    })
  } catch (error) {
    process.exit(error.status ?? 1)
  }
  // The version of glibc after the target is for zig alone.
  const folder = target === undefined ? [] : [target.replace(/\.[\d.]+$/, '')]
  const built = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), ...folder, 'launcher', LAUNCHER)
  mkdirSync(join(root, 'native'), { recursive: true })
  const path = join(root, 'native', LAUNCHER)
  // A program that runs cannot be written to, but its name can be given to another.
  copyFileSync(built, `${path}.new`)
  chmodSync(`${path}.new`, 0o755)
  renameSync(`${path}.new`, path)
}
