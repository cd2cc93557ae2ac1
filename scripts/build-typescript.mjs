// Compiles src/ to dist/ and makes the program executable.
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'

const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
chmodSync('dist/cli/main.js', 0o755)
