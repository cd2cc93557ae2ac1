import sys

import numpy as np

np.save(sys.argv[1], np.random.rand(64, 4).astype("float32"))
