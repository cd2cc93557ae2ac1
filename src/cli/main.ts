#!/usr/bin/env node
/** Start the program `lineaprint`. Its modules are loaded after the cache of compiled code is on. */
import { enableCompileCache } from './shared/compile-cache.ts'

// Before anything that takes time: until then a signal that was ignored ends this process. In the bundle it is a small
// file of its own, which is loaded after the check of the version of Node at the head.
const { takeInherited } = await import('../command/launcher/inherited.ts')

takeInherited()
enableCompileCache()
await import('./program.ts')
