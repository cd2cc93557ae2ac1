/** Frameworks and what they were built with: read, and never run. */
import { execFileSync } from 'node:child_process'
import { arch, platform } from 'node:process'
import { describe, expect, test } from 'vitest'
import { objectAt } from '../fixture.ts'
import { captureFrameworks, folderOf, programs } from './fakes.ts'

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import importlib.metadata'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The files of an installed package, as far as they are read. */
function distribution(
  name: string,
  version: string,
  files: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { [`${name}-${version}.dist-info/METADATA`]: `Name: ${name}\nVersion: ${version}\n`, ...files }
}

/** A module that ends the program if it is ever run. */
const TRAP = "\nraise SystemExit('a build file was run')\n"

const TORCH = `from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip']
__version__ = '2.5.1+cu121'
debug = False
cuda: Optional[str] = '12.1'
git_version = 'a8d6afb511a69687bbb2b7e88a3cf67917e1697e'
hip: Optional[str] = None
${TRAP}`

const NUMPY = `from enum import Enum
CONFIG = _cleanup(
    {
        "Compilers": {"c": {"name": "gcc", "linker": r"ld.bfd", "version": "10.2.1"}},
        "Build Dependencies": {
            "blas": {
                "name": "scipy-openblas",
                "found": bool("True".lower().replace('false', '')),
                "version": "0.3.27",
                "openblas configuration": r"OpenBLAS 0.3.27 USE64BITINT Haswell MAX_THREADS=64",
            },
            "lapack": {"name": "scipy-openblas"},
        },
    }
)
${TRAP}`

const TENSORFLOW = `import collections
build_info = collections.OrderedDict([("cpu_compiler", "/usr/lib/llvm-18/bin/clang"), ("cuda_compute_capabilities", ["sm_60", "compute_90"]), ("cuda_version", "12.5.1"), ("cudnn_version", "9"), ("is_cuda_build", True)])
`

describe.skipIf(!hasPython())('with a real Python', () => {
  test('CUDA, cuDNN and BLAS of each, out of files that are not run', async () => {
    const site = folderOf({
      ...distribution('torch', '2.5.1', { 'torch/version.py': TORCH }),
      ...distribution('nvidia-cudnn-cu12', '9.1.0.70'),
      ...distribution('numpy', '2.0.0', { 'numpy/__config__.py': NUMPY }),
      ...distribution('tensorflow', '2.17.0', { 'tensorflow/python/platform/build_info.py': TENSORFLOW }),
      ...distribution('onnxruntime-gpu', '1.20.0', {
        'onnxruntime/capi/build_and_package_info.py':
          "package_name = 'onnxruntime-gpu'\ncuda_version = '12.4'\n",
      }),
      ...distribution('jax', '0.4.35'),
      ...distribution('jax-cuda12-plugin', '0.4.35'),
      ...distribution('scipy', '1.14.0', { 'scipy/__config__.py': 'this is { no Python' }),
    })
    const value = await captureFrameworks({ ...process.env, PYTHONPATH: site })
    expect(value).toMatchObject({
      status: 'present',
      python: {
        torch: { version: '2.5.1', build: { cuda: '12.1', hip: 'none' }, cudnn: '9.1.0.70' },
        numpy: {
          build: {
            blas: 'scipy-openblas',
            blasVersion: '0.3.27',
            blasConfiguration: expect.stringMatching(/^OpenBLAS 0\.3\.27/) as string,
            compiler: 'gcc',
            compilerVersion: '10.2.1',
          },
        },
        tensorflow: {
          build: { cuda: '12.5.1', cudnn: '9', cudaArchitectures: 'sm_60 compute_90' },
        },
        'onnxruntime-gpu': { build: { cuda: '12.4', package: 'onnxruntime-gpu' } },
        jax: { version: '0.4.35' },
        scipy: { version: '1.14.0' },
      },
      libraries: { 'nvidia-cudnn-cu12': '9.1.0.70', 'jax-cuda12-plugin': '0.4.35' },
      unseen: {
        'python.scipy.build': expect.stringMatching(/^its build file cannot be read: SyntaxError/) as string,
        'python.torch.blas': expect.stringMatching(/only known after PyTorch is imported/) as string,
      },
    })
  })

  test('a PyTorch with cuDNN linked in is queried, and a failure of the query is recorded', async () => {
    const answering = {
      'torch/version.py': "cuda = '12.1'\n",
      'torch/__init__.py': 'from . import backends, __config__\n',
    }
    const site = folderOf({
      ...distribution('torch', '2.5.1', answering),
      'torch/backends/__init__.py': 'from . import cudnn\n',
      'torch/backends/cudnn.py': 'def version():\n    return 90100\n',
      'torch/__config__.py': "def show():\n    return 'PyTorch built with: BLAS_INFO=mkl, USE_CUDA=ON'\n",
    })
    const value = await captureFrameworks({ ...process.env, PYTHONPATH: site })
    expect(value).toMatchObject({ python: { torch: { cudnn: '90100', blas: 'mkl' } } })
    const silent = folderOf({
      ...distribution('torch', '2.5.1', {
        'torch/version.py': "cuda = '12.1'\n",
        'torch/__init__.py': '1 / 0\n',
      }),
    })
    const second = await captureFrameworks({ ...process.env, PYTHONPATH: silent })
    expect(second).toMatchObject({
      python: { torch: { cudnn: null } },
      unseen: {
        'python.torch.cudnn': expect.stringMatching(
          /query failed: .* ended with 1: ZeroDivisionError/,
        ) as string,
      },
    })
  })
})

test('packages of npm, with the libraries that native ones bring', async () => {
  const folder = folderOf({
    'package.json': {},
    'node_modules/onnxruntime-node/package.json': { name: 'onnxruntime-node', version: '1.20.0' },
    [`node_modules/onnxruntime-node/bin/napi-v6/${platform}/${arch}/libonnxruntime_providers_cuda.so`]: '',
    [`node_modules/onnxruntime-node/bin/napi-v6/${platform}/${arch}/libonnxruntime.so.1`]: '',
    'node_modules/@tensorflow/tfjs-node/package.json': { name: '@tensorflow/tfjs-node', version: '4.22.0' },
    'node_modules/@huggingface/transformers/package.json': {
      name: '@huggingface/transformers',
      version: '3.0.0',
    },
    'node_modules/left-pad/package.json': { name: 'left-pad', version: '1.0.0' },
  })
  expect(await captureFrameworks({ PATH: '/nowhere' }, folder)).toMatchObject({
    javascript: {
      'onnxruntime-node': {
        versions: ['1.20.0'],
        libraries: ['libonnxruntime.so.1', 'libonnxruntime_providers_cuda.so'],
      },
      '@tensorflow/tfjs-node': { versions: ['4.22.0'] },
      '@huggingface/transformers': { versions: ['3.0.0'] },
    },
    unseen: {
      python: 'python3 is not installed; python is not installed',
      'javascript.@tensorflow/tfjs-node.libraries': 'the folder deps/lib does not exist',
    },
  })
})

test('none is no warning, and a Python that hangs does not hide those of npm', async () => {
  expect(await captureFrameworks({ PATH: '/nowhere' })).toEqual({
    status: 'absent',
    exists: false,
    reason: 'no machine learning framework is installed',
  })
  const value = await captureFrameworks(
    { PATH: `${programs({ python3: 'exec sleep 60' })}:/bin:/usr/bin` },
    folderOf({}),
    300,
  )
  expect(objectAt({ value }, 'value')).toMatchObject({ status: 'absent', reason: 'no answer within 0.3 s' })
})
