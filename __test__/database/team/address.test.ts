/** Messages about a database tell neither its user nor its password. */
import { describe, expect, test } from 'vitest'
import { checkAddress, withoutCredentials } from '../../../src/database/team/address.ts'

const ADDRESS = checkAddress('postgres://ada%20l:s%3Acret@db/runs?password=second&sslpassword=third')

describe('withoutCredentials', () => {
  test.each([
    ['role "ada l" does not exist', 'role "<redacted>" does not exist'],
    ['le rôle « ada l » n’existe pas', 'le rôle « <redacted> » n’existe pas'],
    ['die Rolle »ada l« existiert nicht', 'die Rolle »<redacted>« existiert nicht'],
    ['tried s:cret, s%3Acret, second and third', 'tried <redacted>, <redacted>, <redacted> and <redacted>'],
    [`no answer from ${ADDRESS.whole}`, 'no answer from postgres://db/runs'],
    ['the ada l of a sentence', 'the ada l of a sentence'],
  ])('%s', (text, expected) => {
    expect(withoutCredentials(text, ADDRESS)).toBe(expected)
  })
})
