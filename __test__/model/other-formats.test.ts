import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { formatOf } from '../../src/model/other-formats.ts'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

/** First bytes of formats, padded as files are. */
function head(hex: string, rest = ''): Uint8Array {
  return Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(rest.padEnd(64, '\u0001'))])
}

test('files of other formats are named by their first bytes', () => {
  const cases: [Uint8Array, string | undefined][] = [
    [head('47475546030000000100000000000000'), 'a GGUF file'],
    [head('504b03040000080800000000'), 'a zip file, as PyTorch, NumPy and Keras write them'],
    [head('80028a0a6cfc9c46f92068'), 'a pickle, as older versions of PyTorch write it'],
    [head('894844460d0a1a0a'), 'an HDF5 file, as Keras writes it'],
    [head('934e554d505901007600'), 'a NumPy array'],
    [head('1c00000054464c33'), 'a TensorFlow Lite model'],
    [head('08081207', 'pytorch'), 'an ONNX model'],
    [head('50415231', '\u0015\u0004'), 'a Parquet file'],
    [Buffer.from('# A model card\n'), 'text'],
    [gzipSync('weights'), undefined],
    [new Uint8Array(4), undefined],
    [safetensors({ w: floats([1]) }), undefined],
  ]
  for (const [bytes, what] of cases) expect(formatOf(bytes), what ?? 'not known').toBe(what)
})

test('a model in another format is refused with its name, and safetensors of any size are read', async () => {
  const root = folderOf({
    'x.gguf': head('47475546030000000100000000000000'),
    'README.md': '# A model card\n',
    'm.safetensors': safetensors({ w: floats([1]) }),
  })
  for (const [name, received] of [
    ['x.gguf', 'a GGUF file'],
    ['README.md', 'text'],
  ] as const) {
    const error = { code: 'ERR_LINEAPRINT_FORMAT', received, path: join(root, name) }
    await expect(readModel(join(root, name)), name).rejects.toMatchObject(error)
  }
  expect(await readModel(join(root, 'm.safetensors'))).toMatchObject({ tensorCount: 1 })
})

test('a zip that a program wrote is recognised', () => {
  const script =
    'import io, sys, zipfile; b = io.BytesIO(); z = zipfile.ZipFile(b, "w"); z.writestr("archive/data.pkl", b"x"); z.close(); sys.stdout.buffer.write(b.getvalue())'
  const bytes = execFileSync('python3', ['-c', script])
  expect(formatOf(bytes)).toMatch(/^a zip file/)
})
