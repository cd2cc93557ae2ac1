// Compile src/ to dist/ and bundle the program.
import { spawnSync } from 'node:child_process'
import { bundleCommand } from './bundle-cli.mjs'

const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
await bundleCommand('dist')
