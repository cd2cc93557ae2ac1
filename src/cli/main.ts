#!/usr/bin/env node
/** Start the program `lineaprint`. Its modules are loaded with the code that an earlier start compiled. */
import { argv, exit } from 'node:process'
import { CompiledChunks } from './shared/compiled-chunks.ts'

/** The bundler has them load the files of the program. */
const chunks = new CompiledChunks()

void start()

async function start(): Promise<void> {
  // Before anything that takes time: until then a signal that was ignored ends this process. In the bundle it is a small
  // file of its own, which is loaded after the check of the version of Node at the head.
  const { takeInherited } = await import('../command/launcher/inherited.ts')
  takeInherited()
  // All is written. To end by itself takes Node a millisecond longer.
  if (argv[2] === 'hash' && (await hasHashed(argv.slice(3)))) exit()
  chunks.open(argv[2])
  const { main } = await import('./program.ts')
  await main()
}

/** Hash small files the short way. Whatever prevents it, such as a missing addon, the command meets again and reports. */
async function hasHashed(args: readonly string[]): Promise<boolean> {
  try {
    const { hashSmall } = await import('./commands/hash/small.ts')
    return await hashSmall(args)
  } catch {
    return false
  }
}
