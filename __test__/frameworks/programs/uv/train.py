import os
import sys

import numpy as np
from safetensors.numpy import save_file

rng = np.random.default_rng()
x = rng.normal(size=(50, 2))
w, *_ = np.linalg.lstsq(x, x @ np.array([1.0, 3.0]) + rng.normal(size=50), rcond=None)
os.makedirs(sys.argv[1], exist_ok=True)
save_file({"w": w}, os.path.join(sys.argv[1], "model.safetensors"))
