/**
 * The source `variables`: environment variables of an allow-list. Other variables are neither recorded nor
 * counted. The list has no names that usually hold secrets, and values that look like secrets are replaced in
 * any case.
 */
import { redactText, redactUrl } from '../../../secrets/redact.ts'
import { words } from '../../../util/word-list.ts'
import type { Source } from '../source.ts'

/** Variables that can change the result of a program. The digest covers them. */
export const HASHED_VARIABLES: readonly string[] = words(`
  CUDA_VISIBLE_DEVICES CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING CUDA_MODULE_LOADING CUBLAS_WORKSPACE_CONFIG
  NVIDIA_TF32_OVERRIDE NVIDIA_VISIBLE_DEVICES TORCH_ALLOW_TF32_CUBLAS_OVERRIDE PYTORCH_CUDA_ALLOC_CONF
  PYTORCH_ENABLE_MPS_FALLBACK TORCHDYNAMO_DISABLE TF_DETERMINISTIC_OPS TF_CUDNN_DETERMINISTIC
  TF_ENABLE_ONEDNN_OPTS TF_XLA_FLAGS XLA_FLAGS JAX_ENABLE_X64 JAX_PLATFORMS JAX_DEFAULT_MATMUL_PRECISION
  JAX_DEFAULT_PRNG_IMPL HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HSA_OVERRIDE_GFX_VERSION NCCL_ALGO NCCL_PROTO
  OMP_NUM_THREADS OMP_DYNAMIC OMP_SCHEDULE MKL_NUM_THREADS MKL_DYNAMIC MKL_CBWR OPENBLAS_NUM_THREADS
  OPENBLAS_CORETYPE BLIS_NUM_THREADS NUMEXPR_NUM_THREADS VECLIB_MAXIMUM_THREADS TOKENIZERS_PARALLELISM
  WORLD_SIZE LOCAL_WORLD_SIZE UV_THREADPOOL_SIZE NODE_ENV TZ LANG LC_ALL LC_NUMERIC LC_COLLATE LC_CTYPE
  PYTHONOPTIMIZE PYTHONUTF8 PYTHONIOENCODING PYTHONNOUSERSITE HF_HUB_OFFLINE HF_DATASETS_OFFLINE
  TRANSFORMERS_OFFLINE
`)

/**
 * Variables that describe user, location and job. They are recorded, but the digest does not cover them,
 * because another job or folder does not make another environment.
 */
export const RECORDED_VARIABLES: readonly string[] = words(`
  PYTHONHASHSEED LINEAPRINT_SEED PL_GLOBAL_SEED NODE_OPTIONS PYTHONPATH VIRTUAL_ENV CONDA_DEFAULT_ENV
  CONDA_PREFIX HF_HOME TORCH_HOME RANK LOCAL_RANK NODE_RANK GROUP_RANK MASTER_ADDR MASTER_PORT CI
  CC CXX FC CFLAGS CXXFLAGS LDFLAGS RUSTFLAGS CUDA_HOME CUDA_PATH LD_LIBRARY_PATH
  PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CONSTRAINT UV_INDEX UV_INDEX_URL UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL
  CONDA_CHANNELS NPM_CONFIG_REGISTRY npm_config_registry HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy
  no_proxy
`)

/** The variables in which each scheduler identifies the job and the part of it. */
export const SCHEDULER_VARIABLES: Readonly<Record<string, readonly string[]>> = {
  slurm: words(`
    SLURM_JOB_ID SLURM_JOB_NAME SLURM_JOB_PARTITION SLURM_JOB_NUM_NODES SLURM_JOB_NODELIST SLURM_CLUSTER_NAME
    SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID SLURM_RESTART_COUNT SLURM_PROCID SLURM_LOCALID SLURM_NODEID
    SLURM_NTASKS SLURM_NTASKS_PER_NODE SLURM_CPUS_PER_TASK SLURM_CPUS_ON_NODE SLURM_MEM_PER_NODE SLURM_GPUS
    SLURM_GPUS_ON_NODE SLURM_GPUS_PER_NODE SLURM_JOB_GPUS SLURM_STEP_ID
  `),
  kubernetes: words(`
    KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT POD_NAME POD_NAMESPACE POD_UID NODE_NAME JOB_NAME
    JOB_COMPLETION_INDEX
  `),
  ray: words(
    `RAY_ADDRESS RAY_JOB_ID RAY_RUNTIME_ENV_HASH RAY_NODE_TYPE_NAME RAY_CLUSTER_NAME RAY_WORKER_INDEX`,
  ),
  pbs: words(`PBS_JOBID PBS_JOBNAME PBS_QUEUE PBS_NODENUM PBS_TASKNUM PBS_ARRAY_INDEX PBS_NP`),
  lsf: words(`LSB_JOBID LSB_JOBINDEX LSB_JOBNAME LSB_QUEUE LSB_DJOB_NUMPROC`),
  gridengine: words(`JOB_ID SGE_TASK_ID NSLOTS QUEUE SGE_CLUSTER_NAME`),
  flux: words(`FLUX_JOB_ID FLUX_TASK_RANK FLUX_JOB_SIZE FLUX_JOB_NNODES`),
  mpi: words(`
    OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE OMPI_COMM_WORLD_LOCAL_RANK PMI_RANK PMI_SIZE MPI_LOCALRANKID
  `),
  torchrun: words(`TORCHELASTIC_RUN_ID TORCHELASTIC_RESTART_COUNT TORCHELASTIC_MAX_RESTARTS`),
  sagemaker: words(`SM_CURRENT_HOST SM_NUM_GPUS SM_NUM_CPUS TRAINING_JOB_NAME`),
  vertex: words(`CLOUD_ML_JOB_ID CLOUD_ML_REGION`),
  azureml: words(`AZUREML_RUN_ID AZUREML_EXPERIMENT_ID`),
}

/** Source of the variables of the lists that are set. */
export const variablesSource: Source<'variables'> = {
  name: 'variables',
  probe: async ({ variables, options }) => {
    const hashed = new Set([...HASHED_VARIABLES, ...options.variables])
    const schedulers = Object.entries(SCHEDULER_VARIABLES).map(
      ([name, names]) => [name, pick(variables, names)] as const,
    )
    return {
      hashed: pick(variables, [...hashed]),
      // A variable that the configuration adds to the digest is only in the first list.
      recorded: pick(
        variables,
        RECORDED_VARIABLES.filter((name) => !hashed.has(name)),
      ),
      schedulers: Object.fromEntries(schedulers.filter(([, members]) => Object.keys(members).length > 0)),
    }
  },
}

function pick(variables: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {}
  for (const name of names) {
    const value = variables[name]
    if (value !== undefined) picked[name] = clean(name, value.toWellFormed())
  }
  return picked
}

/** Remove secrets from a value. It may hold several addresses, as those of pip and uv do. */
function clean(name: string, value: string): string {
  if (!/(?:URL|INDEX|CHANNELS|REGISTRY|PROXY)$/i.test(name)) return redactText(value)
  // `redactUrl` applies the rules for text to parts that are not addresses; a proxy may lack the scheme.
  return value
    .split(/(\s+|,)/)
    .map((part) => redactUrl(part.replace(/^[^/@\s]*:[^/@\s]*@/, '')))
    .join('')
}
