/**
 * Track, show and verify a real training run. Then change one weight and verify the run again.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { execPath, exit } from 'node:process'

const here = import.meta.dirname
const folder = join(here, 'output')
const program = join(here, '..', '..', 'dist', 'cli', 'main.js')

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)

heading('Train a small network on the Iris flowers, tracked')
command('node examples/iris/train.ts', [join(here, 'train.ts'), folder], folder, 0)

heading('What was this run?')
command('lineaprint show @latest', [program, 'show', '@latest'], folder, 0)

heading('Is everything unchanged?')
command('lineaprint verify @latest', [program, 'verify', '@latest'], folder, 0)

heading('Flip the lowest bit of the first weight, then verify again')
const path = join(folder, 'iris.safetensors')
const bytes = readFileSync(path)
const firstWeight = 8 + Number(bytes.readBigUInt64LE(0))
bytes[firstWeight] = (bytes[firstWeight] ?? 0) ^ 1
writeFileSync(path, bytes)
command('lineaprint verify @latest', [program, 'verify', '@latest'], folder, 1)

heading('Go on from here')
const place = relative(process.cwd(), folder)
shell(`npx lineaprint list --output-dir ${place}`)
console.log(`\nThe run stays in ${join(place, '.lineaprint')}. Everything else: npx lineaprint --help`)
console.log('\nTo see it in the browser:')
console.log(`  npx lineaprint ui @latest --output-dir ${place}`)

function heading(text: string): void {
  console.log(`\n── ${text}`)
}

/** Run a command line in a shell, exactly as it is printed. */
function shell(line: string): void {
  console.log(`$ ${line}`)
  const { status } = spawnSync(line, { shell: true, stdio: 'inherit' })
  if (status !== 0) exit(status ?? 1)
}

/** Run a Node program, print the command as a person would type it, and exit on an unexpected exit code. */
function command(typed: string, args: readonly string[], cwd: string, expected: number): void {
  console.log(`$ ${typed}`)
  const { status, error } = spawnSync(execPath, args, { cwd, stdio: 'inherit' })
  if (error) throw error
  if (expected !== 0) console.log(`(exit code ${status})`)
  if (status === expected) return
  console.error(`expected exit code ${expected}, received ${status}`)
  exit(1)
}
