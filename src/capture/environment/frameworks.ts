/**
 * Machine learning frameworks, with the CUDA, cuDNN and BLAS builds that they were built for. Almost
 * everything is read from metadata and from files that are not executed; the framework is run only for values
 * that no file holds.
 */
import { errorText } from '../../util/error-text.ts'
import { readdir } from 'node:fs/promises'
import { arch, platform } from 'node:process'
import { join } from 'node:path'
import { NotAvailable, NotApplicable, NotRequested } from '../../util/not-available.ts'
import { words } from '../../util/word-list.ts'
import { queryProgram, recordNonexistent } from './source.ts'
import { pythonPath } from './python/find.ts'
import type { findInstalled, Installed } from './javascript/installed.ts'
import type { FindPython, ProbedPython, PythonAnswer } from './python/find.ts'
import type { Source, SourceContext } from './source.ts'
import type { FrameworksFindings, JavaScriptFramework, PythonFramework } from './types.ts'

/** Names of Python distributions. */
const PYTHON_FRAMEWORKS: ReadonlySet<string> = new Set(
  words(`
  torch torchvision torchaudio torchdata pytorch-lightning lightning tensorflow tensorflow-cpu tensorflow-gpu
  tensorflow-rocm keras jax jaxlib flax optax orbax-checkpoint equinox numpy scipy pandas polars pyarrow
  scikit-learn xgboost lightgbm catboost transformers datasets tokenizers accelerate peft trl safetensors
  huggingface-hub evaluate diffusers sentence-transformers timm deepspeed bitsandbytes flash-attn xformers triton
  vllm onnx onnxruntime onnxruntime-gpu paddlepaddle paddlepaddle-gpu mxnet cupy numba mlx
`),
)

/** Packages that contain libraries of NVIDIA, AMD, Intel and Google. */
const LIBRARIES = /^(?:nvidia-|jax-cuda|jax-rocm|libtpu|mkl$|openblas|intel-openmp|pytorch-triton)/

/** Names of npm packages. */
const NPM_FRAMEWORKS =
  /^(?:@tensorflow\/tfjs.*|onnxruntime-(?:node|web|common)|@huggingface\/[a-z-]+|@xenova\/transformers|brain\.js|ml-[a-z-]+|@stdlib\/random|danfojs(?:-node)?|apache-arrow|ndarray|synaptic|natural|@mlc-ai\/web-llm|node-llama-cpp|langchain|@langchain\/[a-z-]+)$/

/** Create the source; both searches are shared with the sources `npm` and `python`. */
export function createFrameworksSource(
  findModules: typeof findInstalled,
  findPython: FindPython,
): Source<'frameworks'> {
  return {
    name: 'frameworks',
    probe: async (context) => {
      const { directory, signal, unseen } = context
      if (!context.options.packages)
        throw new NotRequested('packages are not captured (environment.packages is false)')
      const [python, modules] = await Promise.all([
        findPython(context).catch((error: unknown) => {
          if (!(error instanceof NotAvailable)) throw error
          if (error instanceof NotApplicable) recordNonexistent(context, 'python', error.message)
          else unseen.set('python', error.message)
          return undefined
        }),
        findModules(directory, signal),
      ])
      const findings = {
        python: python === undefined ? {} : await describePython(python, context),
        libraries: python === undefined ? {} : select(python.answer, (name) => LIBRARIES.test(name)),
        javascript: await describeModules(modules, unseen),
      }
      if (Object.values(findings).every((part) => Object.keys(part).length === 0))
        throw new NotApplicable('no machine learning framework is installed')
      return findings
    },
  }
}

function select({ packages }: PythonAnswer, isWanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries((packages ?? []).filter(([name]) => isWanted(name)))
}

async function describePython(
  python: ProbedPython,
  context: SourceContext,
): Promise<FrameworksFindings['python']> {
  const { answer } = python
  const described = new Map<string, PythonFramework>()
  for (const [name, version] of Object.entries(
    select(answer, (distribution) => PYTHON_FRAMEWORKS.has(distribution)),
  )) {
    const facts = answer.builds[name]
    const unread = answer.unread[name]
    if (unread !== undefined)
      context.unseen.set(`python.${name}.build`, `its build file cannot be read: ${unread}`)
    described.set(name, { version, ...(facts !== undefined && { build: builtWith(name, facts) }) })
  }
  const torch = described.get('torch')
  if (torch?.build !== undefined)
    described.set('torch', { ...torch, ...(await torchLibraries(torch.build, python, context)) })
  return Object.fromEntries(described)
}

/** Build fields to record, each with the names of the constants that may hold it, by framework. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  torch: {
    release: ['__version__'],
    cuda: ['cuda'],
    hip: ['hip'],
    rocm: ['rocm'],
    xpu: ['xpu'],
    commit: ['git_version'],
  },
  tensorflow: {
    cuda: ['build_info.cuda_version'],
    cudnn: ['build_info.cudnn_version'],
    cudaArchitectures: ['build_info.cuda_compute_capabilities'],
    compiler: ['build_info.cpu_compiler'],
  },
  onnxruntime: { cuda: ['cuda_version'], cudnn: ['cudnn_version'], package: ['package_name'] },
  paddlepaddle: { cuda: ['cuda_version'], cudnn: ['cudnn_version'], commit: ['commit'] },
  numpy: {
    blas: ['CONFIG.Build Dependencies.blas.name', 'blas_opt_info.libraries', 'blas_info.libraries'],
    blasVersion: ['CONFIG.Build Dependencies.blas.version'],
    blasConfiguration: ['CONFIG.Build Dependencies.blas.openblas configuration'],
    lapack: ['CONFIG.Build Dependencies.lapack.name', 'lapack_opt_info.libraries'],
    compiler: ['CONFIG.Compilers.c.name'],
    compilerVersion: ['CONFIG.Compilers.c.version'],
  },
}

function builtWith(name: string, facts: Readonly<Record<string, unknown>>): Record<string, string> {
  const family = name === 'scipy' ? 'numpy' : name.replace(/-(?:cpu|gpu|rocm)$/, '')
  const fields = Object.entries(FIELDS[family] ?? {}).flatMap(([field, constants]) => {
    const value = constants.map((constant) => facts[constant]).find((candidate) => candidate !== undefined)
    // Paddle writes "False" for none; `None` becomes null.
    if (value === undefined) return []
    const isNone = value === 'False' || value === null || typeof value === 'object'
    return [[field, isNone ? 'none' : `${value as string | number | boolean}`] as const]
  })
  return Object.fromEntries(fields)
}

/** Query for values that PyTorch keeps in its libraries and in no file. */
const TORCH_QUERY = `
import sys
sys.path = [p for p in sys.path if p not in ('', '.')]
import json, torch
print('\\nlineaprint-torch:' + json.dumps([torch.backends.cudnn.version(), torch.__config__.show()]))
`

/**
 * Return the cuDNN and BLAS versions of PyTorch. cuDNN is a separate package if it was installed from an
 * index. Otherwise it is linked in, and PyTorch is run to read its version, which takes seconds. A CPU build
 * has no cuDNN and is not run.
 */
async function torchLibraries(
  { cuda }: Readonly<Record<string, string>>,
  { command, answer }: ProbedPython,
  context: SourceContext,
): Promise<Pick<PythonFramework, 'cudnn' | 'blas'>> {
  const packaged = answer.packages?.find(([name]) => /^nvidia-cudnn(?:-cu\d+)?$/.test(name))?.[1]
  if (cuda === undefined || cuda === 'none') {
    context.unseen.set('python.torch.blas', 'only known after PyTorch is imported')
    return { cudnn: 'none' }
  }
  if (packaged !== undefined) {
    context.unseen.set('python.torch.blas', 'only known after PyTorch is imported')
    return { cudnn: packaged }
  }
  try {
    const output = await queryProgram(command, ['-c', TORCH_QUERY], context, {
      environment: pythonPath(context).environment,
    })
    const line = output.split('\n').findLast((text) => text.startsWith('lineaprint-torch:')) ?? ''
    const [cudnn, shown] = JSON.parse(line.slice('lineaprint-torch:'.length)) as [unknown, unknown]
    const blas = /BLAS_INFO=([A-Za-z0-9_]+)/.exec(String(shown))?.[1]
    return { cudnn: String(cudnn), ...(blas !== undefined && { blas }) }
  } catch (error) {
    context.signal.throwIfAborted()
    context.unseen.set('python.torch.cudnn', `the PyTorch query failed: ${errorText(error, 'first')}`)
    return { cudnn: null }
  }
}

async function describeModules(
  modules: Installed,
  unseen: Map<string, string>,
): Promise<FrameworksFindings['javascript']> {
  const described = new Map<string, JavaScriptFramework>()
  const wanted = (modules.packages ?? []).filter(({ name }) => NPM_FRAMEWORKS.test(name))
  for (const { name, version } of wanted) {
    const versions = [...new Set([...(described.get(name)?.versions ?? []), version])]
    described.set(name, { versions: versions.toSorted() })
  }
  for (const [name, subfolder] of Object.entries(NATIVE_LIBRARIES)) {
    const known = described.get(name)
    if (known === undefined || modules.folder === undefined) continue
    const files = await librariesIn(join(modules.folder, name, subfolder))
    if (files === undefined)
      unseen.set(`javascript.${name}.libraries`, `the folder ${subfolder} does not exist`)
    else described.set(name, { ...known, libraries: files })
  }
  return Object.fromEntries(described)
}

/**
 * Folders in which packages keep their native libraries. The file names show the version, and whether CUDA is
 * supported.
 */
const NATIVE_LIBRARIES: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs-node': 'deps/lib',
  '@tensorflow/tfjs-node-gpu': 'deps/lib',
  'onnxruntime-node': `bin/napi-v6/${platform}/${arch}`,
}

async function librariesIn(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).filter((name) => /\.(?:so|dylib|dll|node)\b/.test(name)).toSorted()
  } catch {
    // Not installed for this system; the caller records the reason.
    return undefined
  }
}
