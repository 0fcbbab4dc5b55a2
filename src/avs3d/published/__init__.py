"""The files of the authors of 3D-AVS and OpenScene, read and written without their code."""
