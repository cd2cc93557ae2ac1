import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { linesAtTerminal } from '../support/terminal.ts'
import { floats, fromHeader, safetensors } from '../support/safetensors.ts'

test('a model in a pipe is tab-separated, and --json holds the same digests', async () => {
  const cwd = folderOf({
    'model.safetensors': safetensors({ w: floats([1, 2]), v: floats([1, 2]) }),
    'config.json': '{"dtype":"x"}',
  })
  const { code, stdout } = await lineaprint(['model', '.'], { cwd })
  expect(code).toBe(0)
  const rows = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t')),
  )
  expect(rows).toMatchObject({
    tensors: '2',
    parameters: '4',
    size: '16',
    tied: 'v = w',
    'left out': 'config.json: dtype',
  })
  const { stdout: json } = await lineaprint(['model', '.', '--json'], { cwd })
  expect(JSON.parse(json)).toMatchObject({ architecture: rows['architecture'], weights: rows['weights'] })
})

test('a file from a stranger is refused in one line and exit code 3', async () => {
  const cwd = folderOf({
    'm.safetensors': fromHeader('{"a\\u001b[31m":{"dtype":"F32","shape":[1],"data_offsets":[0,99]}}'),
  })
  const { code, stdout, stderr } = await lineaprint(['model', 'm.safetensors'], { cwd })
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toMatch(/m\.safetensors: tensor "a\\u001b\[31m": its data_offsets do not fit/)
  expect(stderr).not.toContain('\u001b')
})

test('a dataset', async () => {
  const cwd = folderOf({ 'data/a': '1', 'data/b': '22' })
  const { stdout } = await lineaprint(['dataset', 'data'], { cwd })
  expect(stdout).toMatch(
    /^digest\ttree\.v1\.blake3:[0-9a-f]{64}\nkind\tfolder\npath\t.*data\nsize\t3\nfiles\t2\nfolders\t1\n$/,
  )
})

test('doctor says what is there', async () => {
  const { code, stdout } = await lineaprint(['doctor', '--json'], { cwd: folderOf({}) })
  const findings = JSON.parse(stdout) as { name: string; state: string }[]
  expect(code).toBe(0)
  expect(findings.map(({ name }) => name)).toContain('store')
  const file = await lineaprint(['doctor'], { cwd: folderOf({ '.lineaprint': 'a file in the way' }) })
  expect(file.code).toBe(1)
  expect(file.stdout).toMatch(/store\tproblem/)
})

test('the commands refuse, choose and compare', async () => {
  const cwd = folderOf({
    'both/part-k.safetensors': safetensors({ k: floats([1, 2, 3]) }),
    'both/part-q.safetensors': safetensors({ q: floats([4]) }),
    'both/model.safetensors.index.json': JSON.stringify({
      weight_map: { k: 'part-k.safetensors', q: 'part-q.safetensors' },
    }),
    'both/model.safetensors': safetensors({ k: floats([9, 2, 3]), q: floats([4]) }),
    'single/model.safetensors': safetensors({ k: floats([9, 2, 3]), q: floats([4]) }),
  })
  const refused = await lineaprint(['model', 'both'], { cwd })
  expect(refused).toMatchObject({ code: 3, stdout: '' })
  expect(refused.stderr).toMatch(/model\.safetensors, model\.safetensors\.index\.json.*--weights/)
  const compared = await lineaprint(['diff', 'single', 'both'], { cwd })
  expect(compared).toMatchObject({ code: 3, stdout: '' })
  expect(await lineaprint(['diff', 'single', 'both', '--as', 'folder'], { cwd })).toMatchObject({ code: 1 })
  const chosen = await lineaprint(['diff', 'single', 'both', '--weights', 'model.safetensors'], { cwd })
  expect(chosen.code).toBe(0)
  const [model, tensors] = await Promise.all([
    lineaprint(['model', 'both', '--weights', 'model.safetensors', '--json'], { cwd }),
    lineaprint(['hash', '--tensors', 'both', '--weights', 'model.safetensors.index.json', '--json'], { cwd }),
  ])
  expect(JSON.parse(model.stdout)).toMatchObject({ selectedWeights: 'model.safetensors' })
  expect(JSON.parse(tensors.stdout)).toMatchObject([{ tensors: [{ name: 'k' }, { name: 'q' }] }])
})

test('a run that used a Git LFS pointer says so, and how to get the file', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'3'.repeat(64)}\nsize 77000\n`
  const cwd = folderOf({ 'w.safetensors': pointer, 'train.parquet': pointer })
  const model = await lineaprint(['model', 'w.safetensors'], { cwd })
  expect(model).toMatchObject({ code: 3, stdout: '' })
  expect(model.stderr).toMatch(/w\.safetensors: this is a Git LFS pointer.*git lfs pull/)
  const dataset = await lineaprint(['dataset', 'train.parquet'], { cwd })
  expect(dataset.stderr).toMatch(/Git LFS pointer.*git lfs pull/)
  const run = ['run', '--name', 'r', '--dataset', 'd=train.parquet', '--', process.execPath, '--version']
  expect((await lineaprint(run, { cwd })).stderr).toMatch(/warning: the dataset "d".*git lfs pull/)
  const shown = await lineaprint(['show', 'r'], { cwd })
  expect(shown.stdout.replace(/\s+/g, ' ')).toMatch(/Warnings .*Git LFS pointer.*git lfs pull/)
})

test('two downloads of one revision are equal, and what was skipped is reported', async () => {
  const state = '.cache/huggingface/download/model.bin.metadata'
  const cwd = folderOf({
    'a/model.bin': 'w',
    'b/model.bin': 'w',
    [`a/${state}`]: '1700000000.5',
    [`b/${state}`]: '1800000000.7',
    'b/sub/.cache/huggingface': 'a file',
  })
  const rows = (await lineaprint(['hash', 'a', 'b', '--json'], { cwd })).stdout
  const [a, b] = JSON.parse(rows) as { digests: object; skipped: string[]; warnings: string[] }[]
  expect(a?.digests).toEqual(b?.digests)
  expect([a?.skipped, b?.skipped]).toEqual([
    ['.cache/huggingface'],
    ['.cache/huggingface', 'sub/.cache/huggingface'],
  ])
  expect(a?.warnings).toEqual([expect.stringContaining('--include-skipped')])
  expect(await lineaprint(['diff', 'a', 'b'], { cwd })).toMatchObject({ code: 0 })
  await lineaprint(['manifest', 'a', '-o', 'a.json'], { cwd })
  await lineaprint(['manifest', 'b', '-o', 'b.json'], { cwd })
  expect(readFileSync(join(cwd, 'a.json'))).toEqual(readFileSync(join(cwd, 'b.json')))
  expect(await lineaprint(['check', 'a.json', 'b'], { cwd })).toMatchObject({ code: 0 })
  const all = await lineaprint(['hash', 'a', 'b', '--include-skipped', '--json'], { cwd })
  const [wholeA, wholeB] = JSON.parse(all.stdout) as { digests: object; skipped: string[] }[]
  expect(wholeA?.digests).not.toEqual(wholeB?.digests)
  expect(wholeA?.skipped).toEqual([])
})

test('a run that does not exist is an input, not a usage', async () => {
  const cwd = folderOf({})
  for (const args of [
    ['show', 'none'],
    ['verify', 'none'],
    ['reproduce', 'none'],
    ['export', 'none', '-f', 'json'],
  ])
    expect(await lineaprint(args, { cwd }), args.join(' ')).toMatchObject({ code: 3, stdout: '' })
})

test('half a surrogate pair in a configuration is a fault of the file', async () => {
  const cwd = folderOf({
    'model.safetensors': safetensors({ w: floats([1]) }),
    'config.json': '{"a":"\\ud834"}',
  })
  const { code, stderr } = await lineaprint(['model', '.'], { cwd })
  expect(code).toBe(3)
  expect(stderr).toMatch(/config\.json: a text in it has half a surrogate pair/)
})

const LLAMA = {
  'llama/model.safetensors': safetensors(
    Object.fromEntries(
      Array.from({ length: 30 }, (_, layer) => [
        `model.layers.${layer}.self_attn.q_proj.weight`,
        floats([layer, 1], [1, 2]),
      ]),
    ),
  ),
  'llama/config.json': JSON.stringify({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 2,
    quantization_config: { quant_method: 'gptq', bits: 4 },
  }),
}

test('what a model is: in a pipe, as text and as JSON', async () => {
  const cwd = folderOf({ ...LLAMA, 'out/readme': '' })
  const { code, stdout } = await lineaprint(['model', 'llama', '--architecture', 'out'], { cwd })
  expect(code).toBe(0)
  expect(stdout).toContain('\ntype\tllama\nclass\tLlamaForCausalLM\nquantisation\tgptq, bits 4\n')
  expect(stdout).toContain('\nlayer\tmodel.layers.{0..29}.self_attn.q_proj.weight  F32 [1, 2]  30 tensors\n')
  const family = /^family\t(family\.v1\.blake3:[0-9a-f]{64})$/m.exec(stdout)?.[1]
  const text = readFileSync(join(cwd, 'out/llama_architecture.txt'), 'utf8')
  expect(text).toContain(`  family        ${family}\n`)
  expect(text).toContain('\nhyperparameters\n  hidden_size  2\n')
  const args = ['model', 'llama', '--architecture', 'a.json', '--json']
  const json = JSON.parse((await lineaprint(args, { cwd })).stdout) as object
  expect(json).toMatchObject({ family })
  expect(JSON.parse(readFileSync(join(cwd, 'a.json'), 'utf8'))).toMatchObject({
    name: 'llama',
    type: 'llama',
    classes: ['LlamaForCausalLM'],
    hyperparameters: { hidden_size: 2 },
    quantisation: { method: 'gptq', settings: { bits: 4 } },
    digests: { family: { blake3: family } },
    layers: [{ pattern: 'model.layers.{0..29}.self_attn.q_proj.weight', tensors: 30 }],
  })
  const nowhere = await lineaprint(['model', 'llama', '--architecture', 'no/a.txt'], { cwd })
  expect(nowhere.code).not.toBe(0)
  expect(nowhere.stderr).toMatch(/no\/a\.txt.*cannot be written/)
})

test.each([40, 80, 200])('what a model is at a terminal of %i columns', (columns) => {
  const cwd = folderOf(LLAMA)
  const lines = linesAtTerminal(columns, ['model', 'llama'], cwd)
  const shown = lines.join('\n').replace(/\s+/g, ' ')
  expect(shown).toMatch(/ family /)
  expect(shown).toContain('model.layers.{0..29}.self_attn.q_proj.weight F32 [1, 2] 30 tensors')
  // The digests and a name are longer than a narrow line; everything else is folded.
  const rows = lines.slice(lines.findIndex((line) => line.startsWith('type')))
  for (const line of rows) expect(line.length, line).toBeLessThanOrEqual(Math.max(columns, 60))
})

const ONE = safetensors({ w: floats([1]) })
const PIPELINE = {
  'pipe/model_index.json':
    '{"_class_name": "P", "scheduler": ["diffusers", "S"], "unet": ["diffusers", "U"]}',
  'pipe/scheduler/scheduler_config.json': '{}',
  'pipe/unet/diffusion_pytorch_model.safetensors': ONE,
}

test('a pipeline is printed component by component', async () => {
  const cwd = folderOf(PIPELINE)
  const { code, stdout } = await lineaprint(['model', 'pipe'], { cwd })
  expect(code).toBe(0)
  const lines = stdout.trim().split('\n')
  expect(lines[0]).toMatch(/^pipeline\tpipeline\.v1\.blake3:[0-9a-f]{64}$/)
  const from = lines.indexOf('component\tscheduler  diffusers.S')
  expect(lines.slice(from, from + 5)).toEqual([
    'component\tscheduler  diffusers.S',
    expect.stringMatching(/^ {2}settings\tsettings\.v1\.blake3:/),
    'component\tunet  diffusers.U, safetensors, 1 tensor',
    expect.stringMatching(/^ {2}architecture\tarchitecture\.v1\.blake3:/),
    expect.stringMatching(/^ {2}weights\tweights\.v1\.blake3:/),
  ])
  const { stdout: json } = await lineaprint(['model', 'pipe', '--json'], { cwd })
  expect(JSON.parse(json)).toMatchObject({
    pipeline: lines[0]?.split('\t')[1],
    components: [{ name: 'scheduler' }, { name: 'unet', class: 'U', tensorCount: 1 }],
  })
})

test('an adapter says what is known of its base', async () => {
  const cwd = folderOf({
    'lora/adapter_config.json': '{"peft_type": "LORA", "base_model_name_or_path": "owner/base"}',
    'lora/adapter_model.safetensors': ONE,
    'base/model.safetensors': ONE,
  })
  const bound = await lineaprint(['model', 'lora', '--base', 'base'], { cwd })
  expect(bound.stdout).toMatch(/^adapter\tadapter\.v1\.blake3:/m)
  expect(bound.stdout).toMatch(/^base\t.*base \(given\)$/m)
  const alone = await lineaprint(['model', 'lora', '--no-base'], { cwd })
  expect(alone).toMatchObject({ code: 0 })
  expect(alone.stdout).toMatch(/^base\tnot-checked: its base was not looked for$/m)
  expect(alone.stdout).not.toMatch(/^adapter\t/m)
  expect(await lineaprint(['model', 'base', '--base', 'lora'], { cwd })).toMatchObject({ code: 2 })
  expect(await lineaprint(['model', 'lora', '--base', 'none'], { cwd })).toMatchObject({ code: 3 })
})

test('a checkpoint that is not read has a tree and no tensors', async () => {
  const cwd = folderOf({ 'step/_METADATA': '{"tree_metadata": {}}', 'step/d/x': 'y' })
  const { code, stdout } = await lineaprint(['model', 'step'], { cwd })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^tree\ttree\.v1\.blake3:/)
  expect(stdout).toContain(
    'no digest\tthis is a checkpoint of Orbax; its tensors are not read, only its files',
  )
  expect(stdout).not.toMatch(/^(?:tensors|parameters|weights)\t/m)
})

test('--keep-model keeps the weights of a model that a run uses', async () => {
  const cwd = folderOf({ 'net/model.safetensors': ONE, 'net/notes.txt': 'x' })
  const run = ['run', '--json', '--model', 'net=net', '--', process.execPath, '-e', '0']
  const { stdout } = await lineaprint([...run.slice(0, 1), '--keep-model', ...run.slice(1)], { cwd })
  const { id } = JSON.parse(stdout) as { readonly id: string }
  const shown = await lineaprint(['show', id, '--json'], { cwd })
  expect(JSON.parse(shown.stdout)).toMatchObject({
    models: { net: { kept: { status: 'kept', files: [{ path: 'model.safetensors' }] } } },
  })
})
