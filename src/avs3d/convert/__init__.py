"""From published checkpoints to bundles: nothing of the authors' code, nothing unpickled.

`bundle.convert` is the whole of it; `known` lists the published weights that have a name here, and
`fetch` gets them.
"""
