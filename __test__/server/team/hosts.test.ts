/** The names of a server: however they were given, and no others. */
import { expect, test } from 'vitest'
import { Hosts } from '../../../src/server/team/hosts.ts'

const hosts = new Hosts(['Runs.Example.org', 'other.example:8443', 'FD00::1', '[fd00::2]', '10.0.0.1'])

test.each([
  'runs.example.org',
  'RUNS.example.org:443',
  'other.example',
  'other.example:8443',
  '[fd00::1]',
  '[fd00::1]:8420',
  '[fd00::2]:8420',
  '10.0.0.1:8420',
  '127.0.0.1:1',
  'localhost',
  '[::1]:8420',
])('%s is a name of the server', (host) => {
  expect(() => hosts.checkHost(new Headers({ host }))).not.toThrow()
  expect(() => hosts.checkOrigin(new Headers({ origin: `https://${host}` }))).not.toThrow()
})

test.each([
  '',
  'example.org',
  'runs.example.org.evil.example',
  'evil.example:runs.example.org',
  'runs.example.org:123456',
  '[fd00::3]',
  'fd00::1',
  '10.0.0.1@evil.example',
])('%j is none', (host) => {
  expect(() => hosts.checkHost(new Headers({ host }))).toThrow('the request names another host')
  expect(() => hosts.checkOrigin(new Headers({ origin: `https://${host}` }))).toThrow('another site')
})
