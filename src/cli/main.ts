#!/usr/bin/env node
/** Start the program `lineaprint`. Its modules are loaded after the cache of compiled code is on. */
import { enableCompileCache } from './shared/compile-cache.ts'

enableCompileCache()
await import('./program.ts')
