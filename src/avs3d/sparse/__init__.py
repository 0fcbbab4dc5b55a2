"""Sparse convolution on voxels, in plain PyTorch: one code for CPU and CUDA.

    coords, features -> SparseTensor -> SubmanifoldConv / StridedConv / TransposedConv -> ...

`voxels` makes voxels from points, `levels` holds the coordinates of every resolution and finds
which voxels meet, `kernel_map` keeps that in blocks, `conv` does the arithmetic block by block,
`threads` shares the blocks out, `scratch` keeps work memory, `modules` wraps it all for `torch.nn`,
`pooling` reduces voxels to one row per sample or per mask. There is no model in here.
"""

from avs3d.sparse.kernel_map import KernelMap
from avs3d.sparse.levels import Level
from avs3d.sparse.modules import (
    PointwiseConv,
    SparseBatchNorm,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
    conv_norm,
    is_watched,
)
from avs3d.sparse.pooling import pool_by_mask, pool_by_sample
from avs3d.sparse.scratch import scratch
from avs3d.sparse.threads import for_rows
from avs3d.sparse.voxels import Voxels, voxelize

__all__ = [
    "KernelMap",
    "Level",
    "PointwiseConv",
    "SparseBatchNorm",
    "SparseTensor",
    "StridedConv",
    "SubmanifoldConv",
    "TransposedConv",
    "Voxels",
    "conv_norm",
    "for_rows",
    "is_watched",
    "pool_by_mask",
    "pool_by_sample",
    "scratch",
    "voxelize",
]
