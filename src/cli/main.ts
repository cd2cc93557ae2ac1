#!/usr/bin/env node
/** Start the program `lineaprint`. Its modules are loaded after the cache of compiled code is on. */
import { takeInherited } from '../command/launcher/inherited.ts'
import { enableCompileCache } from './shared/compile-cache.ts'

takeInherited()
enableCompileCache()
await import('./program.ts')
