/** The greeting of a program as it should be; tests change one thing. */
export const HELLO: Readonly<Record<string, unknown>> = {
  call: 'hello',
  protocol: 1,
  pid: process.pid,
  parent: 1,
  kind: 'program',
  version: '3.11.0',
  implementation: 'cpython',
  hashSeed: null,
  seed: null,
  origin: null,
  path: [],
}
