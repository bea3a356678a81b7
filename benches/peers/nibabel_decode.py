"""nibabel's side of `cargo run --release -p lacuna-volume --example decode -- --peer PYTHON`.

Reads one request per line, `KIND PATH`, and answers with the seconds of process CPU time that the
reading took, page faults and the page cache included. KIND is `stored` for the numbers as the file
stores them (a copy, since nibabel maps plain files without reading them) or `float32` for scaled
intensities, which is what lacuna gives. Needs nibabel and numpy.
"""

import sys
import time

import nibabel
import numpy


def read(kind, path):
    image = nibabel.load(path)
    if kind == "float32":
        return image.get_fdata(dtype=numpy.float32, caching="unchanged")
    return numpy.array(numpy.asanyarray(image.dataobj))


print(f"nibabel {nibabel.__version__}, numpy {numpy.__version__}, Python {sys.version.split()[0]}", flush=True)
for line in sys.stdin:
    kind, path = line.rstrip("\n").split(" ", 1)
    start = time.process_time()
    voxels = read(kind, path)
    seconds = time.process_time() - start
    # float64 sum: shows that both sides read the same.
    print(f"{seconds:.9f} {voxels.sum(dtype=numpy.float64):.17g}", flush=True)
    del voxels
