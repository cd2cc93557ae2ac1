import { expect, test } from 'vitest'
import { requirementsOf } from '../../../src/reproduce/rebuild/requirements.ts'

test('requirements: every origin has its line, and what pip would take for more than a name is left out', () => {
  const found = {
    packages: {
      numpy: ['2.0.0'],
      pip: ['24.0'],
      torch: ['2.5.1+cu121'],
      'from-git': ['1.0'],
      'from-file': ['1.0'],
      own: ['0.1'],
      '--index-url=https://evil.example': ['1.0'],
      evil: ['1.0\n--index-url https://evil.example'],
      'evil-url': ['1.0'],
    },
    direct: {
      'from-git': { url: 'https://host.example/x.git', commit: 'abcdef1234', editable: false },
      'from-file': { url: 'file:///old/wheels/x.whl', editable: false },
      own: { url: 'file:///old', editable: true },
      'evil-url': { url: 'https://x.example/a\n--extra-index-url=https://evil.example', editable: false },
    },
  }
  expect(requirementsOf(found, (text) => text.replace('/old', '/new'))).toEqual({
    text: [
      'numpy==2.0.0',
      'torch==2.5.1+cu121',
      'from-git @ git+https://host.example/x.git@abcdef1234',
      'from-file @ file:///new/wheels/x.whl',
      '-e file:///new',
      '',
    ].join('\n'),
    count: 5,
    skipped: ['--index-url=https://evil.example', 'evil', 'evil-url'],
  })
})
