/** Trainers of libraries, and notebooks. */
import { expect, test } from 'vitest'
import { expectedOf, outcomeOf } from './style.ts'
import { SLOW } from './support.ts'
import type { Style } from './style.ts'

const TRAINER =
  'python run_lm.py --output_dir out --max_steps 4 --save_steps 2 --per_device_train_batch_size 8 --eval_strategy steps --eval_steps 2 --logging_steps 1 --report_to tensorboard --use_cpu true'

const SFT =
  'python sft.py --output_dir out --max_steps 2 --save_steps 1 --per_device_train_batch_size 8 --logging_steps 1 --report_to none --use_cpu true --bf16 false'

/** On a busy machine, nbclient ends the kernel before it has reported its name. */
const KERNEL = expect.stringMatching(/^(?:ipykernel_launcher\.py)?$/) as string

const STYLES: readonly Style[] = [
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
    drawn: ['random'],
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
    drawn: ['random'],
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
    name: 'a notebook that nbconvert executes',
    program: 'notebook',
    command: 'jupyter nbconvert --to notebook --execute train.ipynb --output-dir out',
    output: 'out',
    model: [],
    programs: [
      { script: 'jupyter-nbconvert', ownSeeds: {} },
      { script: KERNEL, ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
  },
  {
    name: 'a notebook that papermill executes',
    program: 'notebook',
    command: 'sh run.sh',
    output: 'out',
    model: [],
    programs: [
      { script: 'papermill', ownSeeds: {} },
      { script: KERNEL, ownSeeds: {} },
    ],
    differing: [/^outputs\.out\.tensors\.weight$/],
    detail: /left out: volatile fields of train\.ipynb$/,
  },
]

test.each(STYLES.map((style) => [style.name, style] as const))('%s', SLOW, async (_, style) => {
  expect(await outcomeOf(style)).toEqual(expectedOf(style))
})
