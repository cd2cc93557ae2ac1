/** Text in XML. */

/** Escape names, which come from programs: they must not become markup, and XML has no control characters. */
export function escapeXml(content: string): string {
  return content
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
