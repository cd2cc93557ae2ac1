// Test of an installed lineaprint. This file is copied into a folder with the packed package and run there.
// It checks that hashes are correct, that panics become errors, and which files are loaded. It prints the
// result as JSON; any failure ends it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { hashFile, VERSION } from 'lineaprint'
import { native } from './node_modules/lineaprint/dist/native/load.js'

// The longest input of BLAKE3's published test vectors: 102400 bytes that repeat 0 to 250.
const BYTES = 102_400
const BLAKE3 = 'blake3:bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085'
writeFileSync(
  'data.bin',
  Uint8Array.from({ length: BYTES }, (_, index) => index % 251),
)

const { digests, size } = await hashFile('data.bin', { algorithm: 'both' })
const sha256 = createHash('sha256').update(readFileSync('data.bin')).digest('hex')
assert.equal(size, BYTES)
assert.equal(String(digests.blake3), BLAKE3)
assert.equal(String(digests.sha256), `sha256:${sha256}`)

const panic = await native.panicOnPurpose(new native.NativeJob())
assert.equal(panic.code, 'ERR_LINEAPRINT_INTERNAL')
assert.match(panic.message, /a bug in lineaprint at .*: a panic on purpose/)
// The process continues to work after the panic.
assert.equal(String((await hashFile('data.bin')).digest), BLAKE3)

console.log(JSON.stringify({ version: VERSION, digest: BLAKE3, sha256, panic }))
