/**
 * Each style of training program, with the real framework: it is recorded, what it wrote reproduces, and another seed
 * is named as the cause of other tensors.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SLOW, digestsOf, inProject, plain, programsIn, project, recordOf } from './support.ts'

/** A style, and what is true of its program. */
interface Style {
  readonly name: string
  /** Folder of `programs/`. */
  readonly program: string
  /** A command that makes the data first. */
  readonly prepare?: string
  /** Options of `lineaprint run`. */
  readonly options?: readonly string[]
  readonly command: string
  readonly output: string
  /** Files that hold the model. */
  readonly model: readonly RegExp[]
  /** The Python programs of the run: script, rank, and seeds of its own. */
  readonly programs: readonly { script: string; rank?: number; ownSeeds: Record<string, string> }[]
  /** The seeds of the run that are compared: 42, and another, by this command if the program sets its own. */
  readonly other?: string
  /** Fields that differ then: the tensors of a safetensors file, or the file. */
  readonly differing: readonly RegExp[]
  /** Part of the detail of the verdict about the output. */
  readonly detail: RegExp
}

const TRAINER =
  'python run_lm.py --output_dir out --max_steps 4 --save_steps 2 --per_device_train_batch_size 8 --eval_strategy steps --eval_steps 2 --logging_steps 1 --report_to tensorboard --use_cpu true'

const SFT =
  'python sft.py --output_dir out --max_steps 2 --save_steps 1 --per_device_train_batch_size 8 --logging_steps 1 --report_to none --use_cpu true --bf16 false'

const STYLES: readonly Style[] = [
  {
    name: 'a script with settings that it overwrites (nanoGPT)',
    program: 'gpt',
    prepare: 'python data/letters/prepare.py',
    options: ['--dataset', 'data=data/letters'],
    command: 'python train.py --steps=12',
    output: 'out',
    model: [/^out\/ckpt\.pt$/],
    programs: [{ script: 'train.py', ownSeeds: { torch: '1337' } }],
    other: 'python train.py --steps=12 --seed=7',
    differing: [/^outputs\.out\.files\.ckpt\.pt$/],
    detail: /^the same bytes$/,
  },
  {
    name: 'one file with everything, workers and TensorBoard (makemore)',
    program: 'names',
    options: ['--dataset', 'names=names.txt'],
    command: 'python names.py',
    output: 'out',
    model: [/^out\/model\.pt$/],
    programs: [{ script: 'names.py', ownSeeds: { torch: '3407' } }],
    other: 'python names.py --seed 1',
    differing: [/^outputs\.out\.files\.model\.pt$/],
    detail: /left out: 2 volatile files \(events\.out\.tfevents\./,
  },
  {
    name: 'ranks of torchrun, each with a seed of its own (minGPT-ddp)',
    program: 'ddp',
    command: 'torchrun --standalone --nproc_per_node=2 main.py',
    output: 'out',
    model: [/^out\/snapshot\.pt$/],
    programs: [
      { script: 'torchrun', ownSeeds: {} },
      { script: 'main.py', rank: 0, ownSeeds: { torch: '1337' } },
      { script: 'main.py', rank: 1, ownSeeds: { torch: '1338' } },
    ],
    other: 'torchrun --standalone --nproc_per_node=2 main.py trainer.seed=7',
    differing: [/^outputs\.out\.files\.snapshot\.pt$/],
    detail: /^the same bytes$/,
  },
  {
    name: 'the Trainer of transformers, with checkpoints and TensorBoard',
    program: 'trainer',
    command: `${TRAINER} --seed 11`,
    output: 'out',
    model: [/^out\/model\.safetensors$/, /^out\/checkpoint-2\/model\.safetensors$/],
    programs: [{ script: 'run_lm.py', ownSeeds: { numpy: '11', random: '11', torch: '11' } }],
    other: `${TRAINER} --seed 12`,
    differing: [
      /^outputs\.out\.tensors\.transformer\.h\.0\.attn\.c_attn\.weight$/,
      /^outputs\.out\.files\.checkpoint-2\/model\.safetensors$/,
    ],
    detail:
      /left out: \d+ volatile files \(runs\/\w{5}_.*volatile fields of all_results\.json, checkpoint-2\/trainer_state\.json/,
  },
  {
    name: 'the SFTTrainer of TRL, with a tokenizer',
    program: 'sft',
    command: `${SFT} --seed 11`,
    output: 'out',
    model: [/^out\/model\.safetensors$/, /^out\/checkpoint-1\/model\.safetensors$/],
    programs: [{ script: 'sft.py', ownSeeds: { numpy: '11', random: '11', torch: '11' } }],
    other: `${SFT} --seed 12`,
    differing: [/^outputs\.out\.tensors\.transformer\.wte\.weight$/],
    detail: /./,
  },
  {
    name: 'Lightning with the settings and the folders of Hydra',
    program: 'lightning',
    command: 'python train.py',
    output: 'logs',
    model: [/^logs\/train\/runs\/[-_\d]+\/csv\/version_0\/metrics\.csv$/],
    programs: [{ script: 'train.py', ownSeeds: { numpy: '12345', random: '12345', torch: '12345' } }],
    other: 'python train.py seed=1',
    differing: [/^outputs\.logs\.files\.train\/runs\/[-_\d]+\/checkpoints\/last\.ckpt$/],
    detail: /left out: 2 volatile files .*\.hydra\/hydra\.yaml.*times in the paths of 9 files$/,
  },
  {
    name: 'Lightning with its defaults',
    program: 'lightning',
    command: 'python plain.py',
    output: 'lightning_logs',
    model: [],
    programs: [{ script: 'plain.py', ownSeeds: {} }],
    differing: [/^outputs\.lightning_logs\.files\.version_0\/checkpoints\/epoch=1-step=8\.ckpt$/],
    detail: /left out: 2 volatile files/,
  },
  {
    name: 'LightGBM and scikit-learn',
    program: 'boosting',
    command: 'python train.py out',
    output: 'out',
    model: [],
    programs: [{ script: 'train.py', ownSeeds: {} }],
    differing: [/^outputs\.out\.files\.model\.txt$/],
    detail: /^the same bytes$/,
  },
  {
    name: 'JAX, with keys that the program makes',
    program: 'jax',
    command: 'python train.py --seed 3',
    output: 'out',
    model: [/^out\/model\.safetensors$/],
    programs: [{ script: 'train.py', ownSeeds: { jax: '3' } }],
    other: 'python train.py --seed 4',
    differing: [/^outputs\.out\.tensors\.layer0\.w$/],
    detail: /^the same bytes$/,
  },
  {
    name: 'a notebook that nbconvert executes',
    program: 'notebook',
    command: 'jupyter nbconvert --to notebook --execute train.ipynb --output-dir out',
    output: 'out',
    model: [],
    programs: [
      { script: 'jupyter-nbconvert', ownSeeds: {} },
      { script: 'ipykernel_launcher.py', ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
  },
  {
    name: 'a notebook that papermill executes',
    program: 'notebook',
    command: 'papermill train.ipynb out/train.ipynb -p steps 20',
    output: 'out',
    model: [],
    programs: [
      { script: 'papermill', ownSeeds: {} },
      { script: 'ipykernel_launcher.py', ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
  },
  {
    name: 'steps of make',
    program: 'make',
    command: 'make',
    output: 'build',
    model: [],
    programs: ['make_data.py', 'train.py', 'report.py'].map((script) => ({ script, ownSeeds: {} })),
    differing: [/^outputs\.build\.files\.data\.npy$/, /^outputs\.build\.tensors\.0\.weight$/],
    detail: /^the same bytes$/,
  },
  {
    name: 'uv run',
    program: 'uv',
    command: 'uv run --offline --no-sync python train.py out',
    output: 'out',
    model: [],
    programs: [{ script: 'train.py', ownSeeds: {} }],
    differing: [/^outputs\.out\.tensors\.w$/],
    detail: /^the same bytes$/,
  },
]

test.each(STYLES)('$name', SLOW, async (style) => {
  const { output, programs } = style
  const command = style.command.split(' ')
  const root = project(style.program)
  if (style.prepare !== undefined) await plain(root, style.prepare.split(' '))
  // What the command writes by itself, if it seeds itself.
  const model = style.other === undefined ? [] : style.model
  if (model.length > 0) await plain(root, command)
  const alone = await digestsOf(root, model)
  clear(root, output)

  const options = ['--output', `${output}=${output}`, ...(style.options ?? [])]
  const run = await inProject(root, ['run', '--name', 'first', '--seed', '42', ...options, '--', ...command])
  expect(run.code, run.stderr).toBe(0)
  // Lineaprint changes nothing, and the model is the same bit for bit.
  expect(await digestsOf(root, model)).toEqual(alone)

  const record = recordOf(root, 'first')
  const found = programsIn(record)
  expect(
    found.map(({ script, rank, ownSeeds }) => ({ script, ownSeeds, ...(rank !== undefined && { rank }) })),
  ).toEqual(programs)
  for (const { seed, origin } of found) expect([seed, origin]).toEqual([42, 'run'])
  expect(record.warnings).toEqual(programs.filter(hasOwnSeeds).map(ownSeedsWarning))
  expect(record.flags ?? []).toEqual([])
  expect(run.stderr).toContain(`, ${programs.length} program${programs.length === 1 ? '' : 's'} seeded;`)

  const again = await inProject(root, [
    'reproduce',
    'first',
    '--json',
    '--into',
    join(root, '..', `${root}-again`),
  ])
  rmSync(`${root}-again`, { recursive: true, force: true })
  const { items } = JSON.parse(again.stdout) as {
    items: { section: string; verdict: string; detail: string }[]
  }
  const verdict = items.find(({ section }) => section === 'outputs')
  expect(verdict).toMatchObject({ verdict: 'same', detail: expect.stringMatching(style.detail) as string })
  expect(again.code).toBe(0)

  // Another seed: of the program, or of the run.
  clear(root, output)
  const seed = style.other === undefined ? '43' : '42'
  const other = style.other?.split(' ') ?? command
  const second = await inProject(root, [
    'run',
    '--name',
    'second',
    '--seed',
    seed,
    ...options,
    '--',
    ...other,
  ])
  expect(second.code, second.stderr).toBe(0)
  const diff = await inProject(root, ['diff', 'first', 'second', '--json', '--all'])
  expect(diff.code).toBe(1)
  const { differences, firstCause } = JSON.parse(diff.stdout) as {
    differences: { field: string }[]
    firstCause: string
  }
  const fields = differences.map(({ field }) => field)
  for (const pattern of style.differing) expect(fields).toContainEqual(expect.stringMatching(pattern))
  expect(firstCause).toBe('seeds')
})

type Expected = Style['programs'][number]

function hasOwnSeeds({ ownSeeds }: Expected): boolean {
  return Object.keys(ownSeeds).length > 0
}

function ownSeedsWarning({ script, ownSeeds }: Expected): string {
  const own = Object.entries(ownSeeds).map(([name, seed]) => `${name} ${seed}`)
  const [seeds, them] = own.length === 1 ? ['seed', 'it'] : ['seeds', 'them']
  return `${script} set its own ${seeds}, so --seed 42 has no effect on ${them}: ${own.join(', ')}`
}

/** Moves the output away; a file that git tracks stays. */
function clear(root: string, output: string): void {
  const tracked = readdirSync(root).includes(output) && readdirSync(join(root, output)).includes('.gitkeep')
  const kept = join(root, '.git', 'kept')
  if (tracked) renameSync(join(root, output, '.gitkeep'), kept)
  rmSync(join(root, output), { recursive: true, force: true })
  if (!tracked) return
  mkdirSync(join(root, output))
  renameSync(kept, join(root, output, '.gitkeep'))
}
