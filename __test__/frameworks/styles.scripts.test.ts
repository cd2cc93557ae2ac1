/** Scripts that train by themselves, and what starts them. */
import { expect, test } from 'vitest'
import { expectedOf, outcomeOf } from './style.ts'
import { SLOW } from './support.ts'
import type { Style } from './style.ts'

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
    // It prints its loss, and its settings are variables.
    seen: { datasets: ['data'], modelFiles: [/^out\/ckpt\.pt$/] },
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
    seen: {
      metrics: { 'loss/train': [4, 15, ['tensorboard']] },
      parameters: {
        input: ['names.txt', 'argparse'],
        work_dir: ['out', 'argparse'],
        seed: [3407, 'argparse'],
        steps: [20, 'argparse'],
        workers: [2, 'argparse'],
      },
      datasets: ['names'],
      modelFiles: [/^out\/model\.pt$/],
    },
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
    seen: {
      // Of both ranks, once.
      parameters: {
        'trainer.epochs': [2, 'hydra'],
        'trainer.batch': [8, 'hydra'],
        'trainer.seed': [1337, 'hydra'],
        'trainer.snapshot': ['out/snapshot.pt', 'hydra'],
        'optimizer.rate': [0.01, 'hydra'],
      },
      modelFiles: [/^out\/snapshot\.pt$/],
    },
  },
  {
    name: 'LightGBM and scikit-learn',
    program: 'boosting',
    options: ['--metrics', 'out/metrics.json'],
    command: 'python train.py out',
    output: 'out',
    model: [],
    programs: [{ script: 'train.py', ownSeeds: {} }],
    differing: [/^outputs\.out\.files\.model\.txt$/],
    detail: /^the same bytes$/,
    seen: {
      metrics: { 'valid_0-l2': [10, 9, ['lightgbm']], forest: [1, null, ['out/metrics.json']] },
      parameters: {
        objective: ['regression', 'lightgbm'],
        num_leaves: [7, 'lightgbm'],
        learning_rate: [0.2, 'lightgbm'],
        bagging_fraction: [0.7, 'lightgbm'],
        bagging_freq: [1, 'lightgbm'],
        feature_fraction: [0.8, 'lightgbm'],
        num_threads: [1, 'lightgbm'],
        deterministic: [true, 'lightgbm'],
        force_row_wise: [true, 'lightgbm'],
        verbose: [-1, 'lightgbm'],
        num_iterations: [10, 'lightgbm'],
      },
      // The text of LightGBM is none by its extension.
      modelFiles: [/^out\/predictions\.npy$/],
    },
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
    seen: {
      parameters: { seed: [3, 'argparse'], out: ['out', 'argparse'] },
      modelFiles: [/^out\/model\.safetensors$/],
    },
  },
  {
    name: 'steps of make',
    program: 'make',
    options: ['--metrics', 'build/report.json'],
    command: 'make',
    output: 'build',
    model: [],
    programs: ['make_data.py', 'train.py', 'report.py'].map((script) => ({ script, ownSeeds: {} })),
    differing: [/^outputs\.build\.files\.data\.npy$/, /^outputs\.build\.tensors\.0\.weight$/],
    detail: /^the same bytes$/,
    seen: {
      metrics: Object.fromEntries(
        ['0.bias', '0.weight', '1.bias', '1.weight'].map((name) => [name, [1, null, ['build/report.json']]]),
      ),
      parameters: {
        data: ['build/data.npy', 'argparse'],
        model: ['build/model.safetensors', 'argparse'],
        width: [6, 'argparse'],
      },
      modelFiles: [/^build\/data\.npy$/, /^build\/model\.safetensors$/],
    },
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
    seen: { modelFiles: [/^out\/model\.safetensors$/] },
  },
]

test.each(STYLES.map((style) => [style.name, style] as const))('%s', SLOW, async (_, style) => {
  expect(await outcomeOf(style)).toEqual(expectedOf(style))
})
