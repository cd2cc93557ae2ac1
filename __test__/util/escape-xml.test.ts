import { expect, test } from 'vitest'
import { escapeXml } from '../../src/util/escape-xml.ts'

test('markup, control characters and lone surrogates do not reach an XML document', () => {
  expect(escapeXml('<a b="1">&\u0007\ud800')).toBe('&lt;a b=&quot;1&quot;&gt;&amp;\ufffd\ufffd')
})
