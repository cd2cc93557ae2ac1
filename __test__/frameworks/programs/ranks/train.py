"""Seeds each rank, and logs a number of its own and one that is reduced over all ranks."""

import os

import lineaprint
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
torch.set_num_threads(1)
rank = int(os.environ["RANK"])
torch.manual_seed(5 + rank)
value = torch.rand(1)
lineaprint.log_metric("own", value, 0)
dist.all_reduce(value)
lineaprint.log_metric("sum", value, 0)
print("rank", rank, flush=True)
# A rank that leaves while another one writes can be aborted by the threads of gloo.
dist.barrier()
dist.destroy_process_group()
