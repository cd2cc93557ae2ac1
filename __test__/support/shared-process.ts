/** Runs before the tests of each file of the project `unit`, whose files share a process: the next file finds it as this one did. */
import { afterAll } from 'vitest'
import { namedGenerators, releaseGenerator, restoreProcess } from '../../src/capture/seeds/registry.ts'

const folder = process.cwd()
const { random } = Math

afterAll(() => {
  for (const [name] of namedGenerators()) releaseGenerator(name)
  restoreProcess(undefined, new Map())
  Math.random = random
  process.chdir(folder)
})
