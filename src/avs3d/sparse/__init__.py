"""Sparse convolution on voxels, in plain PyTorch: one code for CPU and CUDA.

    coords, features -> SparseTensor -> SubmanifoldConv / StridedConv / TransposedConv -> ...

`voxels` makes voxels from points, `levels` holds the coordinates of every resolution and the
kernel maps between them, `conv` does the arithmetic, `modules` wraps it for `torch.nn`, `pooling`
reduces voxels to one row per sample or per mask. There is no model in here.
"""

from avs3d.sparse.levels import KernelMap, Level
from avs3d.sparse.modules import (
    PointwiseConv,
    SparseBatchNorm,
    SparseTensor,
    StridedConv,
    SubmanifoldConv,
    TransposedConv,
)
from avs3d.sparse.pooling import pool_by_mask, pool_by_sample
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
    "pool_by_mask",
    "pool_by_sample",
    "voxelize",
]
