/**
 * A first look: a real training run is tracked, shown and verified; then one weight is changed, and the run is
 * verified again.
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
command('node examples/iris/train.ts', [join(here, 'train.ts'), folder], here, 0)

heading('What was this run?')
command('lineaprint show @latest', [program, 'show', '@latest'], folder, 0)

heading('Is everything as it was?')
command('lineaprint verify @latest', [program, 'verify', '@latest'], folder, 0)

heading('Now one weight is changed: the last bit of the first one')
const path = join(folder, 'iris.safetensors')
const bytes = readFileSync(path)
const firstWeight = 8 + Number(bytes.readBigUInt64LE(0))
bytes[firstWeight] = (bytes[firstWeight] ?? 0) ^ 1
writeFileSync(path, bytes)
command('lineaprint verify @latest', [program, 'verify', '@latest'], folder, 1)

console.log(
  `\nThe run lies in ${relative(process.cwd(), join(folder, '.lineaprint'))}; try "lineaprint --help" there.`,
)

function heading(text: string): void {
  console.log(`\n── ${text}`)
}

/** Runs a Node program, shows what a person would have typed, and ends if the exit code is not the one expected. */
function command(typed: string, args: readonly string[], cwd: string, expected: number): void {
  console.log(`$ ${typed}`)
  const { status, error } = spawnSync(execPath, args, { cwd, stdio: 'inherit' })
  if (error) throw error
  if (expected !== 0) console.log(`(exit code ${status})`)
  if (status === expected) return
  console.error(`expected exit code ${expected}, received ${status}`)
  exit(1)
}
