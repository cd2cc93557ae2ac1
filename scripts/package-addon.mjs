// node scripts/package-addon.mjs --target <target> [-x]: build the addon for a target as `npm run
// build:addon` does for this machine, but without npm. On a machine whose dependencies were installed
// without their scripts, `npm run` would look for the Node of node_modules, which does not exist.
import { execFileSync } from 'node:child_process'
import { manifest } from './package-names.mjs'
import { root } from './setup.mjs'

const [, ...fixed] = manifest.scripts['build:addon'].split(' ')
const tool = 'node_modules/@napi-rs/cli/dist/cli.js'
try {
  execFileSync(process.execPath, [tool, ...fixed, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
} catch (error) {
  process.exit(error.status ?? 1)
}
